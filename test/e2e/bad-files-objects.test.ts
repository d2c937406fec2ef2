import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BadFile, runBatch } from '../support/bad-batch.ts';
import { ABSENT_CA, BAD_CERTIFICATES, BAD_FOR_ACME, BAD_ISSUERS } from '../support/bad-objects.ts';
import {
  conditionOf,
  inDays,
  messageOf,
  sealedCa,
  selfSigned,
  startOffline,
  statusOf,
} from '../support/offline-scenario.ts';

/** A CA issuer in namespace `web` that signs with Secret `<name>`. */
function caIssuer(name: string, says: RegExp): BadFile {
  const content = `apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: ${name}
  namespace: web
spec:
  ca:
    secretName: ${name}
`;
  return { name, content, lint: '', pass: new RegExp(`^Issuer web/${name}: .*${says.source}`, 'm') };
}

/** Issuers whose key pair is what is wrong, which nobody sees without opening it. */
const BAD_CAS: readonly BadFile[] = [
  caIssuer('leaf-for-a-ca', /not a CA/),
  caIssuer('other-key', /not the key of/),
  caIssuer('absent-pair', /absent-pair/),
];

describe('bad Certificates and Issuers', { concurrency: 2 }, () => {
  it('each is told at its field, and the last good revision goes on', async (context) => {
    const scenario = await startOffline('bad-objects', context);
    const rows = [...BAD_CERTIFICATES, ...BAD_ISSUERS, ABSENT_CA, ...BAD_FOR_ACME, ...BAD_CAS];

    const { faults, issued } = await runBatch(scenario, rows, {
      'good.yaml': selfSigned('good'),
      'credentials/leaf-for-a-ca.yaml': await sealedCa(scenario, 'leaf-for-a-ca', { isLeaf: true }),
      'credentials/other-key.yaml': await sealedCa(scenario, 'other-key', { hasOtherKey: true }),
    });

    assert.deepEqual(faults, []);
    assert.deepEqual(issued, ['Issue web/good']);
    const good = await statusOf(scenario, 'web/certificates/good');
    assert.equal(conditionOf(good, 'Ready'), 'True Ready');
    for (const { name } of [...BAD_FOR_ACME]) {
      const status = await statusOf(scenario, `web/certificates/${name}`);
      assert.match(messageOf(status, 'Issuing'), /Issuer "web\/absent-ca" is not ready/, name);
    }
    await scenario.verifyCommits();
  });

  it('a CA that has expired signs nothing, and the others are served', async (context) => {
    const scenario = await startOffline('expired-ca', context);
    await scenario.push({
      'credentials/old.yaml': await sealedCa(scenario, 'old'),
      'old.yaml': caIssuer('old', /./).content as string,
      'leaf.yaml': selfSigned('leaf').replace('kind: ClusterIssuer\n    name: selfsigned', 'name: old'),
      'good.yaml': selfSigned('good'),
    });

    const run = await scenario.runOnce(inDays(400));

    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stdout, /^Issuer web\/old: .*expired/m);
    const [leaf, good] = await Promise.all(
      ['leaf', 'good'].map((name) => statusOf(scenario, `web/certificates/${name}`)),
    );
    assert.equal(leaf?.revision, undefined);
    assert.equal(conditionOf(good, 'Ready'), 'True Ready');
  });
});
