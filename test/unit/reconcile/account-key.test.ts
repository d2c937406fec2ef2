import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { findCondition } from '../../../src/api/condition.ts';
import type { AcmeIssuerSpec } from '../../../src/api/issuer.ts';
import { createAcmeIssuer } from '../../../src/issuers/acme.ts';
import { IssuanceError } from '../../../src/issuers/issuer.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { type FaultStep, noFaults } from '../../../src/lib/faults.ts';
import { gitBlobId } from '../../../src/lib/git-blob-id.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import type { Acceptance } from '../../../src/reconcile/acceptance.ts';
import { Attempts } from '../../../src/reconcile/attempts.ts';
import { type IssuerCase, isReady, isSettled } from '../../../src/reconcile/issuer-case.ts';
import { IssuerDesk } from '../../../src/reconcile/issuer-desk.ts';
import { IssuerPool } from '../../../src/reconcile/issuer-pool.ts';
import { issuerKey } from '../../../src/reconcile/keys.ts';
import type { ChangeSet, Ports } from '../../../src/reconcile/ports.ts';
import { Registration } from '../../../src/reconcile/registration.ts';
import type { Verdict } from '../../../src/reconcile/verdict.ts';
import type { World } from '../../../src/reconcile/world.ts';
import { parseIssuerStatus } from '../../../src/status/issuer-status.ts';
import { OutputPaths } from '../../../src/status/paths.ts';
import type { AcmeSimulator } from '../../support/acme-simulator/simulator.ts';
import { ecKey, simulatedCa } from '../../support/simulated-issuer.ts';

const SIGNAL = new AbortController().signal;
const NAME = { namespace: 'web', name: 'ca' };
const SECRET = { namespace: 'web', name: 'account' };
const PATHS = new OutputPaths({ secrets: 'secrets', status: 'status' });
const GIVEN_PATH = 'credentials/account.yaml';

/** A repository of files, of which nothing that was ever there is forgotten; "sealing" leaves text readable. */
class Files {
  readonly now = new Map<string, string>();
  readonly #blobs = new Map<string, string>();
  readonly changes: ChangeSet[] = [];

  put(path: string, content: string): void {
    this.now.set(path, content);
    this.#blobs.set(gitBlobId(content), content);
  }

  async commit(change: ChangeSet): Promise<{ commit: string }> {
    const view = {
      base: '',
      oid: async (path: string) => this.oid(path) ?? null,
      read: async () => null,
    };
    for (const { what, holds } of change.preconditions) {
      // The manifest is nobody's concern here.
      if (!what.includes('asks for the same')) assert.ok(await holds(view), what);
    }
    this.changes.push(change);
    for (const file of change.files) if ('content' in file) this.put(file.path, file.content);
    return { commit: '' };
  }

  oid(path: string): string | undefined {
    const content = this.now.get(path);
    return content === undefined ? undefined : gitBlobId(content);
  }

  async readBlob(oid: string): Promise<Uint8Array> {
    const content = this.#blobs.get(oid);
    assert.ok(content !== undefined, `no blob ${oid}`);
    return Buffer.from(content);
  }
}

interface Setting {
  readonly ca: AcmeSimulator;
  readonly files: Files;
  readonly attempts: Attempts;
  readonly registration: Registration;
  /** The issuer as Git has it now. */
  target(): IssuerCase;
  /** A process ends at this step, once. */
  dieAt(step: FaultStep): void;
  /** Whom `.sops.yaml` names. */
  name(...recipients: readonly string[]): void;
  /** What the desk makes of it, while these are at work. */
  decide(...underWay: readonly string[]): Promise<Verdict>;
}

async function setting(t: TestContext, isGiven = false): Promise<Setting> {
  const ca = await simulatedCa(t);
  const files = new Files();
  const attempts = new Attempts({});
  let deadly: FaultStep | undefined;
  let named: readonly string[] = ['own'];
  const faults = {
    reach: (step: FaultStep) => {
      if (step !== deadly) return;
      deadly = undefined;
      throw new DOMException(`ended at ${step}`, 'AbortError');
    },
  };
  const opened = async (text: string) => ({
    ...SECRET,
    type: 'Opaque',
    data: new Sensitive(new Map([['tls.key', Buffer.from(text.replace(/^[^-]*/, ''))]])),
  });
  const spec: AcmeIssuerSpec = {
    type: 'acme',
    server: ca.directoryUrl,
    privateKeySecretRef: { name: SECRET.name, key: 'tls.key' },
    disableAccountKeyGeneration: false,
    skipTLSVerify: false,
    enableDurationFeature: false,
    renewalInformationSource: 'None',
    caBundle: ca.caPem,
    solvers: [],
  };
  // Only what setting up an issuer touches.
  const ports = {
    store: files,
    sealer: {
      prove: async () => {},
      seal: async (_: string, { key }: { readonly key: Sensitive<string> }) =>
        `sealed to ${named.join(',')} ${key.reveal()}`,
      sealedTo: (text: string) => /^(?:re)?sealed to (\S*) /.exec(text)?.[1]?.split(',') ?? [],
      rules: { namedRecipients: () => named },
      open: opened,
      openCredential: opened,
    },
    secrets: { keySecret: (_name: object, _label: string, key: Sensitive<string>) => ({ key }) },
    pki: {
      generatePrivateKey: async () => ecKey(),
      encodePrivateKey: (key: ReturnType<typeof ecKey>) =>
        new Sensitive(key.export({ type: 'pkcs8', format: 'pem' }).toString()),
      decodePrivateKey: (pem: Sensitive<string>) => createPrivateKey(pem.reveal()),
    },
    createIssuer: async (_: object, { accountKey, accountUri, rollover, lastRegisteredEmail }: Materials) =>
      createAcmeIssuer({
        spec,
        // Asserted by the story: an account key is made before an issuer is.
        accountKey: accountKey as ReturnType<typeof ecKey>,
        accountUrl: accountUri,
        rollover,
        lastRegisteredEmail,
        presenter: undefined,
        clock: systemClock(),
        faults,
        log: silentLog,
        version: '0.0.0',
        isOrderTaken: () => false,
      }),
    clock: systemClock(),
    faults: noFaults,
    log: silentLog,
  } as unknown as Ports;
  // Likewise.
  const world = {
    paths: PATHS,
    commit: 'abc',
    settings: { commit: { trailer: '' } },
    fileBlob: () => undefined,
    desired: { secrets: () => [], dependents: () => new Set(['web/www']) },
    recorded: {
      accountKeyBlob: () => files.oid(PATHS.accountKey(NAME)),
      accountKeySecret: () => undefined,
      issuer: () => {
        const path = PATHS.issuerStatus(NAME);
        const text = files.now.get(path);
        return text && { blob: gitBlobId(text), status: parseIssuerStatus(text, 'Issuer', path) };
      },
    },
  } as unknown as World;
  const pool = new IssuerPool(ports, world);
  t.after(() => pool.close());
  const examined = { what: 'examined', holds: async () => true };
  const registration = new Registration(ports, world, pool, attempts, examined);
  const declared = {
    object: { kind: 'Issuer', name: NAME, spec, unserved: [] } as const,
    path: 'issuer.yaml',
    blob: 'b',
    specHash: 'spec',
  };
  const target = (): IssuerCase => {
    const path = isGiven ? GIVEN_PATH : PATHS.accountKey(NAME);
    const blob = files.oid(path);
    const statusPath = PATHS.issuerStatus(NAME);
    const status = files.now.get(statusPath);
    const writtenBy = isGiven ? 'people' : 'certops';
    return {
      key: issuerKey('Issuer', NAME),
      issuer: declared.object,
      declared,
      recorded:
        status === undefined
          ? undefined
          : { blob: gitBlobId(status), status: parseIssuerStatus(status, 'Issuer', statusPath) },
      credentialSecret: SECRET,
      credential: blob === undefined ? undefined : { path, blob, writtenBy, secret: SECRET },
      provided: new Map(),
      isAmbiguous: false,
      source: { commit: 'abc', blob: 'b', path: 'issuer.yaml', specHash: 'spec' },
      hash: `spec:${blob ?? ''}`,
    };
  };
  const dieAt = (step: FaultStep) => {
    deadly = step;
  };
  const name = (...recipients: readonly string[]) => {
    named = recipients;
  };
  // The one answer of it that is asked for.
  const acceptance = { issuer: async () => ({ kind: 'in-force', declared }) } as unknown as Acceptance;
  const desk = new IssuerDesk(world, acceptance, registration, attempts);
  const decide = (...underWay: readonly string[]) => {
    const progress = { isUnsettled: () => false, isUnderWay: (key: string) => underWay.includes(key) };
    return desk.decide(issuerKey('Issuer', NAME), progress, false, new Date());
  };
  return { ca, files, attempts, registration, target, dieAt, name, decide };
}

type Materials = Parameters<Ports['createIssuer']>[1];

async function registered(t: TestContext): Promise<Setting & { readonly uri: string }> {
  const story = await setting(t);
  await story.registration.register(story.target(), SIGNAL);
  await story.registration.register(story.target(), SIGNAL);
  assert.ok(isReady(story.target()), JSON.stringify(story.target().recorded));
  return { ...story, uri: story.target().recorded?.status.acme?.uri ?? '' };
}

function reasonOf(target: IssuerCase): string | undefined {
  return findCondition(target.recorded?.status.conditions ?? [], 'Ready')?.reason;
}

describe('a new account key', () => {
  test('is in the remote before the CA hears of it, and keeps the account', async (t) => {
    const { ca, files, registration, target, uri } = await registered(t);
    const [before, hash] = [
      files.oid(PATHS.accountKey(NAME)),
      target().recorded?.status.acme?.lastPrivateKeyHash,
    ];

    const answer = await registration.rotateAccountKey(target(), SIGNAL);
    const asked = ca.counts.keyChanges;
    const isReadyBetween = isReady(target());
    await registration.register(target(), SIGNAL);

    assert.deepEqual([answer, asked, isReadyBetween], ['rotated', 0, false]);
    assert.notEqual(files.oid(PATHS.accountKey(NAME)), before);
    const { status } = target().recorded ?? {};
    assert.equal(status?.acme?.uri, uri);
    assert.notEqual(status?.acme?.lastPrivateKeyHash, hash);
    assert.equal(status?.accountKeyBlob, files.oid(PATHS.accountKey(NAME)));
    assert.ok(isReady(target()) && isSettled(target()));
    assert.deepEqual([ca.counts.keyChanges, ca.counts.accounts, ca.violations], [1, 1, []]);
  });

  test('survives a process that ended when the CA had it and Git did not know', async (t) => {
    const { ca, registration, target, dieAt, uri } = await registered(t);
    await registration.rotateAccountKey(target(), SIGNAL);
    dieAt('account-registered');

    await registration.register(target(), SIGNAL).catch(() => {});
    await registration.register(target(), SIGNAL);

    assert.ok(isReady(target()), JSON.stringify(target().recorded?.status.conditions));
    assert.equal(target().recorded?.status.acme?.uri, uri);
    assert.deepEqual([ca.counts.keyChanges, ca.counts.accounts], [1, 1]);
  });

  test('waits for a CA that is busy, and the former key is not forgotten over it', async (t) => {
    const { ca, files, registration, target, attempts, uri } = await registered(t);
    const before = files.oid(PATHS.accountKey(NAME));
    await registration.rotateAccountKey(target(), SIGNAL);
    ca.behave({ endpoint: 'keyChange', problem: { type: 'serverInternal' } });

    await registration.register(target(), SIGNAL);
    const [reason, known] = [reasonOf(target()), target().recorded?.status.accountKeyBlob];
    const again = await registration.rotateAccountKey(target(), SIGNAL);
    const retryAt = attempts.get(target().key)?.retryAt;
    await registration.register(target(), SIGNAL);

    assert.deepEqual([reason, known, again], ['ErrVerifyACMEAccount', before, 'under-way']);
    assert.ok(retryAt !== undefined);
    assert.ok(isReady(target()), JSON.stringify(target().recorded?.status.conditions));
    assert.deepEqual([target().recorded?.status.acme?.uri, ca.counts.accounts], [uri, 1]);
  });

  test('that people put into their Secret keeps the account, too', async (t) => {
    const { ca, files, registration, target } = await setting(t, true);
    const give = () =>
      files.put(GIVEN_PATH, `people ${ecKey().export({ type: 'pkcs8', format: 'pem' }).toString()}`);
    give();
    await registration.register(target(), SIGNAL);
    const uri = target().recorded?.status.acme?.uri;

    give();
    const rotated = await registration.rotateAccountKey(target(), SIGNAL);
    await registration.register(target(), SIGNAL);

    assert.equal(rotated, 'not-ours');
    assert.equal(target().recorded?.status.acme?.uri, uri);
    assert.deepEqual([ca.counts.keyChanges, ca.counts.accounts], [1, 1]);
  });

  test('that is the same in a file sealed anew asks the CA nothing', async (t) => {
    const { ca, files, registration, target, uri } = await registered(t);
    const key = files.now.get(PATHS.accountKey(NAME)) ?? '';
    const asked = ca.counts.totalRequests;

    files.put(PATHS.accountKey(NAME), key.replace('sealed', 'resealed'));
    await registration.register(target(), SIGNAL);

    assert.ok(isReady(target()), JSON.stringify(target().recorded?.status.conditions));
    assert.deepEqual([target().recorded?.status.acme?.uri, ca.counts.totalRequests], [uri, asked]);
  });
});

describe('an account key that somebody knows who was taken away', () => {
  async function seenByAFriend(t: TestContext) {
    const story = await setting(t);
    story.name('own', 'friend');
    await story.registration.register(story.target(), SIGNAL);
    await story.registration.register(story.target(), SIGNAL);
    return story;
  }
  const recorded = ({ target }: Setting) => target().recorded?.status.accountKeyRecipients;

  async function work(story: Setting): Promise<void> {
    const verdict = await story.decide();
    assert.ok(verdict.kind === 'work');
    await verdict.run(SIGNAL);
  }

  test('is replaced as soon as nobody is at work with it, and then there is no more to do', async (t) => {
    const story = await seenByAFriend(t);
    const [uri, before, known] = [
      story.target().recorded?.status.acme?.uri,
      recorded(story),
      await story.decide(),
    ];
    story.name('own');

    const busy = await story.decide('web/www');
    await work(story);
    const between = recorded(story);
    await work(story);

    assert.deepEqual(
      [known.kind, busy.kind, before, between],
      ['settled', 'postponed', ['own', 'friend'], before],
    );
    assert.deepEqual([recorded(story), (await story.decide()).kind], [['own'], 'settled']);
    assert.equal(story.target().recorded?.status.acme?.uri, uri);
    assert.deepEqual([story.ca.counts.keyChanges, story.ca.counts.accounts], [1, 1]);
    assert.match(story.files.changes.at(-2)?.message ?? '', /\blonger:\s+friend\n/);
  });

  test('is not forgotten to be known where it was sealed anew without them', async (t) => {
    const story = await seenByAFriend(t);
    const path = PATHS.accountKey(NAME);
    story.name('own');
    story.files.put(path, (story.files.now.get(path) ?? '').replace('own,friend', 'own'));

    await work(story);
    const after = recorded(story);
    await work(story);
    await work(story);

    assert.deepEqual([after, recorded(story)], [['own', 'friend'], ['own']]);
    assert.equal(story.ca.counts.keyChanges, 1);
  });

  test('is not replaced twice while the CA does not take the new one', async (t) => {
    const story = await seenByAFriend(t);
    story.name('own');
    await work(story);
    story.ca.behave({ endpoint: 'keyChange', problem: { type: 'serverInternal' } });

    await work(story);
    const waiting = await story.decide();
    await story.registration.register(story.target(), SIGNAL);

    assert.ok(waiting.kind === 'settled' && waiting.lookAgainAt !== undefined);
    assert.deepEqual([recorded(story), (await story.decide()).kind], [['own'], 'settled']);
  });

  test('that people provide is theirs to replace', async (t) => {
    const story = await setting(t, true);
    const pem = ecKey().export({ type: 'pkcs8', format: 'pem' }).toString();
    story.files.put(GIVEN_PATH, `sealed to own,friend ${pem}`);
    await story.registration.register(story.target(), SIGNAL);

    assert.deepEqual(
      [recorded(story), await story.registration.mustReplaceAccountKey(story.target())],
      [[], false],
    );
  });
});

describe('trouble with the account', () => {
  test('that was deactivated ends in the status, and is asked about once a day', async (t) => {
    const { registration, target, attempts, uri } = await registered(t);
    const error = new IssuanceError(
      'issuers.account-deactivated',
      { what: 'The ACME account was deactivated' },
      { failsRequest: true, retry: { when: 'never' }, data: { reason: 'ErrVerifyACMEAccount' } },
    );

    await registration.accountTrouble(target(), error, SIGNAL);

    assert.deepEqual([isReady(target()), isSettled(target())], [false, true]);
    assert.equal(reasonOf(target()), 'ErrVerifyACMEAccount');
    assert.equal(target().recorded?.status.acme?.uri, uri);
    const attempt = attempts.get(target().key);
    assert.equal(attempt?.issuerHash, target().hash);
    const waitMs = (attempt?.retryAt?.getTime() ?? 0) - (attempt?.failedAt.getTime() ?? 0);
    assert.equal(waitMs, 86_400_000);
  });

  test('that the CA forgot is registered again with the same key', async (t) => {
    const { ca, registration, target, uri } = await registered(t);
    const error = new IssuanceError(
      'issuers.account-gone',
      { what: 'The CA does not know the account of this issuer' },
      { failsRequest: true, retry: { when: 'backoff' } },
    );
    ca.forgetAccounts();

    await registration.accountTrouble(target(), error, SIGNAL);
    const reason = reasonOf(target());
    await registration.register(target(), SIGNAL);

    assert.equal(reason, 'ErrVerifyACMEAccount');
    assert.ok(isReady(target()), JSON.stringify(target().recorded?.status.conditions));
    assert.notEqual(target().recorded?.status.acme?.uri, uri);
  });
});

test('a Secret that people provide beside the account key is part of what was found', async (t) => {
  const { registration, target } = await registered(t);
  const withSecret = (providedHash: string): IssuerCase => ({ ...target(), providedHash });
  await registration.register(withSecret('one'), SIGNAL);

  const [same, other] = [withSecret('one'), withSecret('two')];

  assert.deepEqual([isReady(same), isSettled(same)], [true, true]);
  assert.deepEqual([isReady(other), isSettled(other)], [false, false]);
  assert.equal(same.recorded?.status.providedHash, 'one');
});
