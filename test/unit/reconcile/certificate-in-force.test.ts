import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { CertificateCase } from '../../../src/reconcile/certificate-case.ts';
import type { RecordedState } from '../../../src/reconcile/recorded-state.ts';
import { signingRequest } from '../../../src/reconcile/request-keys.ts';

const NAMES = ['www.example.test'];

function issued(fingerprintSHA256: string) {
  return { status: { issued: { fingerprintSHA256, notBefore: new Date(0), dnsNames: NAMES } } };
}

test("a request tells the certificate in use from another Certificate's and from a stranger's", () => {
  // The parts that a request is made from.
  const target = {
    certificate: { name: { namespace: 'web', name: 'www' }, labels: {}, spec: {}, directives: {} },
    observed: { secret: { kind: 'issued' } },
    recorded: issued('aa'),
  } as unknown as CertificateCase;
  const recorded = {
    certificates: () =>
      new Map<string, unknown>([
        ['web/www', issued('aa')],
        ['web/new', { status: {} }],
        ['web/rsa', issued('bb')],
      ]).entries(),
  } as unknown as Pick<RecordedState, 'certificates'>;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  const { inForce } = signingRequest(target, new Uint8Array(), privateKey, recorded);

  assert.deepEqual([inForce?.fingerprintSHA256, inForce?.dnsNames], ['aa', NAMES]);
  assert.deepEqual(
    ['aa', 'bb', 'cc'].map((fingerprint) => inForce?.isOnRecord?.(fingerprint)),
    [true, true, false],
  );
});
