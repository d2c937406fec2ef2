import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AcceptedRecipients,
  type AcceptedRule,
  namedRules,
  narrowed,
  widened,
} from '../../../src/secrets/accepted-recipients.ts';
import { parseSopsRules } from '../../../src/secrets/sops/rules.ts';

const A = 'age10rv9ljyggd6d0jm86h67qlmrh5xydd283zqt4n2mszk73chxn3zqals76n';
const B = 'age1yead6m5emj68c2u49eagrfnsjgjzwc30w6x0xr7z3l9mv0x5mqmsw0tdrg';
const WEB = '^secrets/web/';
const ALL = '^secrets/';
const names: ReadonlyMap<string, string> = new Map([
  [A, 'A'],
  [B, 'B'],
]);

const rule = (pattern: string, ...recipients: readonly string[]): AcceptedRule => ({ pattern, recipients });

function sopsRules(rules: readonly AcceptedRule[]) {
  const lines = rules.map(
    ({ pattern, recipients }) => `  - {path_regex: '${pattern}', age: '${recipients.join(',')}'}\n`,
  );
  return parseSopsRules(`creation_rules:\n${lines.join('')}`);
}

/** Whom the rules name and the list accepts, as letters. */
function readers(accepted: readonly AcceptedRule[], path: string): string {
  return new AcceptedRecipients(accepted)
    .at(path)
    .map((recipient) => names.get(recipient))
    .join('');
}

const CHANGES: readonly {
  readonly name: string;
  readonly before: readonly AcceptedRule[];
  readonly after: readonly AcceptedRule[];
  readonly readers: Readonly<Record<string, string>>;
}[] = [
  {
    name: 'a recipient is added',
    before: [rule(ALL, A)],
    after: [rule(ALL, A, B)],
    readers: { 'secrets/web/x': 'A' },
  },
  {
    name: 'a recipient is taken away',
    before: [rule(ALL, A, B)],
    after: [rule(ALL, A)],
    readers: { 'secrets/web/x': 'A' },
  },
  {
    name: 'a recipient is taken away under one rule of two',
    before: [rule(WEB, A, B), rule(ALL, A, B)],
    after: [rule(WEB, A), rule(ALL, A, B)],
    readers: { 'secrets/web/x': 'A', 'secrets/db/x': 'AB' },
  },
  {
    name: 'a rule for one’s own is put before the others',
    before: [rule(ALL, A)],
    after: [rule(WEB, A, B), rule(ALL, A)],
    readers: { 'secrets/web/x': 'A' },
  },
  {
    name: 'rules are swapped so that a wider one comes first',
    before: [rule(WEB, A), rule(ALL, A, B)],
    after: [rule(ALL, A, B), rule(WEB, A)],
    readers: { 'secrets/web/x': 'A', 'secrets/db/x': 'AB' },
  },
  {
    name: 'a narrow rule is taken away',
    before: [rule(WEB, A), rule(ALL, A, B)],
    after: [rule(ALL, A, B)],
    readers: { 'secrets/web/x': 'A', 'secrets/db/x': 'AB' },
  },
  {
    name: 'the only pattern is written anew',
    before: [rule(ALL, A, B)],
    after: [rule('^(secrets|credentials)/', A, B)],
    readers: { 'secrets/web/x': 'AB', 'credentials/x': 'AB' },
  },
  {
    name: 'a rule for new paths is added',
    before: [rule(WEB, A, B), rule('^secrets/db/', A)],
    after: [rule(WEB, A, B), rule('^secrets/db/', A), rule('', A, B)],
    readers: { 'secrets/mail/x': 'A' },
  },
];

for (const { name, before, after, readers: wanted } of CHANGES) {
  test(`nobody reads more than before when ${name}`, () => {
    const accepted = narrowed(before, sopsRules(after));

    for (const [path, letters] of Object.entries(wanted))
      assert.equal(readers(accepted, path), letters, path);
  });
}

test('whoever was taken away and is added again waits again', () => {
  const removed = narrowed([rule(ALL, A, B)], sopsRules([rule(ALL, A)]));

  const added = narrowed(removed, sopsRules([rule(ALL, A, B)]));

  assert.equal(readers(added, 'secrets/web/x'), 'A');
});

test('what a rule names at first is accepted', () => {
  assert.deepEqual(namedRules(sopsRules([rule(WEB, A), rule(ALL, A, B)])), [rule(WEB, A), rule(ALL, A, B)]);
});

const WIDENINGS = [
  {
    name: 'the rule that has an entry',
    before: [rule(WEB, A), rule(ALL, A)],
    pattern: WEB,
    readers: { 'secrets/web/x': 'AB', 'secrets/db/x': 'A' },
  },
  {
    name: 'a rule that is new, for the paths that it takes over',
    before: [rule(ALL, A)],
    pattern: WEB,
    readers: { 'secrets/web/x': 'AB', 'secrets/db/x': 'A' },
  },
  {
    name: 'a rule that is new, behind the entries before it',
    before: [rule('^secrets/web/secret', A), rule(WEB, A)],
    pattern: ALL,
    readers: { 'secrets/web/x': 'AB', 'secrets/web/secret': 'A' },
  },
] as const;

for (const { name, before, pattern, readers: wanted } of WIDENINGS) {
  test(`whom somebody has shown a file to is accepted for ${name}`, () => {
    const accepted = widened(before, 'secrets/web/x', pattern, [B]);

    for (const [path, letters] of Object.entries(wanted))
      assert.equal(readers(accepted, path), letters, path);
  });
}

test('a list with a pattern that cannot be read accepts nobody by it', () => {
  assert.equal(readers([rule('(', A, B), rule(ALL, A)], 'secrets/web/x'), 'A');
});
