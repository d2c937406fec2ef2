import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Dns01SolverSpec, Rfc2136Provider, TsigAlgorithm } from '../../src/api/issuer.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { parseDnsMessage } from '../../src/solvers/dns/message.ts';
import { ReachableAddresses } from '../../src/solvers/dns/nameserver.ts';
import { createDnsTransport, type DnsTransport, noAnswer } from '../../src/solvers/dns/transport.ts';
import { Dns01, type Dns01Options, txtValue } from '../../src/solvers/dns01/dns01.ts';
import type { Challenge } from '../../src/solvers/presenter.ts';
import { type Bind, startBind } from '../support/bind.ts';

const SIGNAL = new AbortController().signal;

let bind: Bind;

before(async () => {
  bind = await startBind([
    {
      name: 'example.test',
      records: [
        '_acme-challenge.cn CNAME cn.challenges.test.',
        '_acme-challenge.away CNAME somewhere.nowhere.test.',
        '_acme-challenge.loop CNAME loop2',
        'loop2 CNAME _acme-challenge.loop',
        ...Array.from(
          { length: 10 },
          (_, index) => `${index === 0 ? '_acme-challenge.long' : `l${index}`} CNAME l${index + 1}`,
        ),
        'sub NS ns.elsewhere.test.',
      ],
    },
    { name: 'challenges.test' },
    { name: 'locked.test', isDynamic: false },
  ]);
});
after(() => bind.stop());

function challenge(identifier: string, token = 'token'): Challenge {
  return { type: 'dns-01', identifier, token, keyAuthorization: `${token}.thumbprint` };
}

function solverFor(provider: Rfc2136Provider, more: Partial<Dns01SolverSpec> = {}): Dns01SolverSpec {
  return {
    type: 'dns-01',
    selector: { dnsNames: [], dnsZones: [], matchLabels: {} },
    cnameStrategy: 'None',
    nameservers: [],
    provider,
    ...more,
  };
}

function newDns01(more: Partial<Dns01Options> = {}): Dns01 {
  return new Dns01({
    resolvers: [bind.address],
    clock: systemClock(),
    log: silentLog,
    propagationLimitMs: 5_000,
    ...more,
  });
}

function secretOf(algorithm: TsigAlgorithm): Sensitive<Buffer> {
  return new Sensitive(Buffer.from(`${bind.secret(algorithm)}\n`));
}

function presenterFor(more: Partial<Dns01SolverSpec> = {}, options: Partial<Dns01Options> = {}) {
  const solver = solverFor(bind.provider('HMACSHA256'), more);
  return newDns01(options).presenter(solver, secretOf('HMACSHA256'));
}

describe('a record is written, seen and removed', () => {
  const algorithms: readonly TsigAlgorithm[] = ['HMACMD5', 'HMACSHA1', 'HMACSHA256', 'HMACSHA512'];
  for (const algorithm of algorithms) {
    for (const protocol of ['UDP', 'TCP'] as const) {
      test(`with ${algorithm} over ${protocol}`, async () => {
        const name = `${algorithm}-${protocol}.example.test`.toLowerCase();
        const solver = solverFor(bind.provider(algorithm, protocol));
        const presenter = newDns01().presenter(solver, secretOf(algorithm));

        const shown = await presenter.present(challenge(name), SIGNAL);
        await shown.becomeVisible(SIGNAL);
        const during = await bind.txt(`_acme-challenge.${name}`);
        await shown.remove();

        assert.deepEqual(during, [txtValue('token.thumbprint')]);
        assert.deepEqual(await bind.txt(`_acme-challenge.${name}`), []);
      });
    }
  }
});

test('values of others at the same name stay, and the same value stays until its last user is done', async () => {
  const presenter = presenterFor();
  const name = '_acme-challenge.shared.example.test';
  const [apex, wildcard, again] = await Promise.all([
    presenter.present(challenge('shared.example.test', 'apex'), SIGNAL),
    presenter.present(challenge('shared.example.test', 'wildcard'), SIGNAL),
    presenter.present(challenge('shared.example.test', 'apex'), SIGNAL),
  ]);
  await Promise.all([apex, wildcard, again].map((shown) => shown.becomeVisible(SIGNAL)));

  const all = await bind.txt(name);
  await Promise.all([apex.remove(), apex.remove(), wildcard.remove()]);
  const left = await bind.txt(name);
  await again.remove();

  assert.deepEqual(all, [txtValue('apex.thumbprint'), txtValue('wildcard.thumbprint')].sort());
  assert.deepEqual(left, [txtValue('apex.thumbprint')]);
  assert.deepEqual(await bind.txt(name), []);
});

test('two hundred challenges at once are all written, seen and removed', { timeout: 60_000 }, async () => {
  const presenter = presenterFor();
  const names = Array.from({ length: 200 }, (_, index) => `n${index}.example.test`);

  const shown = await Promise.all(names.map((name) => presenter.present(challenge(name), SIGNAL)));
  await Promise.all(shown.map((presentation) => presentation.becomeVisible(SIGNAL)));
  await Promise.all(shown.map((presentation) => presentation.remove()));

  const left = await Promise.all(names.map((name) => bind.txt(`_acme-challenge.${name}`)));
  assert.deepEqual(left.flat(), []);
});

test('what a process that is gone left behind is withdrawn, unless somebody needs it', async () => {
  await presenterFor().present(challenge('crashed.example.test'), SIGNAL);
  const dns01 = newDns01();
  const presenter = dns01.presenter(solverFor(bind.provider('HMACSHA256')), secretOf('HMACSHA256'));
  const needed = await presenter.present(challenge('needed.example.test'), SIGNAL);

  await presenter.withdraw?.(challenge('crashed.example.test'));
  await presenter.withdraw?.(challenge('needed.example.test'));

  assert.deepEqual(await bind.txt('_acme-challenge.crashed.example.test'), []);
  assert.equal((await bind.txt('_acme-challenge.needed.example.test')).length, 1);
  await needed.remove();
});

describe('a CNAME at _acme-challenge', () => {
  test('is followed where the solver says so', async () => {
    const shown = await presenterFor({ cnameStrategy: 'Follow' }).present(
      challenge('cn.example.test'),
      SIGNAL,
    );
    await shown.becomeVisible(SIGNAL);

    const written = await bind.txt('cn.challenges.test');
    await shown.remove();

    assert.deepEqual(written, [txtValue('token.thumbprint')]);
    assert.deepEqual(await bind.txt('cn.challenges.test'), []);
  });

  const refusals = [
    {
      name: 'stands in the way where it is not',
      identifier: 'cn.example.test',
      strategy: 'None',
      code: 'solvers.dns-cname-in-the-way',
    },
    {
      name: 'that leads in a circle is told',
      identifier: 'loop.example.test',
      strategy: 'Follow',
      code: 'solvers.dns-cname-loop',
    },
    {
      name: 'that leads on and on is told',
      identifier: 'long.example.test',
      strategy: 'Follow',
      code: 'solvers.dns-cname-chain',
    },
    {
      name: 'that leads where no server answers is told',
      identifier: 'away.example.test',
      strategy: 'Follow',
      code: 'solvers.dns-resolver-failed',
    },
  ] as const;
  for (const { name, identifier, strategy, code } of refusals) {
    test(name, async () => {
      const presenting = presenterFor({ cnameStrategy: strategy }).present(challenge(identifier), SIGNAL);

      await assert.rejects(presenting, { code });
    });
  }
});

describe('what the name server refuses is told in words', () => {
  const good = (): Rfc2136Provider => bind.provider('HMACSHA256');
  const tsig = () =>
    good().tsig ?? { keyName: '', algorithm: 'HMACSHA256' as const, secretRef: { name: '', key: '' } };
  const cases: readonly {
    readonly name: string;
    readonly provider?: () => Rfc2136Provider;
    readonly secret?: string;
    readonly identifier?: string;
    readonly clock?: Clock;
    readonly code: string;
    readonly says: RegExp;
  }[] = [
    {
      name: 'a wrong secret',
      secret: Buffer.from('not the secret').toString('base64'),
      code: 'solvers.tsig-bad-signature',
      says: /BADSIG.*secret/,
    },
    {
      name: 'an unknown key',
      provider: () => ({ ...good(), tsig: { ...tsig(), keyName: 'nobody' } }),
      code: 'solvers.tsig-unknown-key',
      says: /nobody.*BADKEY/,
    },
    {
      name: 'a key with another algorithm',
      provider: () => ({ ...good(), tsig: { ...tsig(), algorithm: 'HMACSHA512' } }),
      code: 'solvers.tsig-unknown-key',
      says: /HMACSHA512.*tsigAlgorithm/,
    },
    {
      name: 'a clock an hour off',
      clock: { ...systemClock(), realNow: () => new Date(Date.now() - 3_600_000) },
      code: 'solvers.tsig-wrong-time',
      says: /differ by (3599|3600|3601) s/,
    },
    {
      name: 'a zone that takes no updates',
      identifier: 'www.locked.test',
      code: 'solvers.dns-update-refused',
      says: /REFUSED.*update-policy/,
    },
    {
      name: 'an update without a signature',
      provider: () => ({ type: 'rfc2136', nameserver: bind.address, protocol: 'UDP' }),
      code: 'solvers.dns-update-refused',
      says: /unsigned.*tsigKeyName/,
    },
    {
      name: 'a zone that it does not serve',
      identifier: 'www.other.test',
      code: 'solvers.dns-zone-not-found',
      says: /serves no zone above it/,
    },
    {
      name: 'a part of the zone that it gave away',
      identifier: 'www.sub.example.test',
      code: 'solvers.dns-zone-elsewhere',
      says: /delegates that zone to "?ns\.elsewhere\.test/,
    },
  ];
  for (const { name, provider = good, secret, identifier = 'www.example.test', clock, code, says } of cases) {
    test(name, async () => {
      const dns01 = newDns01(clock === undefined ? {} : { clock });
      const key = secret === undefined ? secretOf('HMACSHA256') : new Sensitive(Buffer.from(secret));
      const presenter = dns01.presenter(solverFor(provider()), key);

      const presenting = presenter.present(challenge(identifier), SIGNAL);

      await assert.rejects(presenting, (error: Error & { code?: string; explain(): string }) => {
        assert.equal(error.code, code);
        assert.match(error.explain(), says);
        assert.doesNotMatch(error.explain(), new RegExp(bind.secret('HMACSHA256').replaceAll(/\W/g, '.')));
        return true;
      });
    });
  }
});

test('a server that is away is told at once where nothing listens, and waiting can be ended', async () => {
  const gone = await startBind([{ name: 'example.test' }]);
  const solver = solverFor(gone.provider('HMACSHA256'));
  const presenter = newDns01().presenter(solver, new Sensitive(Buffer.from(gone.secret('HMACSHA256'))));
  const stopping = new AbortController();
  const asked = gone.address;

  gone.signal('SIGSTOP');
  const silent = presenter.present(challenge('www.example.test'), stopping.signal);
  stopping.abort(new Error('stopped'));
  await assert.rejects(silent, /stopped/);
  await gone.stop();
  const away = presenter.present(challenge('www.example.test'), SIGNAL);

  await assert.rejects(away, (error: Error & { code?: string; data?: { server?: string } }) => {
    assert.deepEqual([error.code, error.data?.server], ['solvers.dns-no-answer', asked]);
    return true;
  });
});

test('a record that does not appear is told with what was asked and found', async () => {
  const presenter = presenterFor({}, { propagationLimitMs: 300 });
  const shown = await presenter.present(challenge('lost.example.test'), SIGNAL);
  await shown.remove();

  const waiting = shown.becomeVisible(SIGNAL);

  await assert.rejects(waiting, (error: Error & { code?: string; explain(): string }) => {
    assert.equal(error.code, 'solvers.dns-not-visible');
    assert.match(error.explain(), /ns1\.example\.test \(127\.0\.0\.1:\d+\): NXDOMAIN/);
    return true;
  });
});

test('what could not be removed while the server was away goes when it answers again', {
  timeout: 30_000,
}, async () => {
  const halting = await startBind([{ name: 'example.test' }]);
  const solver = solverFor(halting.provider('HMACSHA256', 'TCP'));
  const secret = new Sensitive(Buffer.from(halting.secret('HMACSHA256')));
  const presenter = newDns01({ transport: cutOff(1) }).presenter(solver, secret);
  const [lost, other] = await Promise.all(
    ['lost', 'other'].map((label) => presenter.present(challenge(`${label}.example.test`), SIGNAL)),
  );

  await lost?.remove();
  const left = await halting.txt('_acme-challenge.lost.example.test');
  await other?.remove();

  assert.equal(left.length, 1);
  while ((await halting.txt('_acme-challenge.lost.example.test')).length > 0);
  await halting.stop();
});

/** Real DNS that loses as many removals. */
function cutOff(removals: number): DnsTransport {
  const transport = createDnsTransport({ reachable: new ReachableAddresses(undefined) });
  let left = removals;
  return {
    ...transport,
    exchange: (server, message, options, signal) => {
      const { opcode } = parseDnsMessage(message);
      // Without prerequisites: a removal (RFC 2136, section 2.2).
      const isRemoval = opcode === 5 && message.readUInt16BE(6) === 0;
      if (!isRemoval || left === 0) return transport.exchange(server, message, options, signal);
      left -= 1;
      return Promise.reject(noAnswer(server, 'cut off by the test'));
    },
  };
}
