import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Observation } from '../../src/diagnosis/failure.ts';
import { createObserver } from '../../src/evidence/observer.ts';
import type { AcmeIssuerOptions } from '../../src/issuers/acme.ts';
import type { FailedName, FailureObserver } from '../../src/issuers/failure-observer.ts';
import { IssuanceError, type IssuerAdapter } from '../../src/issuers/issuer.ts';
import { silentLog } from '../../src/lib/log.ts';
import { DnsError } from '../../src/solvers/dns/dns-error.ts';
import { Http01Listener } from '../../src/solvers/http01.ts';
import type { ChallengePresenter } from '../../src/solvers/presenter.ts';
import { Authority } from '../support/acme-simulator/authority.ts';
import type { AcmeSimulator } from '../support/acme-simulator/simulator.ts';
import { type Bind, startBind } from '../support/bind.ts';
import { signingRequest } from '../support/signing-request.ts';
import { issue, issuerAt, simulatedCa } from '../support/simulated-issuer.ts';

const SIGNAL = new AbortController().signal;
const UNREACHED = { type: 'connection', detail: 'Timeout during connect (likely firewall problem)' };

let bind: Bind;
let authority: Authority;

before(async () => {
  authority = await Authority.create();
  bind = await startBind([
    { name: 'test' },
    {
      name: 'example.test',
      records: ['www A 127.0.0.1', 'www CAA 0 issue "other.example"', 'fine A 127.0.0.1'],
    },
  ]);
});
after(() => bind.stop());

/** Everything that was presented, by token, and for how long. */
function watched(presenter: ChallengePresenter): {
  readonly presenter: ChallengePresenter;
  readonly shown: Map<string, string>;
} {
  const shown = new Map<string, string>();
  return {
    shown,
    presenter: {
      present: async (challenge, signal) => {
        const presentation = await presenter.present(challenge, signal);
        shown.set(challenge.token, challenge.keyAuthorization);
        return {
          becomeVisible: (visibleSignal) => presentation.becomeVisible(visibleSignal),
          remove: async () => {
            await presentation.remove();
            shown.delete(challenge.token);
          },
        };
      },
    },
  };
}

const nowhere: ChallengePresenter = {
  present: async () => ({ becomeVisible: async () => {}, remove: async () => {} }),
};

/** An observer that remembers what it was asked, and sees what `say` says. */
function recorder(say: () => Promise<readonly Observation[]>): {
  readonly observer: FailureObserver;
  readonly asked: FailedName[];
} {
  const asked: FailedName[] = [];
  const observer: FailureObserver = {
    observe: async (names) => {
      asked.push(...names);
      return say();
    },
  };
  return { observer, asked };
}

function seenAt(identifier: string): Observation {
  return { kind: 'dns', identifier, asked: 'A', found: 'nothing', finding: 'no-address' };
}

async function failureOf(work: Promise<unknown>): Promise<IssuanceError> {
  const thrown = await work.then(
    () => assert.fail('it was issued'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof IssuanceError, String(thrown));
  return thrown;
}

async function newIssuer(
  t: TestContext,
  ca: AcmeSimulator,
  more: Partial<AcmeIssuerOptions>,
): Promise<IssuerAdapter> {
  ca.behave({ endpoint: 'directory', times: 100, edit: { 'meta.caaIdentities': ['CA.example'] } });
  const issuer = issuerAt(t, ca, {}, more);
  await issuer.setUp(SIGNAL);
  return issuer;
}

describe('a failed validation', () => {
  test('comes with what is seen while the challenge is still shown, and without its token', async (t) => {
    const listener = await Http01Listener.start({ port: 0, host: '127.0.0.1', log: silentLog });
    t.after(() => listener.close());
    const ca = await simulatedCa(t, { authority, validation: { httpPort: listener.port } });
    ca.behave({ endpoint: 'validation', problem: UNREACHED });
    const { presenter, shown } = watched(listener);
    const observer = createObserver({
      ...{ resolvers: [bind.address], log: silentLog, httpPort: listener.port, tlsPort: 9 },
    });
    const issuer = await newIssuer(t, ca, { presenter, observer });

    const { facts, code } = await failureOf(
      issue(issuer, await signingRequest({ name: 'www', dnsNames: ['www.example.test'] })),
    );

    const found = Object.fromEntries(facts?.observations.map((one) => [one.kind, one.finding]) ?? []);
    assert.equal(code, 'issuers.validation-failed');
    assert.deepEqual(found, {
      http: 'as-expected',
      dns: 'as-expected',
      caa: 'caa-forbids',
      served: 'unreachable',
    });
    assert.match(facts?.observations.find(({ kind }) => kind === 'caa')?.found ?? '', /^ca\.example is not/);
    assert.equal(facts?.identifiers[0]?.problem.type, 'connection');
    assert.equal(shown.size, 0);
  });

  test("comes without the token that another server at the name's address echoes", async (t) => {
    const echo = createServer(({ url }, response) => response.writeHead(404).end(`no ${url} here`));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    t.after(() => echo.close());
    // A listening TCP server's address is neither a string nor null.
    const { port } = echo.address() as AddressInfo;
    const ca = await simulatedCa(t, { authority, validation: { httpPort: port } });
    const { presenter } = watched(nowhere);
    const tokens: string[] = [];
    const observer = createObserver({
      ...{ resolvers: [bind.address], log: silentLog, httpPort: port, tlsPort: 9 },
    });
    const issuer = await newIssuer(t, ca, {
      observer,
      presenter: {
        present: (challenge, signal) => {
          tokens.push(challenge.token, challenge.keyAuthorization);
          return presenter.present(challenge, signal);
        },
      },
    });

    const { facts } = await failureOf(
      issue(issuer, await signingRequest({ name: 'www', dnsNames: ['www.example.test'] })),
    );

    const http = facts?.observations.find(({ kind }) => kind === 'http');
    assert.deepEqual(
      [http?.finding, http?.found],
      ['missing', 'HTTP 404: "no /.well-known/acme-challenge/… here"'],
    );
    const told = JSON.stringify(facts?.observations);
    assert.equal(tokens.length, 2);
    assert.ok(tokens.every((token) => !told.includes(token)));
  });

  test('is looked into for the names that failed, and for no other', async (t) => {
    const ca = await simulatedCa(t, { authority });
    ca.behave({ endpoint: 'validation', identifier: 'www.example.test', problem: UNREACHED, times: 10 });
    const { observer, asked } = recorder(async () => [seenAt('www.example.test')]);
    const issuer = await newIssuer(t, ca, { observer, presenter: nowhere });

    const inForce = {
      ...{ fingerprintSHA256: '0'.repeat(64), notBefore: new Date(0) },
      dnsNames: ['*.example.test'],
    };
    const request = await signingRequest({
      name: 'www',
      dnsNames: ['fine.example.test', 'www.example.test'],
    });

    const { facts } = await failureOf(issue(issuer, { ...request, inForce }));

    assert.deepEqual(
      asked.map((one) => [one.identifier, one.challengeType, one.inForce]),
      [['www.example.test', 'http-01', inForce]],
    );
    assert.deepEqual(facts?.observations, [seenAt('www.example.test')]);
  });

  test('is what it was where the look itself fails', async (t) => {
    const ca = await simulatedCa(t, { authority });
    ca.behave({ endpoint: 'validation', problem: UNREACHED });
    const { observer } = recorder(() => Promise.reject(new Error('a defect')));
    const issuer = await newIssuer(t, ca, { observer, presenter: nowhere });

    const { code, facts } = await failureOf(issue(issuer, await signingRequest({ name: 'www' })));

    assert.deepEqual([code, facts?.observations], ['issuers.validation-failed', []]);
  });

  test('holds no other order up while it is looked into', async (t) => {
    const ca = await simulatedCa(t, { authority });
    ca.behave({ endpoint: 'validation', identifier: 'www.example.test', problem: UNREACHED });
    let release: (seen: readonly Observation[]) => void = () => {};
    let begin: () => void = () => {};
    const isLooking = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { observer } = recorder(() => {
      begin();
      return new Promise((resolve) => {
        release = resolve;
      });
    });
    const issuer = await newIssuer(t, ca, { observer, presenter: nowhere });
    const failing = failureOf(issue(issuer, await signingRequest({ name: 'www' })));
    await isLooking;

    const { chainPem } = await issue(issuer, await signingRequest({ name: 'fine' }));

    assert.ok(chainPem.length > 0);
    release([seenAt('www.example.test')]);
    assert.equal((await failing).facts?.observations.length, 1);
  });
});

test('a record that does not become visible is looked into, and its order stays open', async (t) => {
  const ca = await simulatedCa(t, { authority });
  const { observer, asked } = recorder(async () => [seenAt('www.example.test')]);
  const issuer = await newIssuer(t, ca, {
    observer,
    presenter: {
      present: async ({ identifier }) => ({
        becomeVisible: async () => {
          if (identifier !== 'www.example.test') return;
          throw new DnsError('solvers.dns-not-visible', { what: 'The TXT record is not to be seen' });
        },
        remove: async () => {},
      }),
    },
  });

  const { code, failsRequest, facts } = await failureOf(
    issue(issuer, await signingRequest({ name: 'www', dnsNames: ['fine.example.test', 'www.example.test'] })),
  );

  assert.deepEqual([code, failsRequest], ['solvers.dns-not-visible', false]);
  assert.deepEqual(
    asked.map(({ identifier }) => identifier),
    ['www.example.test'],
  );
  assert.deepEqual(facts?.observations, [seenAt('www.example.test')]);
});

test('what is no validation is not looked into', async (t) => {
  const ca = await simulatedCa(t, { authority });
  ca.behave({ endpoint: 'newOrder', problem: { type: 'rejectedIdentifier', detail: 'no' } });
  const { observer, asked } = recorder(async () => []);
  const issuer = await newIssuer(t, ca, { observer, presenter: nowhere });

  await failureOf(issue(issuer, await signingRequest({ name: 'www' })));

  assert.deepEqual(asked, []);
});
