import assert from 'node:assert/strict';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { DEFAULT_SETTINGS } from '../../../src/api/repository.ts';
import { lintSopsRules } from '../../../src/cli/lint-sops.ts';
import { readWorkTree } from '../../../src/cli/work-tree.ts';
import { makeScratch } from '../../support/scratch.ts';
import { certificateText } from '../reconcile/manifests.ts';

const A = 'age10rv9ljyggd6d0jm86h67qlmrh5xydd283zqt4n2mszk73chxn3zqals76n';

const CASES: readonly {
  readonly name: string;
  readonly rules: string | undefined;
  readonly found: readonly string[];
}[] = [
  { name: 'no .sops.yaml', rules: undefined, found: [] },
  {
    name: 'a rule for Secrets',
    rules: `creation_rules:\n  - {path_regex: ^secrets/, age: ${A}}\n`,
    found: [],
  },
  {
    name: 'a rule for everything that leaves specifications in clear',
    rules: `creation_rules:\n  - {encrypted_regex: ^(data|stringData)$, age: ${A}}\n`,
    found: [],
  },
  {
    name: 'a rule for everything',
    rules: `creation_rules:\n  - age: ${A}\n`,
    found: ['warning 2 sops-encrypts-manifests'],
  },
  {
    name: 'a rule that selects specifications',
    rules: `creation_rules:\n  - {path_regex: yaml$, encrypted_regex: ^(data|spec)$, age: ${A}}\n`,
    found: ['warning 2 sops-encrypts-manifests'],
  },
  {
    name: 'a rule for everything behind one that holds for manifests',
    rules: `creation_rules:\n  - {path_regex: ^web, encrypted_regex: ^data$, age: ${A}}\n  - age: ${A}\n`,
    found: [],
  },
  {
    name: 'no recipient',
    rules: 'creation_rules:\n  - {path_regex: ^secrets/}\n',
    found: ['warning 2 sops-no-recipient'],
  },
  {
    name: 'a plugin’s recipient',
    rules: `creation_rules:\n  - {path_regex: ^secrets/, age: age1yubikey1${'q'.repeat(58)}}\n`,
    found: ['warning 2 sops-rule-unsupported'],
  },
  {
    name: 'an expression that cannot be read',
    rules: `creation_rules:\n  - {path_regex: "(", age: ${A}}\n`,
    found: ['error 2 sops-rules-unreadable'],
  },
  { name: 'no rules', rules: 'creation_rules: [\n', found: ['error 2 sops-rules-unreadable'] },
];

for (const { name, rules, found } of CASES) {
  test(`lint of .sops.yaml: ${name}`, async (context) => {
    const root = makeScratch('lint-sops', context).dir;
    if (rules !== undefined) await writeFile(join(root, '.sops.yaml'), rules);
    const bytes = Buffer.from(certificateText('www'));
    const files = [{ path: 'web.yaml', bytes, manifests: readManifestFile(bytes) }];

    const findings = await lintSopsRules({ root, settings: DEFAULT_SETTINGS, files, looked: 1, scope: '' });

    assert.deepEqual(
      findings.map(({ severity, line, rule }) => `${severity} ${line} ${rule}`),
      found,
    );
  });
}

test('a .sops.yaml and a certops.yaml that lead out of the tree, to what never ends, are not followed', async (context) => {
  const root = makeScratch('lint-links', context).dir;
  for (const name of ['.sops.yaml', 'certops.yaml']) await symlink('/dev/zero', join(root, name));

  const tree = await readWorkTree(root);
  const findings = await lintSopsRules(tree);

  assert.deepEqual(tree.settings, DEFAULT_SETTINGS);
  assert.deepEqual(
    findings.map(({ severity, rule }) => `${severity} ${rule}`),
    ['error sops-rules-unreadable'],
  );
});
