import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CertopsError } from '../../../src/lib/errors.ts';
import { acmeNames } from '../../../src/pki/certificate-names.ts';
import { checkIssuedChain } from '../../../src/pki/check-issued.ts';
import type { WrongCertificate } from '../../support/acme-simulator/behaviour.ts';
import { signingRequest } from '../../support/signing-request.ts';
import { issue, issuerAt, simulatedCa } from '../../support/simulated-issuer.ts';

/** From the CA's answer to what may be stored, as the reconciler goes. */
describe('a CA that answers with a wrong certificate is found out', () => {
  const cases: readonly { wrong: WrongCertificate; code: string }[] = [
    { wrong: 'other-key', code: 'pki.wrong-key' },
    { wrong: 'missing-name', code: 'pki.wrong-names' },
    { wrong: 'extra-name', code: 'pki.wrong-names' },
    { wrong: 'expired', code: 'pki.expired' },
    { wrong: 'future', code: 'pki.not-yet-valid' },
    { wrong: 'is-a-ca', code: 'pki.is-ca' },
    { wrong: 'chain-reversed', code: 'pki.wrong-key' },
    { wrong: 'chain-of-strangers', code: 'pki.broken-chain' },
    { wrong: 'chain-of-1000', code: 'issuers.ca-unavailable' },
    { wrong: 'chain-of-5000', code: 'issuers.ca-unavailable' },
    { wrong: 'empty', code: 'issuers.ca-unavailable' },
    { wrong: 'garbage', code: 'pki.unreadable-certificate' },
  ];
  for (const { wrong, code } of cases) {
    test(`${wrong}: ${code}`, async (t) => {
      const ca = await simulatedCa(t);
      ca.behave({ endpoint: 'issue', certificate: wrong });
      const request = await signingRequest({ name: 'www', dnsNames: ['a.example.test', 'b.example.test'] });

      const outcome = issue(issuerAt(t, ca), request).then(({ chainPem }) =>
        checkIssuedChain({
          chainPem,
          key: request.key,
          spec: request.spec,
          expectedNames: acmeNames(request.spec),
          now: new Date(),
          allowCa: false,
        }),
      );

      await assert.rejects(outcome, (error: CertopsError) => {
        assert.equal(error.code, code, error.explain());
        return true;
      });
    });
  }

  test('HTML in place of it: issuers.ca-unavailable', async (t) => {
    const ca = await simulatedCa(t);
    ca.behave({ endpoint: 'certificate', times: 9, answer: { body: '<html>Service Unavailable</html>' } });

    const outcome = issue(issuerAt(t, ca), await signingRequest({ name: 'www' }));

    await assert.rejects(outcome, { code: 'issuers.ca-unavailable', failsRequest: false });
  });
});
