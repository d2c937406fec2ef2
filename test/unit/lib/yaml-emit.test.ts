import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { emitPlainYaml } from '../../../src/lib/yaml-emit.ts';
import { readPlainYaml } from '../../../src/lib/yaml-write.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    'yes',
    'NO',
    '~',
    '1e3',
    '0777',
    '2026-11-22',
    'a: b',
    'a #b',
    'a:',
    '- a',
    '[a]',
    ' a',
    'a ',
    '<<',
  ),
  fc.stringMatching(/^[A-Za-z/_][\w :#,'"[\]-]{0,12}$/),
);
const value = fc.letrec((tie) => ({
  leaf: fc.oneof(text, fc.boolean(), fc.integer(), fc.constant(null)),
  list: fc.array(fc.oneof(tie('leaf'), tie('map')), { maxLength: 4 }),
  map: fc.dictionary(
    text.filter((key) => key !== '__proto__' && key !== ''),
    fc.oneof(tie('leaf'), tie('list'), tie('map')),
    {
      maxKeys: 5,
      noNullPrototype: true,
    },
  ),
})).map;

test('what is written is read back the same, by YAML 1.1 and 1.2 rules alike', () => {
  fc.assert(
    fc.property(value, (document) => {
      const written = emitPlainYaml(document);
      if (written === undefined) return;

      assert.deepEqual(readPlainYaml(written)[0], document);
      assert.deepEqual(parse(written, { version: '1.1' }), document);
      assert.deepEqual(parse(written, { version: '1.2' }), document);
    }),
    { numRuns: process.env.SLOW === '1' ? 20_000 : 500 },
  );
});

test('what is not plain is left to the general emitter', () => {
  for (const document of [
    new Map([['a', 1]]),
    { a: new Date() },
    { a: 1.5 },
    { a: [[1]] },
    [1],
    'text',
    {},
  ]) {
    assert.equal(emitPlainYaml(document), undefined);
  }
});
