import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Log } from '../../../src/lib/log.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Sealer } from '../../../src/secrets/sealer.ts';
import { tlsSecretDocument } from '../../../src/secrets/secret-manifest.ts';
import {
  type AgeIdentities,
  generateIdentity,
  identitiesFrom,
} from '../../../src/secrets/sops/identities.ts';
import { matchRule, parseSopsRules } from '../../../src/secrets/sops/rules.ts';
import { sealDocument } from '../../../src/secrets/sops/seal.ts';
import { SopsError } from '../../../src/secrets/sops/sops-error.ts';
import { sealedFixture, testIdentities } from './sops-fixtures.ts';

const NOW = new Date('2026-11-22T10:20:30Z');
const PATH = 'secrets/web/www-tls.yaml';
const SECRET = tlsSecretDocument({
  name: 'www-tls',
  namespace: 'web',
  labels: {},
  annotations: { note: 'x' },
  data: { 'tls.crt': 'CERT', 'tls.key': 'KEY' },
});

let ours: AgeIdentities;
let recipient: string;
let stranger: string;

before(async () => {
  const made = await generateIdentity();
  ours = await identitiesFrom([made.identity]);
  recipient = made.recipient;
  stranger = (await generateIdentity()).recipient;
});

function sealerWith(rules: string | undefined, identities = ours, log: Log = silentLog): Sealer {
  const sealer = new Sealer({ identities, log });
  sealer.setRules(rules);
  return sealer;
}

test('what is sealed for a path opens again', async () => {
  const sealer = sealerWith(`creation_rules: [{path_regex: ^secrets/, age: "${recipient},${stranger}"}]`);

  const text = await sealer.seal(PATH, SECRET, NOW);
  const opened = await sealer.open(text, PATH, { namespace: 'web', name: 'www-tls' });

  assert.equal(opened.type, 'kubernetes.io/tls');
  assert.deepEqual(
    [...opened.data.reveal()].map(([key, value]) => [key, value.toString()]),
    [
      ['tls.crt', 'CERT'],
      ['tls.key', 'KEY'],
    ],
  );
  assert.deepEqual(opened.annotations, { note: 'x' });
  assert.deepEqual(opened.recipients, [recipient, stranger]);
});

test('proves a set of recipients once', async () => {
  let proofs = 0;
  const log = { ...silentLog, debug: () => proofs++ };
  const sealer = sealerWith(
    `creation_rules: [{path_regex: a, age: ${recipient}}, {age: ${recipient}}]`,
    ours,
    log,
  );

  await Promise.all([sealer.prove('a'), sealer.prove('b'), sealer.prove('a')]);
  await sealer.prove('b');

  assert.equal(proofs, 1);
});

const UNAVAILABLE: readonly {
  readonly name: string;
  readonly code: string;
  readonly rules: () => string | undefined;
}[] = [
  { name: 'there is no .sops.yaml', code: 'sops.rules-missing', rules: () => undefined },
  { name: '.sops.yaml cannot be read', code: 'sops.rules-unreadable', rules: () => 'creation_rules: [' },
  {
    name: 'no rule matches',
    code: 'sops.no-rule',
    rules: () => `creation_rules: [{path_regex: ^x, age: ${recipient}}]`,
  },
  {
    name: 'the rule names nobody',
    code: 'sops.no-recipient',
    rules: () => 'creation_rules: [{path_regex: s}]',
  },
  {
    name: 'the rule names only others',
    code: 'sops.cannot-open-own',
    rules: () => `creation_rules: [{age: ${stranger}}]`,
  },
  {
    name: 'the rule wants PGP too',
    code: 'sops.rule-unsupported',
    rules: () => `creation_rules: [{age: ${recipient}, pgp: X}]`,
  },
];

for (const { name, code, rules } of UNAVAILABLE) {
  test(`seals nothing when ${name}`, async () => {
    const sealer = sealerWith(rules());

    for (const attempt of [sealer.prove(PATH), sealer.seal(PATH, SECRET, NOW)]) {
      await assert.rejects(attempt, (thrown) => {
        assert.ok(thrown instanceof SopsError);
        assert.equal(thrown.code, code);
        assert.equal(thrown.retry.when, 'never');
        assert.ok((thrown.explanation.next ?? '') !== '');
        return true;
      });
    }
  });
}

test('seals again once the rules are mended', async () => {
  const sealer = sealerWith('creation_rules: [');
  await assert.rejects(sealer.prove(PATH), { code: 'sops.rules-unreadable' });

  sealer.setRules(`creation_rules: [{age: ${recipient}}]`);

  assert.equal((await sealer.prove(PATH)).recipients[0], recipient);
});

test('says so when there is no identity at all', async () => {
  const sealer = sealerWith(`creation_rules: [{age: ${stranger}}]`, await identitiesFrom([]));

  await assert.rejects(
    sealer.prove(PATH),
    (thrown) => thrown instanceof SopsError && /SOPS_AGE_KEY/.test(thrown.explain()),
  );
});

for (const name of [
  'secret',
  'secret-two-recipients',
  'secret-foreign-first',
  'secret-mac-only',
  'secret-everything',
]) {
  test(`opens a credential that people sealed: ${name}`, async () => {
    const sealer = new Sealer({ identities: await testIdentities() });

    const secret = await sealer.openCredential(sealedFixture(name), name);

    assert.equal(`${secret.namespace}/${secret.name}`, 'web/rfc2136-tsig');
    assert.equal(secret.type, 'Opaque');
    assert.equal(secret.data.reveal().get('tsig-secret')?.toString(), 'c2VjcmV0LXZhbHVl');
    assert.equal(secret.data.reveal().get('tls.key')?.toString(), 'plain');
    assert.equal(secret.data.reveal().get('empty')?.length, 0);
    assert.equal(secret.labels.team, '0777');
  });
}

test('refuses a credential that sops-age reads differently', async () => {
  const rule = matchRule(parseSopsRules(`creation_rules: [{age: ${recipient}}]`), 'x');
  assert.ok(rule !== undefined);
  // sops-age leaves keys of digits out of the path that a value is bound to.
  const text = await sealDocument({ ...SECRET, data: { '8080': 'QQ==' } }, rule, NOW);
  const sealer = new Sealer({ identities: ours });

  await sealer.open(text, 'here');
  await assert.rejects(sealer.openCredential(text, 'here'), { code: 'sops.readers-disagree' });
});

const UNUSABLE: readonly { readonly name: string; readonly document: Record<string, unknown> }[] = [
  { name: 'another kind', document: { ...SECRET, kind: 'ConfigMap' } },
  { name: 'no name', document: { ...SECRET, metadata: {} } },
  { name: 'a number as name', document: { ...SECRET, metadata: { name: 1 } } },
  { name: 'data that is not base64', document: { ...SECRET, data: { key: 'no base64!' } } },
  { name: 'data that is no text', document: { ...SECRET, data: { key: 1 } } },
  { name: 'data that is a list', document: { ...SECRET, data: ['QQ=='] } },
  { name: 'null in data', document: { ...SECRET, data: { key: null } } },
];

for (const { name, document } of UNUSABLE) {
  test(`refuses as a Secret what has ${name}`, async () => {
    const sealer = sealerWith(`creation_rules: [{age: ${recipient}}]`);
    const text = await sealer.seal(PATH, document, NOW);

    await assert.rejects(sealer.open(text, PATH), { code: 'sops.secret-invalid' });
  });
}

test('stringData stands over data, and wrapped base64 is read', async () => {
  const sealer = sealerWith(`creation_rules: [{age: ${recipient}}]`);
  const document = { ...SECRET, data: { a: 'QUFB\nQUFB\n', b: 'QQ==' }, stringData: { b: 'grüße' } };

  const opened = await sealer.open(await sealer.seal(PATH, document, NOW), PATH);

  assert.deepEqual(
    [...opened.data.reveal()].map(([key, value]) => [key, value.toString()]),
    [
      ['a', 'AAAAAA'],
      ['b', 'grüße'],
    ],
  );
});
