import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AcmeAuthorization } from '../../../src/acme/resources.ts';
import type { SolverSpec } from '../../../src/api/issuer.ts';
import { ChallengeSolving, type ChallengeSolvingOptions } from '../../../src/issuers/challenge-solving.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { CertopsError } from '../../../src/lib/errors.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { Dns01 } from '../../../src/solvers/dns01/dns01.ts';
import type { ChallengePresenter } from '../../../src/solvers/presenter.ts';
import { signingRequest } from '../../support/signing-request.ts';

const EVERYTHING = { dnsNames: [], dnsZones: [], matchLabels: {} };
const HTTP01: SolverSpec = { type: 'http-01', selector: EVERYTHING };
const DNS01: SolverSpec = {
  type: 'dns-01',
  selector: EVERYTHING,
  cnameStrategy: 'None',
  nameservers: [],
  provider: {
    type: 'rfc2136',
    nameserver: '192.0.2.1',
    protocol: 'UDP',
    tsig: { keyName: 'k', algorithm: 'HMACSHA256', secretRef: { name: 'tsig', key: 'secret' } },
  },
};
const PRESENTER: ChallengePresenter = { present: () => Promise.reject(new Error('not asked for')) };
const dns01 = new Dns01({ resolvers: ['192.0.2.2'], clock: systemClock(), log: silentLog });

function solving(
  solvers: readonly SolverSpec[],
  more: Partial<ChallengeSolvingOptions> = {},
): ChallengeSolving {
  return new ChallengeSolving({
    solvers,
    http01: PRESENTER,
    dns01,
    credential: async () => new Sensitive(Buffer.from('c2VjcmV0')),
    clock: systemClock(),
    ...more,
  });
}

interface RequireCase {
  readonly name: string;
  readonly solvers: readonly SolverSpec[];
  readonly names: readonly string[];
  readonly more?: Partial<ChallengeSolvingOptions>;
  readonly code?: string;
}

describe('before an order', () => {
  const cases: readonly RequireCase[] = [
    { name: 'a name needs some solver', solvers: [], names: ['a.test'], code: 'issuers.no-solver' },
    { name: 'a name by HTTP-01 is fine', solvers: [HTTP01], names: ['a.test'] },
    {
      name: 'a name by DNS-01 is fine without HTTP-01',
      solvers: [DNS01],
      names: ['a.test'],
      more: { http01: undefined },
    },
    {
      name: 'a wildcard needs DNS-01',
      solvers: [HTTP01],
      names: ['a.test', '*.a.test'],
      code: 'issuers.no-solver',
    },
    { name: 'a wildcard by DNS-01 is fine', solvers: [HTTP01, DNS01], names: ['a.test', '*.a.test'] },
    {
      name: 'an IP address needs HTTP-01',
      solvers: [DNS01],
      names: ['192.0.2.9'],
      code: 'issuers.no-solver',
    },
    {
      name: 'HTTP-01 needs a presenter',
      solvers: [HTTP01],
      names: ['a.test'],
      more: { http01: undefined },
      code: 'issuers.no-presenter',
    },
    {
      name: 'a solver that cannot be presented gives way to one that can',
      solvers: [HTTP01, DNS01],
      names: ['a.test'],
      more: { http01: undefined },
    },
    { name: 'no name at all is refused', solvers: [HTTP01], names: [], code: 'issuers.no-identifiers' },
    {
      name: 'a TSIG key that is not base64 is told',
      solvers: [DNS01],
      names: ['a.test'],
      more: { credential: async () => new Sensitive(Buffer.from('!')) },
      code: 'solvers.tsig-bad-secret',
    },
    {
      name: 'a TSIG key that is not there is told',
      solvers: [DNS01],
      names: ['a.test'],
      more: {
        credential: () => Promise.reject(new CertopsError('reconcile.credential-missing', { what: 'x' })),
      },
      code: 'reconcile.credential-missing',
    },
  ];
  for (const { name, solvers, names, more, code } of cases) {
    test(name, async () => {
      const request = await signingRequest({ name: 'www', dnsNames: ['a.test'] });
      const identifiers = names.map((value) => ({
        type: /^\d/.test(value) ? ('ip' as const) : ('dns' as const),
        value,
      }));

      const required = solving(solvers, more).require(request, identifiers);

      if (code === undefined) await required;
      else await assert.rejects(required, { code });
    });
  }
});

function authorization(types: readonly string[], wildcard = false): AcmeAuthorization {
  return {
    url: 'https://ca.test/authz',
    status: 'pending',
    identifier: { type: 'dns', value: 'a.test' },
    wildcard,
    challenges: types.map((type) => ({
      url: `https://ca.test/${type}`,
      type,
      status: 'pending',
      ...(type === 'dns-persist-01' ? {} : { token: `for-${type}` }),
    })),
  };
}

describe('what the CA offers decides with the solvers', () => {
  const all = ['tls-alpn-01', 'dns-persist-01', 'dns-01', 'http-01'];
  const cases = [
    { name: 'the first of equal solvers', solvers: [HTTP01, DNS01], offered: all, type: 'http-01' },
    { name: 'the first of equal solvers (reversed)', solvers: [DNS01, HTTP01], offered: all, type: 'dns-01' },
    {
      name: 'a solver whose type is not offered is none',
      solvers: [HTTP01, DNS01],
      offered: ['dns-01'],
      type: 'dns-01',
    },
    {
      name: 'a wildcard gets DNS-01 even where a CA offers more',
      solvers: [HTTP01, DNS01],
      offered: all,
      wildcard: true,
      type: 'dns-01',
    },
    { name: 'nothing fits', solvers: [HTTP01], offered: ['tls-alpn-01', 'dns-persist-01'], type: undefined },
  ];
  for (const { name, solvers, offered, wildcard, type } of cases) {
    test(name, () => {
      const choose = () => solving(solvers).chooseChallenge(authorization(offered, wildcard), {});

      if (type === undefined) assert.throws(choose, { code: 'issuers.no-challenge', failsRequest: true });
      else assert.deepEqual(choose(), { url: `https://ca.test/${type}`, type, token: `for-${type}` });
    });
  }
});

test('of a thousand names that no solver fits twenty are told', async () => {
  const solving = new ChallengeSolving({
    ...{ solvers: [], http01: PRESENTER, dns01, credential: undefined, clock: systemClock() },
  });
  const identifiers = Array.from({ length: 1000 }, (_, index) => ({
    ...{ type: 'dns' as const, value: `n${index}.a.test` },
  }));

  const required = solving.require(await signingRequest({ name: 'www' }), identifiers);

  await assert.rejects(required, (thrown: CertopsError) => {
    assert.match(thrown.explanation.what, /n19\.a\.test and 980 more$/);
    assert.ok(thrown.explanation.what.length < 500);
    return true;
  });
});

test('a credential is opened once for an order of many names', async () => {
  let opened = 0;
  const many = solving([DNS01], {
    credential: async () => {
      opened += 1;
      return new Sensitive(Buffer.from('c2VjcmV0'));
    },
  });
  const recorded = { url: '', identifierType: 'dns', wildcard: false, initialState: 'pending' };
  const challenge = { url: '', type: 'dns-01', token: 't' } as const;

  await Promise.all(
    ['a.test', 'b.test', 'c.test'].map((identifier) =>
      many.presenterFor({ ...recorded, identifier }, challenge, {}),
    ),
  );

  assert.equal(opened, 1);
});
