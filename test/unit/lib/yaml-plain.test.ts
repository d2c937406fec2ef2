import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { composeYaml, KUBERNETES_YAML } from '../../../src/lib/yaml-compose.ts';
import { readPlainDocument } from '../../../src/lib/yaml-plain.ts';
import { MANIFEST_LIMITS } from '../../../src/lib/yaml-problem.ts';
import { yamlValue } from '../../../src/lib/yaml-value.ts';

/** What the library makes of a document. */
function composed(text: string): {
  readonly value: unknown;
  readonly offset: number;
  readonly problems: number;
} {
  const tree = composeYaml({ index: 0, text, linesBefore: 0 }, MANIFEST_LIMITS, KUBERNETES_YAML);
  const { value, problems } = yamlValue(tree, MANIFEST_LIMITS);
  return { value, offset: tree.root?.range[0] ?? 0, problems: problems.length + tree.problems.length };
}

function assertSame(text: string): boolean {
  const plain = readPlainDocument(text);
  if (plain === undefined) return false;
  const whole = composed(text);
  assert.equal(whole.problems, 0, text);
  assert.deepEqual(plain.value, whole.value, text);
  assert.equal(plain.offset, whole.offset, text);
  return true;
}

const MANIFEST = `# for the web
---
apiVersion: cert-manager.io/v1
kind: Certificate   # of the site
metadata:
  name: www
  labels: {team: web, tier: "1"}
spec:
  dnsNames:
  - www.example.com
  - 'a b'
  usages: [server auth, "client auth"]
  duration: 2160h
  ipAddresses:
    - 192.0.2.1
  isCA: false
  empty:
  renewBeforePercentage: 30
  solvers:
    - http01:
        ingress: {}
      selector:
        dnsZones: []
    - dns01: { rfc2136: { nameserver: ns.example } } # later
  issuerRef: {name: ca}
`;

test('reads an ordinary manifest by itself, and as the library does', () => {
  assert.equal(assertSame(MANIFEST), true);
});

/** Texts that only look simple. */
const LEFT: readonly string[] = [
  'a: yes',
  'a: no # really',
  'on: 1',
  'y: 1',
  'a: 0777',
  'a: 1_000',
  'a: 1.5',
  'a: 1e3',
  'a: 0x1f',
  'a: -1',
  'a: .inf',
  'a: ~',
  'a: null',
  'a: *b',
  'a: &b c',
  'a: !t c',
  'a: |\n  b',
  'a: >\n  b',
  'a: b\n  c',
  'a: b: c',
  'a: b:',
  'a: "b\\n"',
  "a: 'b''c'",
  'a: "b" c',
  'a: 1\na: 2',
  'a: [b,\n c]',
  'a: [b, ]',
  'a: {b}',
  'a: {b: c',
  'a: [b: c]',
  'a: {b: c} d',
  'a: [b #c\n]',
  '? a\n: b',
  '<<: {a: b}',
  'a:\n - - b',
  'a:\n  b: c\n d: e',
  '- a',
  'a',
  '"a": b',
  'a:\tb',
  'a: b\r\n',
  'a: é',
  '%YAML 1.1\n---\na: b',
  '--- a: b',
  'a: b\n...\n',
  'a: - b',
  'a: @b',
  'a: `b',
  '',
  '# nothing',
];

for (const text of LEFT) {
  test(`leaves ${JSON.stringify(text)} to the library`, () => {
    assert.equal(readPlainDocument(text), undefined);
  });
}

const word = fc.constantFrom(
  ...[
    'a',
    'b',
    'key',
    'yes',
    'true',
    'null',
    '12',
    '0',
    '012',
    '1.5',
    '1.2.3.4',
    '10h',
    '1e3',
    'a b',
    'a: b',
    'a:b',
  ],
  ...[
    'a:',
    '-',
    '- a',
    '#',
    ' #c',
    '"q"',
    "'s'",
    '"',
    '[',
    ']',
    '{',
    '}',
    ',',
    '[a]',
    '{a: b}',
    '{a:b}',
    '*',
    '&a',
  ],
  ...[
    'http://x/y',
    'a#b',
    '~',
    '|',
    '>',
    '---',
    '...',
    '?',
    ':',
    '',
    ' ',
    '  ',
    '@',
    '%',
    '1 2',
    'x,y',
    '0b1',
    '.5',
  ],
);
const line = fc
  .tuple(
    fc.integer({ min: 0, max: 4 }),
    fc.constantFrom('', '- ', '-  ', '-'),
    fc.constantFrom('a: ', 'b: ', 'key:', 'c:  ', 'no: ', ''),
    fc.array(word, { maxLength: 3 }).map((words) => words.join('')),
    fc.constantFrom('', '', ' # c', ' '),
  )
  .map(([indent, dash, key, value, comment]) => ' '.repeat(indent) + dash + key + value + comment);
const document = fc.array(line, { minLength: 1, maxLength: 6 }).map((lines) => lines.join('\n'));

/** An ordinary manifest with a few slips of the pen. */
const mistyped = fc
  .array(
    fc.tuple(
      fc.nat(MANIFEST.length - 1),
      fc.integer({ min: 0, max: 2 }),
      fc.constantFrom(...[...' \n:-#,[]{}"\'.*&!|>?%@`~0aY=<'], '', '\n  ', ': ', ' #', '- '),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((slips) =>
    slips.reduce((text, [at, drop, put]) => text.slice(0, at) + put + text.slice(at + drop), MANIFEST),
  );

const SOURCES: readonly (readonly [name: string, source: fc.Arbitrary<string>, part: number])[] = [
  ['odd lines', document, 0.01],
  ['an ordinary manifest with slips of the pen', mistyped, 0.1],
];

for (const [name, source, part] of SOURCES) {
  test(`whatever it reads of ${name}, the library reads the same`, () => {
    let read = 0;
    const runs = process.env.SLOW === '1' ? 100_000 : 3000;

    fc.assert(
      fc.property(source, (text) => {
        if (assertSame(text)) read++;
      }),
      { numRuns: runs, seed: 20_261_122 },
    );

    assert.ok(read > runs * part, `only ${read} of ${runs} were read`);
  });
}
