import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CertopsError } from '../../src/lib/errors.ts';
import { identitiesFrom } from '../../src/secrets/sops/identities.ts';
import { readSopsMetadata } from '../../src/secrets/sops/metadata.ts';
import { openDocument } from '../../src/secrets/sops/open.ts';
import { matchRule, parseSopsRules } from '../../src/secrets/sops/rules.ts';
import { sealDocument } from '../../src/secrets/sops/seal.ts';
import { asJson, freshRule } from '../unit/secrets/sops-fixtures.ts';
import { CANARY, fuzz, hostileText, mutated, mutations, outcome } from './fuzz.ts';

const { rule, identities: secrets } = await freshRule(1);
const identities = await identitiesFrom(secrets);
const PLAIN = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'www-tls', namespace: 'web', labels: { team: 'web' } },
  type: 'kubernetes.io/tls',
  data: { 'tls.crt': 'QQ==', 'tls.key': Buffer.from(CANARY).toString('base64') },
  stringData: { note: CANARY, empty: '' },
};
const SEALED = await sealDocument(PLAIN, rule, new Date('2026-11-22T10:20:30Z'));
const lines = SEALED.split('\n');

const WORDS = [
  ...[
    '\n',
    '  ',
    'data:',
    'sops:',
    'mac: ',
    'age:',
    'enc: ',
    'ENC[AES256_GCM,data:',
    ',iv:',
    ',tag:',
    ',type:str]',
  ],
  ...[
    'lastmodified: ',
    '"2026-11-22T10:20:30Z"',
    'version: 3.9.0',
    'unencrypted_suffix: _x',
    'encrypted_regex: .*',
  ],
  ...[
    'mac_only_encrypted: true',
    'recipient: ',
    '-----BEGIN AGE ENCRYPTED FILE-----',
    'QQ==',
    '=',
    '!!str ',
    '&a ',
    '*a',
  ],
  ...['kms: []', 'shamir_threshold: 2', '---\n', '# ', '"', "'", 'null', '~', '0777', '{', '}', '[', ']'],
];

/** Leaves in the order of the document, as the MAC takes them. */
function leavesOf(value: unknown): readonly string[] {
  if (typeof value === 'object' && value !== null)
    return Object.values(value).flatMap((each) => leavesOf(each));
  return value === null ? [] : [typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value)];
}

function nonEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== '' && member !== null));
}

/**
 * Opens a changed file: it is refused, or what is sealed stands where it was sealed. The format binds clear text by
 * its values in their order only, not by its keys, and nulls and empty values not at all; the Secret's name is compared
 * elsewhere, and who reads its data refuses nulls.
 */
async function openChanged(text: string): Promise<void> {
  const opened = await outcome(() => openDocument(text, identities, 'secrets/web/www-tls.yaml'));
  if (opened instanceof CertopsError) return;
  const found = opened.document.reveal();
  assert.deepEqual(nonEmpty(asJson(found.data)), PLAIN.data);
  assert.deepEqual(nonEmpty(asJson(found.stringData)), nonEmpty(PLAIN.stringData));
  assert.equal(leavesOf(found).join(''), leavesOf(PLAIN).join(''));
}

fuzz(
  'a sealed file with a few changes is refused, or holds what was sealed where it was sealed',
  mutations(WORDS),
  async (changes) => {
    await openChanged(mutated(SEALED, changes));
  },
  200,
);

const lineNumber = fc.nat(lines.length - 1);

fuzz(
  'a sealed file whose lines were moved, doubled or left out is refused, or holds what was sealed where it was sealed',
  fc.array(fc.tuple(lineNumber, lineNumber, fc.constantFrom('swap', 'copy', 'drop')), {
    minLength: 1,
    maxLength: 3,
  }),
  async (moves) => {
    const moved = [...lines];
    for (const [from, to, how] of moves) {
      const [source = '', target = ''] = [moved[from], moved[to]];
      if (how === 'drop') moved.splice(from, 1);
      else moved.splice(to, how === 'copy' ? 0 : 1, source);
      if (how === 'swap') moved.splice(from, 1, target);
    }
    await openChanged(moved.join('\n'));
  },
  200,
);

fuzz('the metadata of any sops file are read or refused', hostileText(WORDS, 30), async (text) => {
  await outcome(() => readSopsMetadata(text));
  await outcome(() => readSopsMetadata(`a: b\nsops:\n  ${text}`));
});

const RULES = `creation_rules:
  - path_regex: ^secrets/web/.*\\.yaml$
    encrypted_regex: ^(data|stringData)$
    age: ${rule.recipients.join(',')}
  - age: [${rule.recipients.join(',')}]
    mac_only_encrypted: true
`;
const RULE_WORDS = [
  ...[
    'creation_rules:',
    '  - ',
    'path_regex: ',
    'age: ',
    'key_groups:',
    'encrypted_regex: ',
    'unencrypted_suffix: x',
  ],
  ...[
    '(',
    ')',
    '(a+)+$',
    '[',
    ']',
    '{1,1000}',
    '\\',
    '(?=a)',
    '.*',
    '|',
    '*',
    '^',
    '$',
    '\n',
    '    ',
    ': ',
    '- ',
  ],
  ...['age1', 'stores:', 'kms: x', '# ', '"', "'", '&a ', '*a', '---\n', '!!str ', 'true', 'null', '{', '}'],
];

fuzz(
  '.sops.yaml of any kind is read or refused, and no pattern of it takes long',
  fc.oneof(
    mutations(RULE_WORDS).map((changes) => mutated(RULES, changes)),
    hostileText(RULE_WORDS, 20).map((text) => `creation_rules:\n  - path_regex: ${text}\n`),
    hostileText(RULE_WORDS, 30),
  ),
  async (text) => {
    const rules = await outcome(() => parseSopsRules(text));
    if (rules instanceof CertopsError) return;
    for (const path of ['secrets/web/www-tls.yaml', `${'a'.repeat(10_000)}!`, '', 'certops.yaml']) {
      await outcome(() => matchRule(rules, path));
    }
  },
  200,
);
