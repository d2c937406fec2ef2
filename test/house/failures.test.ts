import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CAUSE_CODES } from '../../src/diagnosis/cause.ts';
import { CAUSE_WORDS } from '../../src/diagnosis/cause-words.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const document = readFileSync(path.join(root, 'docs/failures.md'), 'utf8');

interface Row {
  readonly heading: string;
  readonly code: string;
  readonly title: string;
}

/** The rows of each section's table: the code, and what a pull request calls it. */
const rows: readonly Row[] = document.split(/^## /m).flatMap((section) => {
  const heading = section.slice(0, section.indexOf('\n'));
  return [...section.matchAll(/^\| `(?<code>[a-z-]+)` \| (?<title>[^|]+) \|/gm)].map(({ groups }) => ({
    heading,
    code: groups?.code ?? '',
    title: groups?.title?.trim() ?? '',
  }));
});

/** The section of each class. */
const HEADINGS = {
  time: 'Heals with time',
  environment: 'The world outside',
  specification: 'A manifest',
  policy: 'A policy',
  account: 'The account at the CA',
  encryption: 'Encryption',
} as const;

test('docs/failures.md explains every cause once, and no other', () => {
  const explained = rows.map(({ code }) => code);

  assert.deepEqual([...explained].sort(), [...CAUSE_CODES].sort());
});

test('docs/failures.md calls every cause what a pull request calls it, under its class', () => {
  const told = rows.map(({ heading, code, title }) => [code, heading, title]);

  const expected = rows.flatMap(({ code }) => {
    const known = CAUSE_CODES.find((one) => one === code);
    return known === undefined
      ? []
      : [
          [
            known,
            HEADINGS[CAUSE_WORDS[known].class],
            CAUSE_WORDS[known].title.replaceAll('.sops.yaml', '`.sops.yaml`'),
          ],
        ];
  });
  assert.deepEqual(told, expected);
});
