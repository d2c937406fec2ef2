import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { requestFingerprint } from '../../../src/api/fingerprint.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { readManifests } from '../../../src/daemon/manifest-reader.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { gitBlobId } from '../../../src/lib/git-blob-id.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Vouching } from '../../../src/reconcile/vouching.ts';
import { Sealer } from '../../../src/secrets/sealer.ts';
import { generateIdentity, identitiesFrom } from '../../../src/secrets/sops/identities.ts';
import {
  type CertificateStatus,
  parseCertificateStatus,
  renderCertificateStatus,
} from '../../../src/status/certificate-status.ts';
import { OutputPaths } from '../../../src/status/paths.ts';
import { parseRecipientsStatus, renderRecipientsStatus } from '../../../src/status/recipients-status.ts';
import { MemoryRepository } from '../../support/memory-repository.ts';
import { certificateText } from './manifests.ts';

const DAY_MS = 86_400_000;
const NOW = new Date();
const paths = new OutputPaths({ secrets: 'secrets', status: 'status' });

let ours: Sealer;
let own: string;
let friend: string;

before(async () => {
  const [mine, theirs] = [await generateIdentity(), await generateIdentity()];
  own = mine.recipient;
  friend = theirs.recipient;
  ours = new Sealer({ identities: await identitiesFrom([mine.identity]) });
});

function rules(...recipients: readonly string[]): string {
  return `creation_rules: [{path_regex: ^secrets/, age: "${recipients.join(',')}"}]\n`;
}

/** What somebody with our identity seals by these rules, in another process. */
async function sealedBy(
  recipients: readonly string[],
  name: string,
  data: Readonly<Record<string, string>>,
): Promise<string> {
  ours.setRules(rules(...recipients));
  ours.rules.setAccepted(undefined);
  return ours.seal(paths.secret(tls(name)), secretOf(name, data), NOW);
}

function tls(name: string) {
  return { namespace: 'web', name: `${name}-tls` };
}

function secretOf(name: string, data: Readonly<Record<string, string>>): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...tls(name),
      annotations: {
        'cert-manager.io/certificate-name': name,
        'cert-manager.io/alt-names': `${name}.example.com`,
      },
    },
    type: 'kubernetes.io/tls',
    data,
  };
}

const FIRST = { 'tls.crt': 'Zmlyc3Q=', 'tls.key': 'Zmlyc3Q=' };
const SECOND = { 'tls.crt': 'c2Vjb25k', 'tls.key': 'c2Vjb25k' };

function statusOf(name: string, revision: number, secret: string, renewalTime: Date): string {
  const [placed] = readManifestFile(Buffer.from(certificateText(name))).objects;
  assert.ok(placed?.object.kind === 'Certificate');
  const status: CertificateStatus = {
    name: { namespace: 'web', name },
    createdAt: NOW,
    conditions: [],
    issued: {
      ...{ revision, serialNumber: `0${revision}`, fingerprintSHA256: `0${revision}` },
      ...{ issuerRef: placed.object.spec.issuerRef, dnsNames: [], secretName: `${name}-tls` },
      ...{ notBefore: NOW, notAfter: new Date(NOW.getTime() + 90 * DAY_MS), renewalTime, issuedAt: NOW },
      ...{ secretBlob: gitBlobId(secret), requestHash: requestFingerprint(placed.object.spec) },
      recipients: [own],
    },
    source: { commit: '0'.repeat(40), blob: '0'.repeat(40), path: `${name}.yaml`, specHash: 'x' },
  };
  return renderCertificateStatus(status);
}

/** A repository with these Certificates, each with one issued Secret, vouched for; `www` was renewed once. */
async function issued(names: readonly string[], renewalTime = new Date(NOW.getTime() + 60 * DAY_MS)) {
  const repository = new MemoryRepository();
  const manifests = names.map((name) => [`${name}.yaml`, certificateText(name)] as const);
  repository.add({ ...Object.fromEntries(manifests), '.sops.yaml': rules(own) });
  const files: Record<string, string> = {
    'status/recipients.yaml': renderRecipientsStatus({
      accepted: [{ pattern: '^secrets/', recipients: [own] }],
      held: [],
    }),
  };
  for (const name of names) {
    const sealed = await sealedBy([own], name, FIRST);
    files[paths.secret(tls(name))] = sealed;
    files[paths.certificateStatus({ namespace: 'web', name })] = statusOf(name, 1, sealed, renewalTime);
    files[paths.request({ namespace: 'web', name }, 1)] = `first: ${name}\n`;
  }
  repository.add(files, 'ours');
  const renewed = await sealedBy([own], 'www', SECOND);
  repository.add(
    {
      [SECRET]: renewed,
      [STATUS]: statusOf('www', 2, renewed, new Date(NOW.getTime() + 60 * DAY_MS)),
      [paths.request(WWW, 2)]: 'second: www\n',
    },
    'ours',
  );
  ours.setRules(rules(own));
  const vouching = new Vouching(
    { store: repository, sealer: ours, readManifests, clock: systemClock(), log: silentLog },
    true,
    async () => paths,
  );
  return { repository, vouching, first: files };
}

const WWW = { namespace: 'web', name: 'www' };
const SECRET = paths.secret(tls('www'));
const STATUS = paths.certificateStatus(WWW);

test('the same content under other permitted recipients stands, and the status agrees with it', async () => {
  const { repository, vouching } = await issued(['www']);
  const shared = await sealedBy([own, friend], 'www', SECOND);
  const tip = repository.add({ '.sops.yaml': rules(own, friend), [SECRET]: shared });

  const found = await vouching.examine(tip);
  await repository.commit(await vouching.answer(found, tip, ''));

  const status = parseCertificateStatus(repository.files()[STATUS] ?? '', STATUS);
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['resealed'],
  );
  assert.match(
    repository.messages[0] ?? '',
    /^Accept secrets\/web\/www-tls\.yaml\n[\s\S]*Certops-Reason: Resealed\n$/,
  );
  assert.equal(repository.files()[SECRET], shared);
  assert.equal(status.issued?.secretBlob, gitBlobId(shared));
  assert.deepEqual(status.issued?.recipients, [own, friend]);
  assert.equal(status.issued?.revision, 2);
  assert.deepEqual(await vouching.examine(repository.tip.commit), []);
});

test('only what rekey sealed says whom others may be shown to', async () => {
  const accepted = async (isProven: boolean) => {
    const { repository, vouching } = await issued(['www']);
    const text = repository.files()[SECRET] ?? '';
    ours.setRules(rules(own, friend));
    const shared = await ours.reseal(SECRET, text, SECRET, tls('www'), NOW, isProven);
    const tip = repository.add({ '.sops.yaml': rules(own, friend), [SECRET]: shared });
    await repository.commit(await vouching.answer(await vouching.examine(tip), tip, ''));
    const file = repository.files()['status/recipients.yaml'] ?? '';
    return parseRecipientsStatus(file, 'here').accepted[0]?.recipients;
  };

  assert.deepEqual([await accepted(false), await accepted(true)], [[own], [own, friend]]);
});

test('rekey of an account key alone says as much for its rule, and no more than once', async () => {
  const { repository, vouching } = await issued(['www']);
  const [path, name] = ['status/_cluster/issuers/le.key.yaml', { namespace: 'web', name: 'account' }];
  const key = secretOf('account', { 'tls.key': 'a2V5' });
  const document = { ...key, metadata: name };
  ours.setRules(rules(own));
  const text = await ours.seal(paths.secret(name), document, NOW);
  repository.add({ [path]: text }, 'ours');
  ours.setRules(rules(own, friend));
  const shared = await ours.reseal(paths.secret(name), text, path, name, NOW, true);
  const tip = repository.add({ '.sops.yaml': rules(own, friend), [path]: shared });

  await repository.commit(await vouching.answer(await vouching.examine(tip), tip, ''));
  const again = await ours.reseal(paths.secret(name), text, path, name, NOW, true);
  const found = await vouching.examine(repository.add({ [path]: again }));

  const { accepted } = parseRecipientsStatus(repository.files()['status/recipients.yaml'] ?? '', 'here');
  assert.deepEqual(accepted, [{ pattern: '^secrets/', recipients: [own, friend] }]);
  assert.deepEqual(found, []);
});

const NOT_ACCEPTED: readonly {
  readonly name: string;
  readonly files: (text: string) => Promise<Readonly<Record<string, string>>>;
}[] = [
  {
    name: 'the same content for somebody that no rule names',
    files: async () => ({ [SECRET]: await sealedBy([own, friend], 'www', SECOND) }),
  },
  {
    name: 'another key pair, sealed to us',
    files: async () => ({ [SECRET]: await sealedBy([own], 'www', { ...SECOND, 'tls.key': 'ZXZpbA==' }) }),
  },
  {
    name: 'the same content and a field more',
    files: async () => ({ [SECRET]: await sealedBy([own], 'www', { ...SECOND, 'ca.crt': 'ZXZpbA==' }) }),
  },
  {
    name: 'another Secret of ours',
    files: async () => ({ [SECRET]: await sealedBy([own], 'api', SECOND) }),
  },
  {
    name: 'what opens with nothing',
    files: async (text) => ({ [SECRET]: text.replace(/tag:...../, 'tag:AAAAA') }),
  },
];

for (const { name, files } of NOT_ACCEPTED) {
  test(`${name} is drift`, async () => {
    const { repository, vouching } = await issued(['www']);
    const before = repository.files()[SECRET] ?? '';
    const tip = repository.add(await files(before));

    const found = await vouching.examine(tip);
    await repository.commit(await vouching.answer(found, tip, ''));

    assert.deepEqual(
      found.map(({ kind, path }) => [kind, path]),
      [['drift', SECRET]],
    );
    assert.equal(repository.files()[SECRET], before);
  });
}

test('an earlier version of ours stands with the status and the request that belong to it', async () => {
  const { repository, vouching, first } = await issued(['www']);
  const tip = repository.add({ [SECRET]: first[SECRET] ?? '' });

  const found = await vouching.examine(tip);
  await repository.commit(await vouching.answer(found, tip, ''));

  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['reverted'],
  );
  assert.equal(repository.files()[SECRET], first[SECRET]);
  assert.equal(repository.files()[STATUS], first[STATUS]);
  assert.match(repository.messages[0] ?? '', /^Accept .*\n[\s\S]*Certops-Reason: Reverted\n$/);
});

test('a whole commit of ours that was reverted stands as it is', async () => {
  const { repository, vouching, first } = await issued(['www']);
  const tip = repository.add({
    [SECRET]: first[SECRET] ?? '',
    [STATUS]: first[STATUS] ?? '',
    [paths.request(WWW, 2)]: null,
  });

  const found = await vouching.examine(tip);

  assert.deepEqual(found, []);
});

test('an earlier version that would be renewed at once is drift', async () => {
  const { repository, vouching, first } = await issued(['www'], new Date(NOW.getTime() - DAY_MS));
  const tip = repository.add({ [SECRET]: first[SECRET] ?? '' });

  const found = await vouching.examine(tip);

  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['drift'],
  );
});

test('an earlier version that does not fit the manifest any more is drift', async () => {
  const { repository, vouching, first } = await issued(['www']);
  const tip = repository.add({
    [SECRET]: first[SECRET] ?? '',
    'www.yaml': certificateText('www').replace('www.example.com', 'other.example.com'),
  });

  const found = await vouching.examine(tip);

  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['drift'],
  );
});

const NAMES = ['www', 'api', 'db', 'mail', 'ftp', 'dns'];

for (const { gone, kinds } of [
  { gone: 4, kinds: [] },
  { gone: 5, kinds: ['vanished'] },
] as const) {
  test(`${gone} of 6 Secrets gone at once ${kinds.length === 0 ? 'are asked for anew' : 'come back'}`, async () => {
    const { repository, vouching } = await issued(NAMES);
    const secrets = NAMES.slice(0, gone).map((name) => paths.secret(tls(name)));
    const tip = repository.add(Object.fromEntries(secrets.map((path) => [path, null])));

    const found = await vouching.examine(tip);

    assert.deepEqual([...new Set(found.map(({ kind }) => kind))], kinds);
    assert.equal(found.length, kinds.length === 0 ? 0 : gone);
  });
}

test('Secrets that go with their manifests do not come back', async () => {
  const { repository, vouching } = await issued(NAMES);
  const gone = NAMES.flatMap((name) => [`${name}.yaml`, paths.secret(tls(name))]);
  const tip = repository.add(Object.fromEntries(gone.map((path) => [path, null])));

  assert.deepEqual(await vouching.examine(tip), []);
});
