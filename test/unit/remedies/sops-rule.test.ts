import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Remedy, RemedyInput } from '../../../src/remedies/remedy.ts';
import { remedyFor } from '../../../src/remedies/remedy-for.ts';
import { matchRule, parseSopsRules } from '../../../src/secrets/sops/rules.ts';
import { causeOf, situation } from './situation.ts';

// From age's own documentation; nobody holds its identity.
const OURS = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';
const THEIRS = 'age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg';
const SEALED = 'secrets/web/www-tls.yaml';

function repaired(text: string | undefined, more: Partial<RemedyInput> = {}): Remedy | undefined {
  const sopsRules = text === undefined ? undefined : { path: '.sops.yaml', text };
  const cause = causeOf('no-recipient', { class: 'encryption', scope: 'repository' });
  return remedyFor(situation({ cause, sopsRules, ownRecipients: [OURS], sealedPath: SEALED, ...more }));
}

const RULE = (indent: string): string =>
  `- path_regex: ^secrets/\n${indent}  encrypted_regex: ^(data|stringData)$\n${indent}  age: ${OURS}\n`;

const REPAIRED: readonly {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string;
  readonly title: string;
}[] = [
  {
    name: 'the file is missing',
    before: undefined,
    after: `# Who can open the Secrets in this repository. The first rule whose path_regex matches a file counts.\ncreation_rules:\n  - path_regex: "^secrets/"\n    encrypted_regex: "^(data|stringData)$"\n    age: ${OURS}\n`,
    title: 'make .sops.yaml',
  },
  {
    name: 'no rule matches the path',
    before: `# rules\ncreation_rules:\n- path_regex: ^credentials/ # people\n  age: ${THEIRS}\n# end\n`,
    after: `# rules\ncreation_rules:\n- path_regex: ^credentials/ # people\n  age: ${THEIRS}\n${RULE('')}# end\n`,
    title: 'add a rule to .sops.yaml',
  },
  {
    name: 'there are no rules',
    before: '# none yet\nstores: {}\n',
    after: `# none yet\nstores: {}\ncreation_rules:\n  ${RULE('  ')}`,
    title: 'add a rule to .sops.yaml',
  },
  {
    name: 'the rule that matches has no recipient',
    before: `creation_rules:\n  - path_regex: ^secrets/.*\n    encrypted_regex: ^data$ # all\n  - age: ${THEIRS}\n`,
    after: `creation_rules:\n  - path_regex: ^secrets/.*\n    encrypted_regex: ^data$ # all\n    age: ${OURS}\n  - age: ${THEIRS}\n`,
    title: 'add recipients to .sops.yaml',
  },
  {
    name: 'the recipients of the rule are empty',
    before: 'creation_rules:\r\n  - path_regex: ^secrets/\r\n    age: ""\r\n',
    after: `creation_rules:\r\n  - path_regex: ^secrets/\r\n    age: "${OURS}"\r\n`,
    title: 'add recipients to .sops.yaml',
  },
  {
    name: 'the rule names others alone, in one text',
    before: `creation_rules:\n  - age: '${THEIRS}' # the team\n`,
    after: `creation_rules:\n  - age: '${THEIRS},${OURS}' # the team\n`,
    title: 'add recipients to .sops.yaml',
  },
  {
    name: 'the rule names others alone, in a list',
    before: `creation_rules: [{age: [${THEIRS}]}]\n`,
    after: `creation_rules: [{age: [${THEIRS}, ${OURS}]}]\n`,
    title: 'add recipients to .sops.yaml',
  },
];

for (const { name, before, after, title } of REPAIRED) {
  test(`it repairs the rules where ${name}`, () => {
    const remedy = repaired(before);

    assert.deepEqual([remedy?.kind, remedy?.title], ['repair-sops-rule', title]);
    assert.deepEqual([...(remedy?.files ?? [])], [['.sops.yaml', after]]);
    const { recipients, unsupported } = matchRule(parseSopsRules(after), SEALED) ?? {};
    assert.ok(recipients?.includes(OURS));
    assert.equal(unsupported, undefined);
  });
}

test('a folder of outputs with signs of patterns is taken by its letters', () => {
  const remedy = repaired(undefined, { sealedPath: 'out.d/secrets/web/www-tls.yaml' });

  const rules = parseSopsRules(remedy?.files.get('.sops.yaml') ?? '');
  assert.ok(matchRule(rules, 'out.d/secrets/web/www-tls.yaml') !== undefined);
  assert.equal(matchRule(rules, 'outsd/secrets/web/www-tls.yaml'), undefined);
});

const LEFT_ALONE: readonly (readonly [name: string, text: string, more?: Partial<RemedyInput>])[] = [
  ['the rule names another kind of key', 'creation_rules:\n  - kms: arn:aws:kms:x\n'],
  ['the rule has key groups', `creation_rules:\n  - key_groups: [{age: [${THEIRS}]}]\n`],
  ['the rule wants a threshold', `creation_rules:\n  - age: ${THEIRS}\n    shamir_threshold: 2\n`],
  ['the rule names us already', `creation_rules:\n  - age: ${OURS}\n`],
  ['the file is no YAML', 'creation_rules: [\n'],
  ['the file has two documents', 'creation_rules: []\n---\ncreation_rules: []\n'],
  ['a rule before cannot be understood', `creation_rules:\n  - path_regex: "(?<=x)"\n    age: ${THEIRS}\n`],
  [
    'the recipients are folded over lines',
    `creation_rules:\n  - age: >-\n      ${THEIRS},\n      ${THEIRS}\n`,
  ],
  ['the recipients are no text', 'creation_rules:\n  - age: 17\n'],
  ['an alias shares the rule', `x: &r {age: ""}\ncreation_rules: [*r]\n`],
  ['we have no identity', 'creation_rules: []\n', { ownRecipients: [] }],
  ['our recipient is none of age', 'a: b\n', { ownRecipients: ['ssh-ed25519 AAAA'] }],
];

for (const [name, text, more] of LEFT_ALONE) {
  test(`it leaves the rules alone where ${name}`, () => {
    assert.equal(repaired(text, more), undefined);
  });
}
