import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { classify, KNOWN_PROBLEM_TYPES } from '../../src/acme/problem.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(path.join(root, 'src', file), 'utf8') }));
const document = readFileSync(path.join(root, 'docs/errors.md'), 'utf8');

/** The rooms that codes begin with: those of the tree, and three that are no folders. */
const ROOMS = [
  ...readdirSync(path.join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name),
  ...['config', 'worker', 'yaml', 'sops'],
];

/** Every literal `'room.what'`; one that ends in `-` is the beginning of several codes. */
function codesInSource(): ReadonlySet<string> {
  const literal = new RegExp(`'(?<code>(?:${ROOMS.join('|')})\\.[a-z][a-z0-9-]*)'`, 'g');
  const found = sources.flatMap(({ text }) =>
    [...text.matchAll(literal)].map(({ groups }) => groups?.code ?? ''),
  );
  return new Set(found.filter((code) => !/\.(?:yaml|yml|json|ts|md|git)$/.test(code)));
}

const rows = [...document.matchAll(/^\| `(?<code>[a-z]+(?:\.[a-z0-9-]+)?)` \| (?<second>[^|]*) \|/gm)].map(
  ({ groups }) => ({ code: groups?.code ?? '', second: groups?.second ?? '' }),
);
const explained = rows.map(({ code }) => code);

function kebab(type: string): string {
  return type.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();
}

const problems = KNOWN_PROBLEM_TYPES.map((type) => ({ code: `acme.${kebab(type)}`, type }));

test('docs/errors.md explains every error code that there is', () => {
  const codes = [...codesInSource(), ...problems.map(({ code }) => code), 'internal'];

  const silent = codes.filter(
    (code) => !explained.some((one) => (code.endsWith('-') ? one.startsWith(code) : one === code)),
  );

  assert.ok(codes.length > 100);
  assert.deepEqual(silent, [], 'add a row for each to docs/errors.md');
});

test('docs/errors.md explains no code that there is not, and none twice', () => {
  const codes = codesInSource();
  const beginnings = [...codes].filter((code) => code.endsWith('-'));

  const foreign = explained.filter(
    (code) =>
      code !== 'internal' &&
      !codes.has(code) &&
      !problems.some((problem) => problem.code === code) &&
      !beginnings.some((beginning) => code.startsWith(beginning)),
  );

  assert.deepEqual(foreign, []);
  assert.equal(new Set(explained).size, explained.length);
});

test('docs/errors.md has the class of every problem of an ACME server', () => {
  const told = problems.map(({ code }) => rows.find((row) => row.code === code)?.second.trim());

  assert.deepEqual(
    told,
    problems.map(({ type }) => classify(type, 400)),
  );
});

test('docs/annotations.md explains every annotation that is read from a Certificate, and no other', () => {
  const text = readFileSync(path.join(root, 'docs/annotations.md'), 'utf8');
  const source = sources.find(({ file }) => file === path.join('api', 'certificate-annotations.ts'));

  const names = [
    ...(source?.text ?? '').matchAll(/'(?<name>(?:certops\.dev|cert-manager\.io)\/[a-z-]+)'/g),
  ].map(({ groups }) => groups?.name);
  const told = [...text.matchAll(/^\| `(?<name>[a-z.-]+\/[a-z-]+)` \|/gm)].map(({ groups }) => groups?.name);

  assert.ok(names.length > 5);
  assert.deepEqual(told.toSorted(), [...new Set(names)].toSorted());
});
