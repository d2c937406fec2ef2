import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Sensitive } from '../../../src/lib/sensitive.ts';
import { Sealer } from '../../../src/secrets/sealer.ts';
import { wrapDataKey } from '../../../src/secrets/sops/data-key.ts';
import { additionalData, encryptValue } from '../../../src/secrets/sops/encrypted-value.ts';
import { type AgeIdentities, identitiesFrom } from '../../../src/secrets/sops/identities.ts';
import { startMac } from '../../../src/secrets/sops/mac.ts';
import { openDocument } from '../../../src/secrets/sops/open.ts';
import type { SealingRule } from '../../../src/secrets/sops/rules.ts';
import { sealDocument } from '../../../src/secrets/sops/seal.ts';
import { SopsError } from '../../../src/secrets/sops/sops-error.ts';
import { freshRule } from './sops-fixtures.ts';

const NOW = new Date('2026-11-22T10:20:30Z');
const PLAIN = 'UExBSU4tQ0FOQVJZLVZBTFVF';
const OTHER_PLAIN = 'T1RIRVItQ0FOQVJZ';
const SECRET = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'www-tls', namespace: 'web', annotations: { note: 'kept' } },
  type: 'kubernetes.io/tls',
  data: { 'tls.crt': OTHER_PLAIN, 'tls.key': PLAIN },
};

let rule: SealingRule;
let identity: Sensitive<string>;
let identities: AgeIdentities;
let sealed: string;
let other: string;

before(async () => {
  const made = await freshRule(1);
  rule = made.rule;
  const [first] = made.identities;
  assert.ok(first !== undefined);
  identity = first;
  identities = await identitiesFrom([first]);
  sealed = await sealDocument(SECRET, rule, NOW);
  other = await sealDocument({ ...SECRET, metadata: { ...SECRET.metadata, name: 'other' } }, rule, NOW);
});

const lineOf = (text: string, key: string): string => new RegExp(`^ *${key}: .*$`, 'm').exec(text)?.[0] ?? '';
const sealedValue = (text: string, key: string): string => lineOf(text, key).replace(/^ *[^:]+: /, '');

const TAMPERINGS: readonly {
  readonly name: string;
  readonly code: string;
  readonly edit: (text: string) => string;
}[] = [
  {
    name: 'the name is changed',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace('name: www-tls', 'name: evil'),
  },
  {
    name: 'the namespace is changed',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace('namespace: web', 'namespace: db'),
  },
  {
    name: 'the type is changed',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace('kubernetes.io/tls', 'Opaque'),
  },
  {
    name: 'an annotation is removed',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace(/^ *note: kept\n/m, ''),
  },
  {
    name: 'an annotation is added',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace('note: kept', 'note: kept\n        more: x'),
  },
  {
    name: 'an encrypted field is removed',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace(/^ *tls.crt: .*\n/m, ''),
  },
  {
    name: 'a clear field is added to data',
    code: 'sops.clear-value',
    edit: (t) => t.replace('\ndata:\n', '\ndata:\n    ca.crt: QQ==\n'),
  },
  {
    name: 'a number is added to data',
    code: 'sops.clear-value',
    edit: (t) => t.replace('\ndata:\n', '\ndata:\n    ca.crt: 1\n'),
  },
  {
    name: 'a clear value replaces a ciphertext',
    code: 'sops.clear-value',
    edit: (t) => t.replace(sealedValue(t, 'tls.crt'), OTHER_PLAIN),
  },
  {
    name: 'stringData is added in clear',
    code: 'sops.clear-value',
    edit: (t) => t.replace('\ndata:\n', '\nstringData:\n    tls.key: evil\ndata:\n'),
  },
  {
    name: 'two ciphertexts are swapped',
    code: 'sops.tampered',
    edit: (t) => swap(t, sealedValue(t, 'tls.crt'), sealedValue(t, 'tls.key')),
  },
  {
    name: 'a ciphertext is moved to another key',
    code: 'sops.tampered',
    edit: (t) => t.replace('tls.key: ENC', 'tls.kez: ENC'),
  },
  {
    name: 'a bit of a ciphertext is flipped',
    code: 'sops.tampered',
    edit: (t) =>
      t.replace(/(tls.key: ENC\[AES256_GCM,data:)(.)/, (_, head, char) => head + (char === 'A' ? 'B' : 'A')),
  },
  {
    name: 'a ciphertext comes from another document',
    code: 'sops.tampered',
    edit: (t) => t.replace(sealedValue(t, 'tls.key'), sealedValue(other, 'tls.key')),
  },
  {
    name: 'a tag is cut short',
    code: 'sops.malformed',
    edit: (t) => t.replace(/(tls.key: ENC.*,tag:)[^,]+/, '$1AAAA'),
  },
  {
    name: 'a value is made a comment',
    code: 'sops.malformed',
    edit: (t) => t.replace(/(tls.key: ENC.*type:)str/, '$1comment'),
  },
  { name: 'the MAC is removed', code: 'sops.mac-missing', edit: (t) => t.replace(/^ *mac: .*\n/m, '') },
  {
    name: 'the MAC is emptied',
    code: 'sops.mac-missing',
    edit: (t) => t.replace(lineOf(t, 'mac'), '    mac: ""'),
  },
  { name: 'the MAC is null', code: 'sops.mac-missing', edit: (t) => t.replace(lineOf(t, 'mac'), '    mac:') },
  {
    name: 'the MAC is in clear',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace(lineOf(t, 'mac'), `    mac: ${'A'.repeat(128)}`),
  },
  {
    name: 'the MAC comes from another document',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace(lineOf(t, 'mac'), lineOf(other, 'mac')),
  },
  {
    name: 'the time is changed',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace('10:20:30Z', '10:20:31Z'),
  },
  {
    name: 'the time is removed',
    code: 'sops.malformed',
    edit: (t) => t.replace(/^ *lastmodified: .*\n/m, ''),
  },
  {
    name: 'mac_only_encrypted is added',
    code: 'sops.mac-mismatch',
    edit: (t) => t.replace('    mac:', '    mac_only_encrypted: true\n    mac:'),
  },
  {
    name: 'mac_only_encrypted is no flag',
    code: 'sops.malformed',
    edit: (t) => t.replace('    mac:', '    mac_only_encrypted: maybe\n    mac:'),
  },
  {
    name: 'the rule is narrowed',
    code: 'sops.clear-value',
    edit: (t) => t.replace('^(data|stringData)$', 'nothing'),
  },
  {
    name: 'the rule is widened',
    code: 'sops.clear-value',
    edit: (t) => t.replace('^(data|stringData)$', '.'),
  },
  {
    name: 'a second rule is added',
    code: 'sops.unsupported',
    edit: (t) => t.replace('    lastmodified', '    unencrypted_suffix: x\n    lastmodified'),
  },
  {
    name: 'a rule by comments is added',
    code: 'sops.unsupported',
    edit: (t) => t.replace('encrypted_regex', 'encrypted_comment_regex'),
  },
  {
    name: 'the rule is no expression',
    code: 'sops.unsupported',
    edit: (t) => t.replace('^(data|stringData)$', '(a'),
  },
  {
    name: 'key groups are added',
    code: 'sops.unsupported',
    edit: (t) =>
      t.replace('    lastmodified', '    key_groups: [{age: [{recipient: x, enc: y}]}]\n    lastmodified'),
  },
  {
    name: 'the recipient is another',
    code: 'sops.no-identity',
    edit: (t) => t.replace(/recipient: age1.*/, `recipient: age1${'q'.repeat(58)}`),
  },
  {
    name: 'there are no recipients',
    code: 'sops.no-identity',
    edit: (t) => t.replace(/^ {4}age:\n(?: {8}.*\n)+/m, ''),
  },
  {
    name: 'the data key is damaged',
    code: 'sops.tampered',
    edit: (t) => t.replace(/^ {12}YWdl/m, '            YWdm'),
  },
  {
    name: 'the data key comes from another document',
    code: 'sops.tampered',
    edit: (t) => t.replace(armorOf(t), armorOf(other)),
  },
  { name: 'a key occurs twice', code: 'sops.malformed', edit: (t) => t.replace('type:', 'type: x\ntype:') },
  {
    name: 'an alias stands for a value',
    code: 'sops.malformed',
    edit: (t) => t.replace('note: kept', 'note: &a kept\n        more: *a'),
  },
  {
    name: 'a tag is added',
    code: 'sops.malformed',
    edit: (t) => t.replace('note: kept', 'note: !!binary kept'),
  },
  { name: 'a second document is added', code: 'sops.unsupported', edit: (t) => `${t}---\na: b\n` },
  { name: 'there is no sops block', code: 'sops.malformed', edit: (t) => t.slice(0, t.indexOf('sops:')) },
  { name: 'it is cut in the middle', code: 'sops.malformed', edit: (t) => `${t.slice(0, 300)}\n "` },
  { name: 'it is no YAML', code: 'sops.malformed', edit: () => '{[' },
  { name: 'it is empty', code: 'sops.malformed', edit: () => '' },
  {
    name: 'it has conflict markers',
    code: 'sops.malformed',
    edit: (t) => `<<<<<<< ours\n${t}=======\n${t}>>>>>>> theirs\n`,
  },
  { name: 'it is a list of lists without end', code: 'sops.malformed', edit: () => '- '.repeat(100_000) },
  { name: 'it is a map of maps without end', code: 'sops.malformed', edit: deepMap },
  { name: 'it is nested without end', code: 'sops.malformed', edit: () => '['.repeat(100_000) },
  {
    name: 'it is larger than 1 MiB',
    code: 'sops.malformed',
    edit: (t) => `${t}# ${'x'.repeat(1024 * 1024)}\n`,
  },
];

for (const { name, code, edit } of TAMPERINGS) {
  test(`refuses a document where ${name}`, async () => {
    const tampered = edit(sealed);
    assert.notEqual(tampered, sealed);

    await assert.rejects(openDocument(tampered, identities, 'secrets/web/www-tls.yaml'), (thrown) => {
      assert.ok(thrown instanceof SopsError);
      assert.equal(thrown.code, code);
      assert.ok(thrown.explain().includes('secrets/web/www-tls.yaml'));
      assertNothingLeaks(thrown);
      return true;
    });
  });
}

test('refuses plain text under data although the MAC is right', async () => {
  // Whoever knows a value can put it in clear and narrow the rule: the MAC covers the same bytes as before.
  const dataKey = Buffer.alloc(32, 7);
  const stamp = '2026-11-22T10:20:30Z';
  const mac = startMac(false);
  mac.add(Buffer.from(OTHER_PLAIN), false);
  mac.add(Buffer.from(PLAIN), true);
  const [recipient = ''] = rule.recipients;
  const armored = (await wrapDataKey(dataKey, recipient)).replace(/^/gm, '            ');
  const forged = `data:
    tls.crt: ${OTHER_PLAIN}
    tls.key: ${encryptValue(Buffer.from(PLAIN), 'str', dataKey, additionalData(['data', 'tls.key']))}
sops:
    age:
        - enc: |
${armored}
          recipient: ${recipient}
    encrypted_regex: ^tls.key$
    lastmodified: "${stamp}"
    mac: ${encryptValue(Buffer.from(mac.finish()), 'str', dataKey, stamp)}
    version: 3.13.3
`;

  const control = forged.replace('data:\n', 'info:\n').replaceAll(/tls\.key: ENC.*/g, () => {
    return `tls.key: ${encryptValue(Buffer.from(PLAIN), 'str', dataKey, additionalData(['info', 'tls.key']))}`;
  });

  await openDocument(control, identities);
  await assert.rejects(openDocument(forged, identities), { code: 'sops.clear-value' });
});

test('refuses a Secret that is not the one it stands for', async () => {
  const sealer = new Sealer({ identities });
  // The MAC covers values without their bounds, so this one passes it.
  const shifted = sealed
    .replace('name: www-tls', 'name: www-tlsw')
    .replace('namespace: web', 'namespace: eb');

  await openDocument(shifted, identities);
  await assert.rejects(sealer.open(shifted, 'here', { namespace: 'web', name: 'www-tls' }), {
    code: 'sops.wrong-object',
  });
});

test('an opened document does not print its values', async () => {
  const opened = await openDocument(sealed, identities);

  assert.doesNotMatch(JSON.stringify(opened), new RegExp(PLAIN));
  assert.doesNotMatch(`${opened.document}`, new RegExp(PLAIN));
});

function assertNothingLeaks(error: SopsError): void {
  const said = [
    error.message,
    error.explain(),
    JSON.stringify(error.logFields()),
    error.stack,
    String(error.cause),
  ].join('\n');
  for (const secret of [PLAIN, OTHER_PLAIN, identity.reveal().slice(0, 20), 'evil', 'ENC[']) {
    assert.ok(!said.includes(secret), `an error tells ${secret}`);
  }
}

function deepMap(): string {
  return Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('');
}

function armorOf(text: string): string {
  return /-----BEGIN[\s\S]*?-----END/.exec(text)?.[0] ?? '';
}

function swap(text: string, left: string, right: string): string {
  return text.replace(left, '\0').replace(right, left).replace('\0', right);
}
