import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { openWithSopsAge } from '../../../src/secrets/sops/cross-check.ts';
import { identitiesFrom } from '../../../src/secrets/sops/identities.ts';
import { openDocument } from '../../../src/secrets/sops/open.ts';
import { sealDocument } from '../../../src/secrets/sops/seal.ts';
import { asJson, freshRule } from './sops-fixtures.ts';

const NOW = new Date('2026-11-22T10:20:30.456Z');

/** Everything that YAML 1.1, YAML 1.2 and Go's YAML read differently, where it stands in clear and where it does not. */
const SECRET = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: 'www-tls',
    namespace: 'web',
    labels: { octal: '0777', boolean: 'yes', short: 'n', date: '2024-01-02', nothing: 'null', tilde: '~' },
    annotations: {
      'cert-manager.io/alt-names': 'www.example.com,*.example.com',
      'cert-manager.io/common-name': '*.example.com',
      'cert-manager.io/uri-sans': '',
      colon: 'a: b',
      hash: 'a #b',
      clock: '12:30:00',
      sexagesimal: '190:20:30',
      number: '1_000',
      exponent: '1e3',
      hexadecimal: '0x1F',
      dash: '- x',
      anchor: '&x',
      alias: '*x',
      tag: '!x',
      quote: `'"\\`,
      blank: ' ',
      edges: ' a ',
      lines: 'one\n\ttwo \n\nthree\n',
      armor: 'abc\ndef\n',
      carriage: 'a\r\nb',
      breaks: 'a\u0085b\u2028c\u2029d\ufeffe\u00a0f',
      controls: '\u0000\u0007\u001b\u007f',
      unicode: 'grüße 世界 😀 e\u0301',
      '<<': 'merge',
      '=': '=',
      '8080': 'digits',
      true: 'word',
      long: 'word '.repeat(100),
      ends: 'colon:',
      percent: '%x',
      document: '--- x',
      curly: '{a: b}',
    },
    generation: 7,
    ratio: 1.5,
    tiny: 1e-7,
    flags: [true, false, null, '', 'x', [], {}, ['y', ['z']], { a: 'b', c: { d: 'e' } }],
    nothing: null,
    none: {},
  },
  type: 'kubernetes.io/tls',
  data: { 'tls.crt': 'LS0tQ0VSVA==', 'tls.key': 'LS0tS0VZ', 'ca.crt': '' },
  stringData: {
    number: 42,
    float: 2.5,
    flag: false,
    date: '2024-01-02',
    list: ['a', ['b']],
    text: 'grüße\n',
  },
};

const WAYS = [
  { name: 'one recipient', recipients: 1, macOnly: false },
  { name: 'three recipients', recipients: 3, macOnly: false },
  { name: 'a MAC over encrypted values only', recipients: 1, macOnly: true },
];

for (const { name, recipients, macOnly } of WAYS) {
  test(`what is sealed opens again with each identity: ${name}`, async () => {
    const { rule, identities } = await freshRule(recipients, macOnly);

    const text = await sealDocument(SECRET, rule, NOW);

    for (const identity of identities) {
      const opened = await openDocument(text, await identitiesFrom([identity]));
      assert.deepEqual(asJson(opened.document.reveal()), asJson(SECRET));
      assert.deepEqual(opened.metadata.recipients, rule.recipients);
    }
  });

  test(`sops-age reads what is sealed: ${name}`, async () => {
    const { rule, identities } = await freshRule(recipients, macOnly);

    const text = await sealDocument(SECRET, rule, NOW);

    for (const identity of identities) {
      const opened = await openWithSopsAge(text, await identitiesFrom([identity]), rule.recipients);
      assert.deepEqual(asJson(opened), asJson(SECRET));
    }
  });
}

const sops = findSops();

if (sops !== undefined) {
  for (const { name, recipients, macOnly } of WAYS) {
    test(`sops itself opens what is sealed: ${name}`, async () => {
      const { rule, identities } = await freshRule(recipients, macOnly);
      const text = await sealDocument(SECRET, rule, NOW);

      for (const identity of identities) {
        assert.deepEqual(await openWithSops(sops, text, identity.reveal()), asJson(SECRET));
      }
    });
  }

  test('sops itself would write the same lines', async () => {
    const { rule, identities } = await freshRule(2);
    const text = await sealDocument(
      {
        ...SECRET,
        metadata: { name: 'www-tls', namespace: 'web', annotations: { a: '0777', b: 'yes', c: '' } },
      },
      rule,
      NOW,
    );
    const folder = await mkdtemp(join(tmpdir(), 'certops-sops-'));
    try {
      const file = join(folder, 'secret.yaml');
      await writeFile(file, text);

      // Rotating writes every line anew; the shape is what is compared.
      const env = { PATH: process.env.PATH, HOME: folder, SOPS_AGE_KEY: identities[0]?.reveal() };
      const { stdout } = await promisify(execFile)(sops, ['rotate', file], { env });

      assert.equal(shape(stdout), shape(text));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test('keys, nonces and ciphertexts are fresh each time', async () => {
  const { rule } = await freshRule(1);

  const texts = [await sealDocument(SECRET, rule, NOW), await sealDocument(SECRET, rule, NOW)];

  const seen = texts.flatMap((text) => text.match(/(?:data|iv):[A-Za-z0-9+/=]{30,}/g) ?? []);
  assert.ok(seen.length > 10);
  assert.equal(new Set(seen).size, seen.length);
});

test('nothing under data or stringData is left in clear', async () => {
  const { rule } = await freshRule(1);

  const text = await sealDocument(
    { kind: 'Secret', data: { key: 'UExBSU4tQ0FOQVJZ' }, stringData: { list: ['plain-canary'] } },
    { ...rule, macOnlyEncrypted: true },
    NOW,
  );

  assert.doesNotMatch(text, /UExBSU4tQ0FOQVJZ|plain-canary/);
  assert.match(text, /^ {4}encrypted_regex: \^\(data\|stringData\)\$$/m);
  assert.match(text, /^ {4}lastmodified: "2026-11-22T10:20:30Z"$/m);
});

test('any small secret survives sealing, to our reader and to sops-age', async () => {
  const { rule, identities } = await freshRule(1);
  const ours = await identitiesFrom(identities);
  // sops-age reads no keys of digits alone, and drops __proto__.
  const key = fc
    .stringMatching(/^[a-z_.-][A-Za-z0-9._-]{0,12}$/)
    .filter((text) => text !== '__proto__' && text !== '<<');
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.stringMatching(/^[-0-9_.:eExob]{0,10}$/),
  );
  const clear = fc.dictionary(key, text, { maxKeys: 4 });

  await fc.assert(
    fc.asyncProperty(clear, clear, fc.boolean(), async (annotations, stringData, macOnly) => {
      const document = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x', annotations }, stringData };

      const sealed = await sealDocument(document, { ...rule, macOnlyEncrypted: macOnly }, NOW);

      const opened = await openDocument(sealed, ours);
      assert.deepEqual(asJson(opened.document.reveal()), asJson(document));
      assert.deepEqual(asJson(await openWithSopsAge(sealed, ours, rule.recipients)), asJson(document));
    }),
    { numRuns: 40 },
  );
});

function findSops(): string | undefined {
  const named = process.env.CERTOPS_TEST_SOPS;
  if (named) return named;
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'sops'))
    .find((path) => existsSync(path));
}

async function openWithSops(program: string, text: string, identity: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'certops-sops-'));
  try {
    const file = join(folder, 'secret.yaml');
    await writeFile(file, text);
    const env = { PATH: process.env.PATH, HOME: folder, SOPS_AGE_KEY: identity };
    const { stdout } = await promisify(execFile)(program, ['-d', '--output-type', 'json', file], { env });
    return JSON.parse(stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The text with everything that is random, or of the moment, masked. */
function shape(text: string): string {
  return text
    .replace(/ENC\[[^\]]*type:([a-z]+)\]/g, 'ENC[$1]')
    .replace(/^( +)[A-Za-z0-9+/=]{20,}$/gm, '$1…')
    .replace(/lastmodified: .*/, 'lastmodified');
}
