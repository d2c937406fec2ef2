import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchRule, parseSopsRules } from '../../../src/secrets/sops/rules.ts';
import { SopsError } from '../../../src/secrets/sops/sops-error.ts';

const A = 'age10rv9ljyggd6d0jm86h67qlmrh5xydd283zqt4n2mszk73chxn3zqals76n';
const B = 'age1yead6m5emj68c2u49eagrfnsjgjzwc30w6x0xr7z3l9mv0x5mqmsw0tdrg';
const SSH = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ';
const YUBIKEY = `age1yubikey1${'q'.repeat(58)}`;

const MATCHES: readonly {
  readonly name: string;
  readonly rules: string;
  readonly path: string;
  readonly index: number | undefined;
  readonly recipients?: readonly string[];
  readonly macOnly?: boolean;
}[] = [
  {
    name: 'a rule without path_regex matches all',
    rules: `- age: ${A}`,
    path: 'x',
    index: 0,
    recipients: [A],
  },
  { name: 'an empty path_regex matches all', rules: `- {path_regex: "", age: ${A}}`, path: 'x', index: 0 },
  {
    name: 'the first match wins',
    rules: `- {path_regex: ^a/, age: ${A}}\n- {path_regex: ^a/b, age: ${B}}`,
    path: 'a/b',
    index: 0,
  },
  {
    name: 'what does not match is passed over',
    rules: `- {path_regex: ^b/, age: ${A}}\n- {age: ${B}}`,
    path: 'a/b',
    index: 1,
    recipients: [B],
  },
  {
    name: 'expressions are not anchored',
    rules: `- {path_regex: web/.*\\.ya?ml$, age: ${A}}`,
    path: 'secrets/web/a.yaml',
    index: 0,
  },
  { name: 'no rule matches', rules: `- {path_regex: ^b/, age: ${A}}`, path: 'a/b', index: undefined },
  {
    name: 'recipients in one text',
    rules: `- age: "${A}, ${B},\n    ${A}"`,
    path: 'x',
    index: 0,
    recipients: [A, B],
  },
  {
    name: 'recipients folded over lines',
    rules: `- age: >-\n    ${A},\n    ${B}`,
    path: 'x',
    index: 0,
    recipients: [A, B],
  },
  { name: 'recipients in a list', rules: `- age: [${A}, ${B}]`, path: 'x', index: 0, recipients: [A, B] },
  {
    name: 'one key group of age alone',
    rules: `- key_groups: [{age: [${A}, ${B}], pgp: []}]`,
    path: 'x',
    index: 0,
    recipients: [A, B],
  },
  {
    name: 'mac_only_encrypted',
    rules: `- {age: ${A}, mac_only_encrypted: true}`,
    path: 'x',
    index: 0,
    macOnly: true,
  },
  {
    name: 'another encrypted_regex is no matter',
    rules: `- {age: ${A}, encrypted_regex: ^spec$}`,
    path: 'x',
    index: 0,
  },
  { name: 'no recipient at all', rules: '- {path_regex: x}', path: 'x', index: 0, recipients: [] },
  {
    name: 'an unsupported rule for other paths is no matter',
    rules: `- {path_regex: ^b/, pgp: ABC}\n- {age: ${A}}`,
    path: 'a',
    index: 1,
  },
];

for (const { name, rules, path, index, recipients, macOnly } of MATCHES) {
  test(`matches a rule: ${name}`, () => {
    const rule = matchRule(parseSopsRules(`creation_rules:\n${rules}\n`), path);

    assert.equal(rule?.index, index);
    if (recipients !== undefined) assert.deepEqual(rule?.recipients, recipients);
    if (rule !== undefined) assert.equal(rule.macOnlyEncrypted, macOnly ?? false);
  });
}

test('recipients may be shared by an alias', () => {
  const rules = parseSopsRules(
    `keys:\n  - &a ${A}\ncreation_rules:\n  - key_groups:\n      - age:\n          - *a\n`,
  );

  assert.deepEqual(matchRule(rules, 'x')?.recipients, [A]);
});

const UNSUPPORTED: readonly (readonly [string, string])[] = [
  ['PGP', `{age: ${A}, pgp: ABCDEF}`],
  ['AWS KMS', `{age: ${A}, kms: arn:aws:kms:x}`],
  ['Google KMS', `{age: ${A}, gcp_kms: projects/x}`],
  ['Azure', `{age: ${A}, azure_keyvault: x}`],
  ['Vault', `{age: ${A}, hc_vault_transit_uri: x}`],
  ['two key groups', `{key_groups: [{age: [${A}]}, {age: [${B}]}]}`],
  ['a key group with PGP', `{key_groups: [{age: [${A}], pgp: [ABC]}]}`],
  ['a threshold', `{age: ${A}, shamir_threshold: 2}`],
  ['an SSH recipient', `{age: "${SSH}"}`],
  ['a plugin recipient', `{age: "${A},${YUBIKEY}"}`],
  ['a post-quantum recipient', `{age: age1pq1${'q'.repeat(100)}}`],
  ['a recipient with a wrong checksum', `{age: ${A.slice(0, -1)}q}`],
  ['a recipient in upper case', `{age: ${A.toUpperCase()}}`],
];

for (const [name, rule] of UNSUPPORTED) {
  test(`refuses to seal by a rule with ${name}`, () => {
    const rules = parseSopsRules(`creation_rules:\n  - ${rule}\n`);

    assert.throws(
      () => matchRule(rules, 'secrets/web/a.yaml'),
      (thrown) =>
        thrown instanceof SopsError &&
        thrown.code === 'sops.rule-unsupported' &&
        thrown.retry.when === 'never' &&
        thrown.explain().includes('line 2'),
    );
  });
}

const UNREADABLE: readonly (readonly [string, string, number])[] = [
  ['broken YAML', 'creation_rules:\n  - {', 2],
  ['no rules', 'stores: {}\n', 1],
  ['rules that are no list', '\ncreation_rules: x\n', 2],
  ['a rule that is no map', 'creation_rules:\n  - x\n', 2],
  ['an expression that is none', `creation_rules:\n  - age: ${A}\n    path_regex: (a\n`, 3],
  ['an expression with look-ahead', `creation_rules:\n  - path_regex: (?=a)\n`, 2],
  ['a number as expression', `creation_rules:\n  - path_regex: 1\n`, 2],
  ['a key twice', `creation_rules:\n  - age: x\n    age: y\n`, 3],
  ['two documents', `creation_rules: []\n---\na: b\n`, 3],
  [
    'an alias bomb',
    `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replace(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}creation_rules: *h\n`,
    0,
  ],
];

for (const [name, text, line] of UNREADABLE) {
  test(`refuses a .sops.yaml with ${name}`, () => {
    assert.throws(
      () => parseSopsRules(text),
      (thrown) =>
        thrown instanceof SopsError &&
        thrown.code === 'sops.rules-unreadable' &&
        (line === 0 || thrown.data.line === line),
    );
  });
}
