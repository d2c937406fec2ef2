import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCleaner, hideTokens } from '../../../src/evidence/redaction.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';

const TOKEN = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA';
const KEY_AUTHORIZATION = `${TOKEN}.nP1qzpXGymHBrUEepNY9HCsQk7K8KhOypzEt62jcerQ`;
const clean = createCleaner([new Sensitive(KEY_AUTHORIZATION)]);

describe('of a secret nothing is left', () => {
  const cases: readonly (readonly [name: string, text: string, shown: string])[] = [
    ['whole', `a ${KEY_AUTHORIZATION} b`, 'a … b'],
    ['its token alone', `"${TOKEN}"`, '"…"'],
    ['in capitals', `a ${TOKEN.toUpperCase()}`, 'a …'],
    ['a piece of it', `a ${TOKEN.slice(5, 15)}?`, 'a …?'],
    ['with something between its characters', `a ${[...TOKEN].join('\u200b')} b`, 'a … b'],
    ['twice', `${TOKEN}${TOKEN}`, '…'],
    ['cut by the end of the line', `${'x '.repeat(149)}${TOKEN}`, `${'x '.repeat(149)}…`],
  ];
  for (const [name, text, shown] of cases) {
    test(name, () => {
      assert.equal(clean(text), shown);
    });
  }
});

test('text without secrets stays, on one line and cut', () => {
  assert.equal(clean('HTTP 404\r\n<h1>\u202egone</h1>'), 'HTTP 404 <h1> gone</h1>');
  assert.equal(clean('a'.repeat(1000)).length, 300);
  assert.equal(createCleaner([])('as it is'), 'as it is');
});

test('what could be a token of anybody is hidden', () => {
  assert.equal(hideTokens(`x=${'A'.repeat(22)} ${KEY_AUTHORIZATION}, words stay`), 'x=… …, words stay');
});

test('a large text is cleaned in no time', () => {
  const text = `${TOKEN.slice(0, 7)} `.repeat(600);

  const shown = clean(text);

  assert.ok(shown.length <= 300);
});
