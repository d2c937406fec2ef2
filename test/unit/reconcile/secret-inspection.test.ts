import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Certificate } from '../../../src/api/certificate.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { decodePrivateKey, encodePrivateKey } from '../../../src/pki/private-key.ts';
import type { Ports } from '../../../src/reconcile/ports.ts';
import { SecretInspection } from '../../../src/reconcile/secret-inspection.ts';
import type { World } from '../../../src/reconcile/world.ts';
import { OutputPaths } from '../../../src/status/paths.ts';
import { makeRoot, makeSigned, specWith } from '../pki/fixtures.ts';

it('tells each of two Certificates whose Secret it is that both name', async () => {
  const root = await makeRoot();
  const leaf = await makeSigned(root, specWith({}));
  const data = new Map([
    ['tls.crt', Buffer.from(leaf.pem)],
    ['tls.key', Buffer.from(encodePrivateKey(leaf.key, 'PKCS8').reveal())],
  ]);
  const text = 'metadata: {annotations: {cert-manager.io/certificate-name: one}}\n';
  const ports = {
    store: { readBlob: async () => Buffer.from(text) },
    sealer: { open: async () => ({ data: new Sensitive(data) }) },
    pki: { decodePrivateKey },
    log: silentLog,
  };
  const paths = new OutputPaths({ secrets: 'secrets', status: 'status' });
  // Only what it uses of its ports and of the world is there.
  const inspection = new SecretInspection(ports as unknown as Ports, { paths } as unknown as World);
  const certificate = (name: string) =>
    ({ name: { namespace: 'web', name }, spec: specWith({ secretName: 'shared' }) }) as Certificate;

  const told = [
    await inspection.inspect(certificate('one'), 'a'),
    await inspection.inspect(certificate('two'), 'a'),
  ];

  assert.deepEqual(told, [{ kind: 'unrecorded' }, { kind: 'other-certificate', owner: 'one' }]);
});
