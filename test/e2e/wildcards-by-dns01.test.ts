import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { silentLog } from '../../src/lib/log.ts';
import { Sealer } from '../../src/secrets/sealer.ts';
import { loadIdentities } from '../../src/secrets/sops/identities.ts';
import { startBind } from '../support/bind.ts';
import { certificate, startScenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

test('a wildcard and its apex are issued by DNS-01 with a sealed TSIG key, and nothing stays in DNS', async (context) => {
  const bind = await startBind([
    { name: 'example.test', records: ['web A 127.0.0.1', '_acme-challenge.cn CNAME cn.challenges.test.'] },
    { name: 'challenges.test' },
  ]);
  context.after(() => bind.stop());
  const scenario = await startScenario('dns01', context, { dnsServer: bind.address });
  context.after(() => scenario.stop());
  const webroot = scenario.scratch.folder('www');
  const args = ['--dns-resolver', bind.address, '--http01-webroot', webroot];
  const { caPem } = scenario.pebble;
  const sealer = new Sealer({ identities: await loadIdentities(scenario.env), log: silentLog });
  sealer.setRules(await scenario.show('.sops.yaml'));
  const key = await sealer.seal(
    'secrets/cert-manager/tsig.yaml',
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'tsig', namespace: 'cert-manager' },
      stringData: { key: bind.secret('HMACSHA512') },
    },
    new Date(),
  );
  await scenario.push({
    'credentials/tsig.yaml': key,
    'issuers/pebble.yaml': `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: pebble
spec:
  acme:
    server: ${scenario.pebble.directoryUrl}
    email: ops@example.test
    caBundle: ${Buffer.from(caPem).toString('base64')}
    privateKeySecretRef:
      name: pebble-account
    solvers:
      - dns01:
          cnameStrategy: Follow
          rfc2136:
            nameserver: ${bind.address}
            tsigKeyName: acme-hmacsha512
            tsigAlgorithm: HMACSHA512
            tsigSecretSecretRef:
              name: tsig
              key: key
      - selector:
          dnsNames: [web.example.test]
        http01:
          ingress:
            class: nginx
`,
    'web.yaml': [
      certificate({ name: 'wild', dnsNames: ['example.test', '*.example.test', 'web.example.test'] }),
      certificate({ name: 'delegated', dnsNames: ['*.cn.example.test'] }),
    ].join('---\n'),
  });

  const run = await scenario.runOnce({ args });

  assert.equal(run.code, 0, `${run.stdout}\n${run.stderr}`);
  const roots = await scenario.pebble.rootPem();
  for (const [name, names] of [
    ['wild', ['example.test', '*.example.test', 'web.example.test']],
    ['delegated', ['*.cn.example.test']],
  ] as const) {
    await checkTlsSecret(scenario, {
      path: `secrets/web/${name}-tls.yaml`,
      names,
      key: 'EC PRIVATE KEY',
      roots,
    });
  }
  for (const name of ['_acme-challenge.example.test', 'cn.challenges.test']) {
    assert.deepEqual(await bind.txt(name), []);
  }
  assert.deepEqual(await readdir(`${webroot}/.well-known/acme-challenge`), []);
  const trailers = await scenario.person.log('--grep=^Issue web/wild$', '--format=%(trailers:only,unfold)');
  for (const event of ['Presented DNS-01 for *.example.test', 'Presented HTTP-01 for web.example.test']) {
    assert.ok(trailers.includes(`Certops-Event: ${event}`), `${event} is missing in\n${trailers}`);
  }
  for (const text of [run.stdout, run.stderr]) assert.ok(!text.includes(bind.secret('HMACSHA512')));
});
