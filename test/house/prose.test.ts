import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** What a commit of this tree would hold. */
function ownFiles(): readonly string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((file) => file !== '' && existsSync(path.join(root, file)));
}

function documents(): readonly string[] {
  return ownFiles().filter((file) => file.endsWith('.md'));
}

// Joined here, so that this file does not find itself.
const FOREIGN: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: 'a path of one machine', pattern: new RegExp(['(?<![\\w.])/', '(work|root)/'].join('')) },
  { what: 'a host of a package registry', pattern: new RegExp(['registry', 'npmjs'].join('\\.')) },
  { what: 'a host of a package registry', pattern: new RegExp(['proxy', 'golang'].join('\\.')) },
  { what: 'a host of a package registry', pattern: new RegExp(['deb', 'debian', 'org'].join('\\.')) },
  { what: 'a token of a forge', pattern: /\bgh[pousr]_[A-Za-z0-9]{20,}|\bglpat-[\w-]{20}/ },
];

test('no file holds the paths, tokens or registry hosts of one machine', () => {
  const found = ownFiles().flatMap((file) => {
    const text = read(file);
    return FOREIGN.filter(({ pattern }) => pattern.test(text)).map(({ what }) => `${what} in ${file}`);
  });

  assert.deepEqual(found, []);
});

test('every room has a README', () => {
  const rooms = readdirSync(path.join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(path.join(root, 'src', entry.name)).length > 0)
    .map((entry) => entry.name);

  const bare = rooms.filter((room) => !existsSync(path.join(root, 'src', room, 'README.md')));

  assert.ok(rooms.length > 0);
  assert.deepEqual(bare, []);
});

test('nothing in the code is put off by a remark', () => {
  const remark = new RegExp(
    `\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['X', 'XX'].join('')})\\b`,
  );

  const found = ownFiles().filter(
    (file) => /^(src|scripts|test|bench)\/.*\.(ts|mjs)$/.test(file) && remark.test(read(file)),
  );

  assert.deepEqual(found, []);
});

test('every npm command in the documents is a script of package.json', () => {
  // JSON.parse knows no types; package.json has this one.
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

  const unknown = documents().flatMap((file) =>
    [...read(file).matchAll(/\bnpm (?:run (?<script>[\w:-]+)|(?<verb>test)\b)/g)]
      .map(({ groups }) => groups?.script ?? groups?.verb ?? '')
      .filter((script) => scripts[script] === undefined)
      .map((script) => `npm run ${script} in ${file}`),
  );

  assert.deepEqual(unknown, []);
  assert.match(read('README.md'), /npm run demo[\s\S]*npm test/);
});

test('every link in the documents to a file of ours leads to one', () => {
  const broken = documents().flatMap((file) =>
    [...read(file).matchAll(/\]\((?<target>[^)\s]+)\)/g)]
      .map(({ groups }) => (groups?.target ?? '').replace(/#.*$/, ''))
      .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(path.join(root, path.dirname(file), target)))
      .map((target) => `${target} in ${file}`),
  );

  assert.deepEqual(broken, []);
});

test('the change log has a part for what is not released yet', () => {
  assert.match(read('CHANGELOG.md'), /^## \[Unreleased\]$/m);
});

test('the template holds every file under a name that a package can carry', () => {
  const names = readdirSync(path.join(root, 'repo-template'), { recursive: true, encoding: 'utf8' });

  const dotted = names.filter((name) => name.split(path.sep).some((part) => part.startsWith('.')));

  assert.deepEqual(dotted, [], 'npm leaves some dot files out of packages: dot-NAME becomes .NAME');
  assert.ok(names.includes('dot-sops.yaml'));
});
