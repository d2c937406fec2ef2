import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Dns01SolverSpec } from '../../../src/api/issuer.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { CertopsError } from '../../../src/lib/errors.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { DnsError } from '../../../src/solvers/dns/dns-error.ts';
import { Dns01 } from '../../../src/solvers/dns01/dns01.ts';

const NAMED = {
  provider: 'rfc2136',
  nameserver: '127.0.0.1:5353',
  credentialName: 'tsig',
  credentialKey: 'secret',
};

function solver(): Dns01SolverSpec {
  return {
    type: 'dns-01',
    selector: { dnsNames: [], dnsZones: [], matchLabels: {} },
    provider: {
      type: 'rfc2136',
      nameserver: NAMED.nameserver,
      protocol: 'UDP',
      tsig: {
        keyName: 'update-key.',
        algorithm: 'HMACSHA256',
        secretRef: { name: NAMED.credentialName, key: NAMED.credentialKey },
      },
    },
    cnameStrategy: 'None',
    nameservers: [],
  };
}

const silent = new DnsError(
  'solvers.dns-no-answer',
  { what: 'no answer' },
  { data: { server: 'there' }, retry: { when: 'never' }, errno: 'ECONNREFUSED' },
);

function dns01(): Dns01 {
  return new Dns01({
    resolvers: ['127.0.0.1:53'],
    clock: systemClock(),
    log: silentLog,
    transport: { exchange: () => Promise.reject(silent), exchangeHttps: () => Promise.reject(silent) },
  });
}

describe('an error of DNS-01 names provider, server and credential', () => {
  test('when the solver cannot be used at all', () => {
    const secret = new Sensitive(Buffer.from('no base64!'));

    assert.throws(
      () => dns01().presenter(solver(), secret),
      (thrown) => {
        assert.ok(thrown instanceof CertopsError);
        assert.equal(thrown.code, 'solvers.tsig-bad-secret');
        assert.deepEqual(thrown.data, { ...NAMED, isConfiguration: true });
        return true;
      },
    );
  });

  test('when the server fails, and says all that it said before', async () => {
    const presenter = dns01().presenter(solver(), new Sensitive(Buffer.from('c2VjcmV0')));
    const challenge = { type: 'dns-01', identifier: 'a.test', token: 't', keyAuthorization: 't.k' } as const;

    await assert.rejects(presenter.present(challenge, AbortSignal.timeout(5_000)), (thrown) => {
      assert.ok(thrown instanceof DnsError);
      assert.deepEqual(
        [thrown.code, thrown.explanation, thrown.retry, thrown.errno],
        [silent.code, silent.explanation, silent.retry, silent.errno],
      );
      assert.deepEqual(thrown.data, { ...NAMED, server: 'there' });
      return true;
    });
  });
});
