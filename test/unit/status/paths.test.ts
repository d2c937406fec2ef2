import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputPaths } from '../../../src/status/paths.ts';

const paths = new OutputPaths({ secrets: 'secrets', status: 'out/status' });
const web = (name: string) => ({ namespace: 'web', name });

const PLACES: readonly (readonly [path: string, place: unknown])[] = [
  ['secrets/web/www-tls.yaml', { kind: 'secret', name: web('www-tls') }],
  ['secrets/web/a.b.key.yaml', { kind: 'secret', name: web('a.b.key') }],
  ['secrets/web/deep/www.yaml', { kind: 'other' }],
  ['secrets/www.yaml', { kind: 'other' }],
  ['secrets/web/www.yml', { kind: 'other' }],
  ['secrets.yaml', undefined],
  ['my-secrets/web/www.yaml', undefined],
  ['status/web/certificates/www.yaml', undefined],
  ['out/status/web/certificates/www.yaml', { kind: 'certificate-status', name: web('www') }],
  ['out/status/web/certificates/www.key.yaml', { kind: 'certificate-status', name: web('www.key') }],
  ['out/status/web/requests/www-1.yaml', { kind: 'request', namespace: 'web', file: 'www-1' }],
  ['out/status/web/requests/www-1.key.yaml', { kind: 'request-key', namespace: 'web', file: 'www-1' }],
  ['out/status/web/issuers/ca.yaml', { kind: 'issuer-status', name: web('ca') }],
  ['out/status/web/issuers/le.key.yaml', { kind: 'account-key', name: web('le') }],
  ['out/status/_cluster/issuers/le.yaml', { kind: 'issuer-status', name: { namespace: '', name: 'le' } }],
  ['out/status/_cluster/issuers/le.key.yaml', { kind: 'account-key', name: { namespace: '', name: 'le' } }],
  ['out/status/web/orders/www-1.yaml', { kind: 'other' }],
  ['out/status/web/certificates/deep/www.yaml', { kind: 'other' }],
  ['out/status/web', { kind: 'obstruction' }],
  ['out/status/_cluster/issuers', { kind: 'obstruction' }],
  ['secrets/web', { kind: 'obstruction' }],
  ['out/status', { kind: 'obstruction' }],
  ['out/status/README.md', { kind: 'other' }],
];

for (const [path, place] of PLACES) {
  test(`${path} is ${JSON.stringify(place) ?? 'no output'}`, () => {
    assert.deepEqual(paths.classify(path), place);
  });
}

test('every path that is written is known again', () => {
  const le = { namespace: '', name: 'le' };
  const written = [
    paths.secret(web('x')),
    paths.certificateStatus(web('x.key')),
    paths.request(web('x'), 12),
    paths.requestKey(web('x'), 12),
    paths.issuerStatus(le),
    paths.accountKey(le),
  ];

  assert.deepEqual(
    written.map((path) => paths.classify(path)?.kind),
    ['secret', 'certificate-status', 'request', 'request-key', 'issuer-status', 'account-key'],
  );
});
