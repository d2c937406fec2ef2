import assert from 'node:assert/strict';
import fc from 'fast-check';
import { editDocument, meansExactly, withDocument } from '../../src/lib/yaml-document-edit.ts';
import { editYaml, type YamlEdit } from '../../src/lib/yaml-edit.ts';
import { editValue } from '../../src/lib/yaml-edit-value.ts';
import { readYaml } from '../../src/lib/yaml-read.ts';
import { fuzz, hostileText, mutated, mutations } from './fuzz.ts';

const TEXTS = [
  'metadata:\n  name: a # first\n  annotations:\n    b: c\nspec:\n  names:\n  - x # old\n  - "y"\n  # end\n  z: 1\n',
  '---\nmetadata: {name: a, annotations: {b: c}}\nspec: {names: [x, y, z], z: 1} # end\n',
  '{"metadata": {"name": "a"}, "spec": {"names": ["x", "y"], "z": 1}}\n',
  'metadata:\r\n    name: &n a\r\n    annotations:\r\nspec:\r\n    z: *n\r\n    names: [\r\n        x, # one\r\n        y\r\n    ]\r\n',
  'base: &b {annotations: {b: c}}\nmetadata:\n  <<: *b\n  name: |\n    a\n\nspec:\n  names: &l\n    - x\n    - {y: z}\n  z: ~\n...\n',
];
const WORDS = [
  '\n',
  '  ',
  '- ',
  ': ',
  '# ',
  ', ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '&a ',
  '*a',
  '|\n',
  '\r\n',
  '---\n',
];

const path = fc.constantFrom<readonly (string | number)[]>(
  ['metadata', 'annotations', 'b'],
  ['metadata', 'annotations', 'certops.dev/x'],
  ['metadata', 'annotations'],
  ['metadata', 'name'],
  ['spec', 'names'],
  ['spec', 'names', 0],
  ['spec', 'names', 1],
  ['spec', 'names', 1, 'y'],
  ['spec', 'z'],
  ['spec', 'new', 'deep'],
  ['base'],
  [],
);
const value = fc.oneof(
  fc.constantFrom(
    'x',
    'yes',
    '1',
    '',
    'a, b',
    '# c',
    'a: b',
    '2026-11-22T05:00:00Z',
    "it's",
    '"',
    '\u202e',
    '\n',
  ),
  hostileText(WORDS, 4),
);
const edit: fc.Arbitrary<YamlEdit> = fc.oneof(
  fc.record({ do: fc.constant('set' as const), path, value }),
  fc.record({
    do: fc.constant('add' as const),
    path,
    value: fc.oneof(value, fc.array(value, { maxLength: 2 })),
  }),
  fc.record({ do: fc.constant('append' as const), path, value }),
  fc.record({ do: fc.constant('remove' as const), path, withComment: fc.boolean() }),
  fc.record({ do: fc.constant('rename' as const), path, key: fc.constantFrom('k', 'certops.dev/y') }),
);

/** The characters that stand at both ends of two texts alike. */
function untouched(before: string, after: string): { readonly head: number; readonly tail: number } {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return { head, tail };
}

fuzz(
  'an edit of any document is refused, or means exactly what was meant and touches one place alone',
  fc.tuple(fc.constantFrom(...TEXTS), mutations(WORDS, 2), fc.boolean(), edit),
  ([text, changes, isChanged, each]) => {
    const whole = isChanged ? mutated(text, changes) : text;
    const [document] = readYaml(Buffer.from(whole)).documents;
    if (document === undefined) return;
    const changed = editDocument(document, [each]);
    if (changed === undefined) return;
    assert.ok(meansExactly(changed, editValue(document.value, [each])));
    const file = withDocument(whole, document, changed);
    if (file === undefined) return;
    const others = readYaml(Buffer.from(file)).documents.filter(({ index }) => index !== document.index);
    const before = readYaml(Buffer.from(whole)).documents.filter(({ index }) => index !== document.index);
    assert.deepEqual(
      others.map((other) => other.text),
      before.map((other) => other.text),
    );
    // Whole lines are added or taken; a change within a line leaves its ends alone.
    const { head, tail } = untouched(document.text, changed);
    const [gone, come] = [document.text.length - head - tail, changed.length - head - tail];
    if (each.do === 'add' || each.do === 'append') assert.ok(gone <= 4, `${gone} characters went`);
    if (each.do === 'remove') assert.equal(come, 0, 'something came');
  },
  1500,
);

fuzz(
  'editing a text that is no document does nothing and throws nothing',
  fc.tuple(hostileText([...WORDS, 'metadata', 'spec', 'names'], 20), edit),
  ([text, each]) => {
    const changed = editYaml(text, [each]);
    assert.ok(changed === undefined || typeof changed === 'string');
  },
  500,
);
