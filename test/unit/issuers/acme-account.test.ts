import assert from 'node:assert/strict';
import { createHash, type KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import { AcmeSession } from '../../../src/acme/session.ts';
import type { IssuanceError } from '../../../src/issuers/issuer.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { CertopsError } from '../../../src/lib/errors.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import type { AcmeSimulator } from '../../support/acme-simulator/simulator.ts';
import { signingRequest } from '../../support/signing-request.ts';
import { ecKey, issue, issuerAt, simulatedCa } from '../../support/simulated-issuer.ts';

const SIGNAL = new AbortController().signal;
const MAC_KEY = createHash('sha256').update('a mac key').digest('base64url');
const BINDING = { keyID: 'kid-1', keySecretRef: { name: 'eab', key: 'secret' } };

function secretOf(text: string) {
  return async () => new Sensitive(Buffer.from(text));
}

function payloadsTo(ca: AcmeSimulator, endpoint: string): readonly unknown[] {
  return ca.requests.filter((request) => request.endpoint === endpoint).map(({ payload }) => payload);
}

describe('an account that must be bound to one that the CA knows', () => {
  test('is registered with the key id and MAC key of the Secret', async (t) => {
    const ca = await simulatedCa(t, { externalAccountKeys: { 'kid-1': MAC_KEY } });
    const issuer = issuerAt(
      t,
      ca,
      { externalAccountBinding: BINDING },
      { credential: secretOf(`${MAC_KEY}\n`) },
    );

    const readiness = await issuer.setUp(SIGNAL);

    assert.deepEqual([readiness.ready, ca.counts.accounts, ca.violations], [true, 1, []]);
  });

  const refusals = [
    {
      name: 'by no binding at all',
      binding: undefined,
      secret: MAC_KEY,
      problemType: 'externalAccountRequired',
      next: /key id and key that the CA gave you/,
    },
    {
      name: 'by another MAC key',
      binding: BINDING,
      secret: MAC_KEY.toLowerCase(),
      problemType: 'unauthorized',
      next: /Check its keyID, and the key/,
    },
    {
      name: 'by a key id that the CA does not know',
      binding: { ...BINDING, keyID: 'kid-2' },
      secret: MAC_KEY,
      problemType: 'unauthorized',
      next: /Check its keyID, and the key/,
    },
    {
      name: 'by a MAC key with padding, before the CA is asked',
      binding: BINDING,
      secret: `${MAC_KEY}=`,
      problemType: undefined,
      next: /base64url without padding into key "secret" of Secret "eab"/,
    },
  ] as const;
  for (const { name, binding, secret, problemType, next } of refusals) {
    test(`is refused ${name}`, async (t) => {
      const ca = await simulatedCa(t, { externalAccountKeys: { 'kid-1': MAC_KEY } });
      const spec = binding === undefined ? {} : { externalAccountBinding: binding };
      const issuer = issuerAt(t, ca, spec, { credential: secretOf(secret) });

      await assert.rejects(issuer.setUp(SIGNAL), (error: IssuanceError) => {
        assert.deepEqual(
          [error.code, error.retry.when, error.data.reason, error.data.problemType],
          ['issuers.external-account-binding', 'never', 'ErrRegisterACMEAccount', problemType],
        );
        assert.match(error.explain(), next);
        assert.ok(!JSON.stringify([error.explain(), error.logFields()]).includes(secret));
        return true;
      });
      assert.equal(ca.counts.accounts, 0);
    });
  }

  test('waits for its Secret, and says which', async (t) => {
    const ca = await simulatedCa(t);
    const missing = new CertopsError(
      'reconcile.credential-missing',
      { what: 'Secret "web/eab" is not there' },
      { retry: { when: 'never' } },
    );
    const credential = async () => {
      throw missing;
    };
    const issuer = issuerAt(t, ca, { externalAccountBinding: BINDING }, { credential });

    await assert.rejects(issuer.setUp(SIGNAL), (error: IssuanceError) => {
      assert.deepEqual([error.data.reason, error.retry.when], ['ErrRegisterACMEAccount', 'never']);
      assert.match(error.explain(), /web\/eab/);
      return true;
    });
  });
});

describe('the contact', () => {
  const cases = [
    {
      name: 'is changed where the CA has another',
      email: 'new@example.test',
      told: 'ops@example.test',
      updates: 1,
    },
    { name: 'is left alone where it is the same', email: 'ops@example.test', told: undefined, updates: 0 },
    {
      name: 'is taken away where the issuer has none',
      email: undefined,
      told: 'ops@example.test',
      updates: 1,
    },
  ];
  for (const { name, email, told, updates } of cases) {
    test(name, async (t) => {
      const ca = await simulatedCa(t);
      const accountKey = ecKey();
      const first = await issuerAt(t, ca, {}, { accountKey }).setUp(SIGNAL);

      const again = await issuerAt(t, ca, { email }, { accountKey, lastRegisteredEmail: told }).setUp(SIGNAL);

      assert.equal(again.acme?.uri, first.acme?.uri);
      assert.equal(again.acme?.lastRegisteredEmail, email);
      const contact = email === undefined ? [] : [`mailto:${email}`];
      assert.deepEqual(payloadsTo(ca, 'account'), Array(updates).fill({ contact }));
    });
  }

  test('is not told again to a CA that keeps none', async (t) => {
    const ca = await simulatedCa(t);
    const accountKey = ecKey();
    await issuerAt(t, ca, {}, { accountKey }).setUp(SIGNAL);
    ca.behave({ endpoint: 'newAccount', edit: { contact: undefined } });

    await issuerAt(t, ca, {}, { accountKey, lastRegisteredEmail: 'ops@example.test' }).setUp(SIGNAL);

    assert.deepEqual(payloadsTo(ca, 'account'), []);
  });

  test('that the CA refuses is ErrUpdateACMEAccount', async (t) => {
    const ca = await simulatedCa(t);
    const accountKey = ecKey();
    await issuerAt(t, ca, {}, { accountKey }).setUp(SIGNAL);
    ca.behave({ endpoint: 'account', problem: { type: 'invalidContact', detail: 'no such domain' } });

    const issuer = issuerAt(t, ca, { email: 'x@nowhere.test' }, { accountKey });

    await assert.rejects(issuer.setUp(SIGNAL), (error: IssuanceError) => {
      assert.deepEqual(
        [error.code, error.data.reason, error.retry.when],
        ['issuers.contact-update-failed', 'ErrUpdateACMEAccount', 'never'],
      );
      assert.match(error.explain(), /no such domain/);
      return true;
    });
  });
});

describe('an account that was deactivated', () => {
  test('is told as such when something is ordered, and nothing is tried again', async (t) => {
    const ca = await simulatedCa(t);
    const issuer = issuerAt(t, ca);
    await issuer.setUp(SIGNAL);
    ca.deactivateAccounts();

    const order = issuer.begin(await signingRequest({ name: 'www' }), SIGNAL);

    await assert.rejects(order, (error: IssuanceError) => {
      assert.deepEqual(
        [error.code, error.failsRequest, error.retry.when, error.data.reason],
        ['issuers.account-deactivated', true, 'never', 'ErrVerifyACMEAccount'],
      );
      return true;
    });
  });

  test('is told as such when it is registered again', async (t) => {
    const ca = await simulatedCa(t, { externalAccountKeys: { 'kid-1': MAC_KEY } });
    const accountKey = ecKey();
    const more = { accountKey, credential: secretOf(MAC_KEY) };
    await issuerAt(t, ca, { externalAccountBinding: BINDING }, more).setUp(SIGNAL);
    ca.deactivateAccounts();

    const setUp = issuerAt(t, ca, { externalAccountBinding: BINDING }, more).setUp(SIGNAL);

    await assert.rejects(setUp, { code: 'issuers.account-deactivated', retry: { when: 'never' } });
  });

  test('is not what a refused order means', async (t) => {
    const ca = await simulatedCa(t);
    const issuer = issuerAt(t, ca);
    ca.behave({ endpoint: 'newOrder', problem: { type: 'unauthorized', detail: 'not for you' } });

    const order = issuer.begin(await signingRequest({ name: 'www' }), SIGNAL);

    await assert.rejects(order, { code: 'issuers.request-refused', retry: { when: 'backoff' } });
  });
});

test('where a user must act before there is an account, the page of the CA is told', async (t) => {
  const ca = await simulatedCa(t);
  const instance = 'https://ca.example/agree';
  ca.behave({ endpoint: 'newAccount', problem: { type: 'userActionRequired', fields: { instance } } });

  const setUp = issuerAt(t, ca).setUp(SIGNAL);

  await assert.rejects(setUp, (error: IssuanceError) => {
    assert.deepEqual([error.code, error.retry.when], ['issuers.registration-failed', 'never']);
    assert.match(error.explanation.next ?? '', /^Open https:\/\/ca\.example\/agree and do what/);
    return true;
  });
});

test('a limit on new accounts leaves the issuer waiting as long as the CA says', async (t) => {
  const ca = await simulatedCa(t);
  ca.behave({ endpoint: 'newAccount', problem: { type: 'rateLimited', retryAfter: '3600' } });
  const issuer = issuerAt(t, ca);

  await assert.rejects(issuer.setUp(SIGNAL), (error: IssuanceError) => {
    const inMs = error.retry.when === 'not-before' ? error.retry.at.getTime() - Date.now() : 0;
    assert.ok(inMs > 3_590_000 && inMs <= 3_600_000, `${inMs} ms`);
    return true;
  });
});

describe('an account whose key changes keeps its URI', () => {
  async function registered(ca: AcmeSimulator, accountKey: KeyObject): Promise<AcmeSession> {
    const session = new AcmeSession({
      directoryUrl: ca.directoryUrl,
      accountKey,
      caBundle: ca.caPem,
      userAgent: 'certops/0.0.0',
      clock: systemClock(),
      log: silentLog,
    });
    await session.registerAccount({}, SIGNAL);
    return session;
  }

  test('in the session that changed it, which goes on with the new one', async (t) => {
    const ca = await simulatedCa(t);
    const session = await registered(ca, ecKey());
    t.after(() => session.close());

    await session.changeKey(ecKey(), SIGNAL);
    const account = await session.getAccount(SIGNAL);

    assert.equal(account.status, 'valid');
    assert.deepEqual([ca.counts.keyChanges, ca.counts.accounts, ca.violations], [1, 1, []]);
  });

  const crashes = [
    { name: 'when the CA has not been asked yet', isAsked: false, keyChanges: 1 },
    { name: 'when the one who asked ended before it could be recorded', isAsked: true, keyChanges: 1 },
  ];
  for (const { name, isAsked, keyChanges } of crashes) {
    test(name, async (t) => {
      const ca = await simulatedCa(t);
      const [previousKey, accountKey] = [ecKey(), ecKey()];
      const before = await issuerAt(t, ca, {}, { accountKey: previousKey }).setUp(SIGNAL);
      const accountUrl = before.acme?.uri ?? '';
      if (isAsked) {
        const session = await registered(ca, previousKey);
        t.after(() => session.close());
        await session.changeKey(accountKey, SIGNAL);
      }

      const issuer = issuerAt(t, ca, {}, { accountKey, rollover: { previousKey, accountUrl } });
      const after = await issuer.setUp(SIGNAL);
      const { chainPem } = await issue(issuer, await signingRequest({ name: 'www' }));

      assert.equal(after.acme?.uri, accountUrl);
      assert.notEqual(after.acme?.lastPrivateKeyHash, before.acme?.lastPrivateKeyHash);
      assert.deepEqual([ca.counts.keyChanges, ca.counts.accounts], [keyChanges, 1]);
      assert.equal(chainPem.length, 2);
      assert.deepEqual(ca.violations, []);
    });
  }

  test('and a contact that changed with it is told', async (t) => {
    const ca = await simulatedCa(t);
    const [previousKey, accountKey] = [ecKey(), ecKey()];
    const email = 'before@example.test';
    const before = await issuerAt(t, ca, { email }, { accountKey: previousKey }).setUp(SIGNAL);
    const rollover = { previousKey, accountUrl: before.acme?.uri ?? '' };

    const issuer = issuerAt(
      t,
      ca,
      { email: 'after@example.test' },
      { accountKey, rollover, lastRegisteredEmail: email },
    );
    const after = await issuer.setUp(SIGNAL);

    assert.deepEqual(
      [after.acme?.uri, after.acme?.lastRegisteredEmail],
      [rollover.accountUrl, 'after@example.test'],
    );
    const told = ca.requests.filter(({ endpoint }) => endpoint === 'account').map(({ payload }) => payload);
    assert.deepEqual(told, [{ contact: ['mailto:after@example.test'] }]);
  });

  test('though the answer got lost', async (t) => {
    const ca = await simulatedCa(t);
    const [previousKey, accountKey] = [ecKey(), ecKey()];
    const before = await issuerAt(t, ca, {}, { accountKey: previousKey }).setUp(SIGNAL);
    const rollover = { previousKey, accountUrl: before.acme?.uri ?? '' };
    ca.behave({ endpoint: 'keyChange', transport: 'reset' });
    const issuer = issuerAt(t, ca, {}, { accountKey, rollover });

    await assert.rejects(issuer.setUp(SIGNAL), { code: 'issuers.registration-failed' });
    const after = await issuer.setUp(SIGNAL);

    assert.deepEqual([after.acme?.uri, ca.counts.accounts], [rollover.accountUrl, 1]);
  });

  const impossible = [
    { name: 'the CA does not know the old key', endpoint: 'keyChange', type: 'accountDoesNotExist' },
    { name: 'the CA refuses the change', endpoint: 'keyChange', type: 'badPublicKey' },
  ] as const;
  for (const { name, endpoint, type } of impossible) {
    test(`unless ${name}: then the new key gets an account of its own`, async (t) => {
      const ca = await simulatedCa(t);
      const [previousKey, accountKey] = [ecKey(), ecKey()];
      const before = await issuerAt(t, ca, {}, { accountKey: previousKey }).setUp(SIGNAL);
      const accountUrl = before.acme?.uri ?? '';
      ca.behave({ endpoint, problem: { type } });

      const issuer = issuerAt(t, ca, {}, { accountKey, rollover: { previousKey, accountUrl } });
      const after = await issuer.setUp(SIGNAL);

      assert.notEqual(after.acme?.uri, accountUrl);
      assert.equal(ca.counts.accounts, 2);
    });
  }

  test('and while the CA is busy, it is asked again later and no account is made', async (t) => {
    const ca = await simulatedCa(t);
    const [previousKey, accountKey] = [ecKey(), ecKey()];
    const before = await issuerAt(t, ca, {}, { accountKey: previousKey }).setUp(SIGNAL);
    ca.behave({ endpoint: 'keyChange', problem: { type: 'serverInternal', retryAfter: '60' } });
    const rollover = { previousKey, accountUrl: before.acme?.uri ?? '' };

    const setUp = issuerAt(t, ca, {}, { accountKey, rollover }).setUp(SIGNAL);

    await assert.rejects(setUp, (error: IssuanceError) => {
      assert.deepEqual([error.data.reason, error.retry.when], ['ErrVerifyACMEAccount', 'not-before']);
      return true;
    });
    assert.equal(ca.counts.accounts, 1);
  });
});
