import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readManifestFile } from '../../src/api/read-manifests.ts';
import { matchRule, parseSopsRules } from '../../src/secrets/sops/rules.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

// From age's own documentation; nobody holds its identity.
const SAMPLE_RECIPIENT = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** The fenced YAML blocks of a document that hold manifests of ours. */
function examples(file: string): readonly string[] {
  return [...read(file).matchAll(/```yaml\n(?<text>[\s\S]*?)```/g)]
    .map(({ groups }) => groups?.text ?? '')
    .filter((text) => /^apiVersion: (cert-manager\.io|certops\.dev|policy\.cert-manager\.io)\//m.test(text));
}

test('the documents explain every reason that there is, and no other', () => {
  const reasons = [...read('src/api/reasons.ts').matchAll(/^ {2}\| '(?<reason>\w+)'/gm)].map(
    ({ groups }) => groups?.reason,
  );

  const explained = [...read('docs/errors-and-reasons.md').matchAll(/^\| `(?<reason>[A-Z]\w+)` \|/gm)].map(
    ({ groups }) => groups?.reason,
  );

  assert.ok(reasons.length > 20);
  assert.deepEqual(explained.toSorted(), reasons.toSorted());
});

test('the documents name every room that error codes begin with', () => {
  const rooms = new Set(
    readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [...read(path.join('src', file)).matchAll(/Error\(\s*'(?<room>[a-z]+)\.[a-z-]+'/g)])
      .map(({ groups }) => groups?.room ?? ''),
  );

  const named = [...read('docs/errors-and-reasons.md').matchAll(/^\| (?<rooms>`[a-z]+`(?:, `[a-z]+`)*) \|/gm)]
    .flatMap(({ groups }) => [...(groups?.rooms ?? '').matchAll(/`(?<room>[a-z]+)`/g)])
    .map(({ groups }) => groups?.room);

  assert.ok(rooms.size > 5);
  assert.deepEqual(
    [...rooms].filter((room) => !named.includes(room)),
    [],
  );
});

const readers: readonly string[] = [
  ...readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'README.md',
  'repo-template/README.md',
].filter((file) => examples(file).length > 0);

for (const file of readers) {
  test(`every manifest shown in ${file} is valid`, () => {
    for (const text of examples(file)) {
      const { objects, problems } = readManifestFile(Buffer.from(text));

      assert.deepEqual(problems, [], text);
      assert.ok(objects.length > 0, text);
    }
  });
}

test('the manifests of the template are valid', () => {
  for (const file of ['certops.yaml', 'issuers/selfsigned.yaml']) {
    const { objects, problems } = readManifestFile(Buffer.from(read(`repo-template/${file}`)));

    assert.deepEqual(problems, [], file);
    assert.equal(objects.length, 1, file);
  }
});

test('the rules of the template seal what certops and people encrypt, and nothing else', () => {
  const rules = parseSopsRules(
    read('repo-template/dot-sops.yaml').replaceAll('__AGE_RECIPIENT__', SAMPLE_RECIPIENT),
  );

  const sealed = [
    'secrets/web/www-tls.yaml',
    'secrets/cert-manager/letsencrypt-account.yaml',
    'credentials/ca.yml',
    'credentials/web/dns/token.yaml',
  ].map((file) => matchRule(rules, file)?.recipients);
  const clear = ['certops.yaml', 'web/www.yaml', 'issuers/secrets/x.yaml', 'status/README.md'].map((file) =>
    matchRule(rules, file),
  );

  assert.deepEqual(sealed, [[SAMPLE_RECIPIENT], [SAMPLE_RECIPIENT], [SAMPLE_RECIPIENT], [SAMPLE_RECIPIENT]]);
  assert.deepEqual(clear, [undefined, undefined, undefined, undefined]);
});
