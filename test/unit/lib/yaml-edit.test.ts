import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDocument, withDocument } from '../../../src/lib/yaml-document-edit.ts';
import type { YamlEdit } from '../../../src/lib/yaml-edit.ts';
import { readYaml } from '../../../src/lib/yaml-read.ts';

/** The first document of a text with edits made in it. */
function edited(text: string, ...edits: readonly YamlEdit[]): string | undefined {
  const [document] = readYaml(Buffer.from(text)).documents;
  assert.ok(document !== undefined);
  const changed = editDocument(document, edits);
  return changed === undefined ? undefined : withDocument(text, document, changed);
}

interface Case {
  readonly name: string;
  readonly before: string;
  readonly edits: readonly YamlEdit[];
  /** Undefined: the edit is refused. */
  readonly after: string | undefined;
}

const NOTE = ['metadata', 'annotations', 'certops.dev/note'];
const add = (path: readonly string[], value: unknown): YamlEdit => ({ do: 'add', path, value });
const append = (path: readonly string[], value: unknown): YamlEdit => ({ do: 'append', path, value });
const remove = (path: readonly (string | number)[], withComment = false): YamlEdit => ({
  do: 'remove',
  path,
  withComment,
});
const set = (path: readonly (string | number)[], value: string): YamlEdit => ({ do: 'set', path, value });

const CASES: readonly Case[] = [
  {
    name: 'adds a member and the map that it belongs to',
    before: 'metadata:\n  name: a # first\n\n# of the spec\nspec: {}\n',
    edits: [add(NOTE, 'x')],
    after:
      'metadata:\n  name: a # first\n  annotations:\n    certops.dev/note: x\n\n# of the spec\nspec: {}\n',
  },
  {
    name: 'adds a member at the end of the map that is there, in its indentation',
    before: 'metadata:\n    annotations:\n        a: b\n    name: a\n',
    edits: [add(NOTE, 'x')],
    after: 'metadata:\n    annotations:\n        a: b\n        certops.dev/note: x\n    name: a\n',
  },
  {
    name: 'adds a member behind a value of several lines',
    before: 'metadata:\n  annotations:\n    a: |\n      one\n      two\n  name: a\n',
    edits: [add(NOTE, 'x')],
    after: 'metadata:\n  annotations:\n    a: |\n      one\n      two\n    certops.dev/note: x\n  name: a\n',
  },
  {
    name: 'adds a member to a flow map',
    before: 'metadata: {name: a, annotations: {b: c}} # d\n',
    edits: [add(NOTE, '2026-11-22T05:00:00Z')],
    after: 'metadata: {name: a, annotations: {b: c, certops.dev/note: "2026-11-22T05:00:00Z"}} # d\n',
  },
  {
    name: 'adds a map to a flow map',
    before: 'metadata: {name: a}\n',
    edits: [add(NOTE, 'x, y')],
    after: 'metadata: {name: a, annotations: {certops.dev/note: "x, y"}}\n',
  },
  {
    name: 'adds a member to a flow map of several lines and a comma at its end',
    before: 'metadata: {\n  name: a, # first\n}\n',
    edits: [add(NOTE, 'x')],
    after: 'metadata: {\n  name: a, annotations: {certops.dev/note: x}, # first\n}\n',
  },
  {
    name: 'adds a member to JSON as JSON',
    before: '{"metadata": {"name": "a"}}',
    edits: [add(NOTE, 'x')],
    after: '{"metadata": {"name": "a", "annotations": {"certops.dev/note":"x"}}}',
  },
  {
    name: 'adds a member to an empty flow map',
    before: 'metadata:\n  annotations: {}\n',
    edits: [add(NOTE, 'x')],
    after: 'metadata:\n  annotations: {certops.dev/note: x}\n',
  },
  {
    name: 'adds a member below a key without a value',
    before: 'metadata:\n  annotations: # none\n  name: a\n',
    edits: [add(NOTE, 'x')],
    after: 'metadata:\n  annotations: # none\n    certops.dev/note: x\n  name: a\n',
  },
  {
    name: 'adds a member in the place of null',
    before: 'metadata:\n  annotations: ~ # none\n  name: a\n',
    edits: [add(NOTE, 'x')],
    after: 'metadata:\n  annotations: {certops.dev/note: x} # none\n  name: a\n',
  },
  {
    name: 'gives a key without a value one',
    before: 'spec:\n  age:\n  path: x\n',
    edits: [add(['spec', 'age'], 'x')],
    after: 'spec:\n  age: x\n  path: x\n',
  },
  {
    name: 'keeps CRLF, and a text without a last line end gets none',
    before: 'metadata:\r\n  name: a',
    edits: [add(NOTE, 'x')],
    after: 'metadata:\r\n  name: a\r\n  annotations:\r\n    certops.dev/note: x',
  },
  {
    name: 'keeps the byte order mark and the other documents',
    before: '\ufeffmetadata:\n  name: a\n---\nmetadata: {name: b}\n...\n',
    edits: [add(NOTE, 'x')],
    after:
      '\ufeffmetadata:\n  name: a\n  annotations:\n    certops.dev/note: x\n---\nmetadata: {name: b}\n...\n',
  },
  {
    name: 'adds before the mark that ends a document',
    before: 'metadata:\n  name: a\n...\n# end\n',
    edits: [add(NOTE, 'x')],
    after: 'metadata:\n  name: a\n  annotations:\n    certops.dev/note: x\n...\n# end\n',
  },
  {
    name: 'adds a list of maps',
    before: 'a: b\n',
    edits: [add(['rules'], [{ path: '^secrets/', age: 'x' }])],
    after: 'a: b\nrules:\n  - path: ^secrets/\n    age: x\n',
  },
  {
    name: 'does not add what is there',
    before: 'metadata: {annotations: {certops.dev/note: y}}\n',
    edits: [add(NOTE, 'x')],
    after: undefined,
  },
  {
    name: 'does not add to a map that an alias shares',
    before: 'other: &a {b: c}\nmetadata:\n  annotations: *a\n',
    edits: [add(NOTE, 'x')],
    after: undefined,
  },
  {
    name: 'does not add to a map that an anchor shares with another',
    before: 'metadata:\n  annotations: &a {b: c}\nother: *a\n',
    edits: [add(NOTE, 'x')],
    after: undefined,
  },
  {
    name: 'does not add to a map that a merge key brings',
    before: 'base: &b {annotations: {c: d}}\nmetadata:\n  <<: *b\n  name: a\n',
    edits: [add(NOTE, 'x')],
    after: undefined,
  },
  {
    name: 'does not add where a text stands',
    before: 'metadata:\n  annotations: none\n',
    edits: [add(NOTE, 'x')],
    after: undefined,
  },
  {
    name: 'appends to a block list, behind the comment of its last item',
    before: 'names:\n- a\n- b # last\n# end\nmore: 1\n',
    edits: [append(['names'], 'yes')],
    after: 'names:\n- a\n- b # last\n- "yes"\n# end\nmore: 1\n',
  },
  {
    name: 'appends a map to a list of maps',
    before: 'rules:\n    - path: a\n      age: x\n\n# the end\n',
    edits: [append(['rules'], { path: 'b', age: 'z' })],
    after: 'rules:\n    - path: a\n      age: x\n    - path: b\n      age: z\n\n# the end\n',
  },
  {
    name: 'appends to flow lists, empty or not',
    before: 'a: []\nb: [ c ]\nd: ["e"]\n',
    edits: [append(['a'], 'x'), append(['b'], 'w'), append(['d'], 'z')],
    after: 'a: [x]\nb: [ c, w ]\nd: ["e", "z"]\n',
  },
  {
    name: 'takes an item out of a block list, and the comment on its line if that may go',
    before: 'names:\n  # the first\n  - a\n  - b # old\n  - c\n',
    edits: [remove(['names', 1], true)],
    after: 'names:\n  # the first\n  - a\n  - c\n',
  },
  {
    name: 'does not take a comment along unasked',
    before: 'names:\n  - a\n  - b # old\n',
    edits: [remove(['names', 1])],
    after: undefined,
  },
  {
    name: 'takes the last item out of a text without a last line end',
    before: 'names:\r\n- a\r\n- b',
    edits: [remove(['names', 1])],
    after: 'names:\r\n- a\r\n',
  },
  {
    name: 'takes items out of flow lists',
    before: 'a: [x, y, z]\nb: [x, y, z]\nc: [x]\n',
    edits: [remove(['a', 0]), remove(['b', 2]), remove(['c', 0])],
    after: 'a: [y, z]\nb: [x, y]\nc: []\n',
  },
  {
    name: 'takes an item with its line out of a flow list of several lines',
    before: 'a: [\n  x, # first\n  # about y\n  y, # old\n  z\n]\n',
    edits: [remove(['a', 1], true)],
    after: 'a: [\n  x, # first\n  # about y\n  z\n]\n',
  },
  {
    name: 'takes the last item with its line out of a flow list of several lines, and keeps the comment before it',
    before: 'a: [\n  x, # first\n  y # old\n]\n',
    edits: [remove(['a', 1], true)],
    after: 'a: [\n  x, # first\n]\n',
  },
  {
    name: 'takes an item of several lines',
    before: 'a:\n  - b: 1\n    c: 2\n  - d: 3\n',
    edits: [remove(['a', 0])],
    after: 'a:\n  - d: 3\n',
  },
  {
    name: 'does not leave an empty block list behind',
    before: 'a:\n  - b\n',
    edits: [remove(['a', 0])],
    after: undefined,
  },
  {
    name: 'does not take an item whose anchor something needs',
    before: 'a:\n  - &x b\n  - c\nd: *x\n',
    edits: [remove(['a', 0])],
    after: undefined,
  },
  {
    name: 'does not take the first item of a list within a list on one line',
    before: 'a:\n  - - b\n    - c\n',
    edits: [remove(['a', 0, 0])],
    after: undefined,
  },
  {
    name: 'takes a member and the comment on its line',
    before: 'a:\n  b: 1 # one\n  c: 2\n',
    edits: [remove(['a', 'b'], true)],
    after: 'a:\n  c: 2\n',
  },
  {
    name: 'sets items of lists, quoted as they are',
    before: `a: [b, 'c', "d"]\ne:\n  - f # g\n`,
    edits: [set(['a', 0], 'x'), set(['a', 1], "it's"), set(['a', 2], 'say "z"'), set(['e', 0], 'no')],
    after: `a: [x, 'it''s', "say \\"z\\""]\ne:\n  - "no" # g\n`,
  },
  {
    name: 'sets a scalar with what must be quoted in a flow map',
    before: 'a: {b: c, d: e}\n',
    edits: [set(['a', 'b'], 'x, y: {z}')],
    after: 'a: {b: "x, y: {z}", d: e}\n',
  },
  {
    name: 'does not set a text that an alias repeats',
    before: 'a: &x b\nc: *x\n',
    edits: [set(['a'], 'z')],
    after: undefined,
  },
  {
    name: 'makes all edits or none',
    before: 'a: b\nc: d\n',
    edits: [set(['a'], 'x'), set(['none'], 'y')],
    after: undefined,
  },
];

for (const { name, before, edits, after } of CASES) {
  test(name, () => {
    assert.equal(edited(before, ...edits), after);
  });
}
