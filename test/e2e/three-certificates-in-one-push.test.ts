import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPlainYaml } from '../../src/lib/yaml-write.ts';
import { acmeIssuer, certificate, privateCa, startScenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

const PRIVATE_CA = `${privateCa()}---
${certificate({ name: 'leaf', namespace: 'pki', dnsNames: ['leaf.internal'], issuer: 'Issuer/ours' })}`;

test('three certificates and a CA of one’s own arrive from one push', async (context) => {
  const scenario = await startScenario('three', context);
  context.after(() => scenario.stop());
  const source = await scenario.push({
    'issuers/pebble.yaml': acmeIssuer(scenario),
    'web.yaml': [
      certificate({ name: 'ecdsa', dnsNames: ['ecdsa.example.com'] }),
      certificate({ name: 'rsa', dnsNames: ['rsa.example.com'], algorithm: 'RSA' }),
      certificate({ name: 'two', dnsNames: ['one.example.com', 'two.example.com'] }),
    ].join('---\n'),
    'pki.yaml': PRIVATE_CA,
  });

  const run = await scenario.runOnce();

  assert.equal(run.code, 0, run.stderr);
  const roots = await scenario.pebble.rootPem();
  const wanted = [
    { path: 'secrets/web/ecdsa-tls.yaml', names: ['ecdsa.example.com'], key: 'EC PRIVATE KEY', roots },
    { path: 'secrets/web/rsa-tls.yaml', names: ['rsa.example.com'], key: 'RSA PRIVATE KEY', roots },
    {
      path: 'secrets/web/two-tls.yaml',
      names: ['one.example.com', 'two.example.com'],
      key: 'EC PRIVATE KEY',
      roots,
    },
    { path: 'secrets/pki/root-tls.yaml', names: [], key: 'EC PRIVATE KEY', roots: undefined },
    { path: 'secrets/pki/leaf-tls.yaml', names: ['leaf.internal'], key: 'EC PRIVATE KEY', roots: undefined },
  ];
  for (const secret of wanted) await checkTlsSecret(scenario, secret);
  for (const name of ['web/certificates/ecdsa', 'web/certificates/rsa', 'web/certificates/two']) {
    const [status] = readPlainYaml((await scenario.show(`status/${name}.yaml`)) ?? '') as [StatusDocument];
    const ready = status.status.conditions.find(({ type }) => type === 'Ready');
    assert.deepEqual([ready?.status, ready?.reason], ['True', 'Ready']);
    assert.equal(status.status.revision, 1);
  }
  assert.deepEqual(
    (await scenario.list('status')).filter((path) => path.includes('.key.yaml')),
    ['status/_cluster/issuers/pebble.key.yaml'],
    'no next key is left behind',
  );
  assert.equal(await scenario.verifyCommits(), (await scenario.subjects()).length - 1);
  const trailers = await scenario.person.log('--grep=^Issue web/ecdsa$', '--format=%(trailers:only,unfold)');
  for (const line of [
    'Certops-Certificate: web/ecdsa',
    'Certops-Revision: 1',
    'Certops-Reason: DoesNotExist',
    'Certops-Issuer: ClusterIssuer/pebble',
    'Certops-Event: Presented HTTP-01 for ecdsa.example.com',
  ]) {
    assert.ok(trailers.includes(line), `${line} is missing in\n${trailers}`);
  }
  const [, acted] = /Certops-Source: ([0-9a-f]{40})/.exec(trailers) ?? [];
  await scenario.person.pull();
  assert.ok(await scenario.person.isAncestor(source, acted ?? ''), 'the source commit holds the push');

  const { orders, totalRequests } = scenario.pebble.counters();
  const tip = await scenario.tip();
  const second = await scenario.runOnce();
  const elsewhere = await scenario.runOnce({ data: 'another-machine' });

  assert.deepEqual([orders, second.code, elsewhere.code], [3, 0, 0]);
  assert.equal(await scenario.tip(), tip, 'nothing is committed again');
  assert.equal(scenario.pebble.counters().totalRequests, totalRequests, 'the CA is not asked again');
});

interface StatusDocument {
  readonly status: {
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
    }[];
    readonly revision: number;
  };
}
