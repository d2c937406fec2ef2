import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { Sensitive } from '../../../src/lib/sensitive.ts';

const SECRET = 'hunter2-hunter2';

const WAYS: readonly (readonly [name: string, show: (value: Sensitive<string>) => string])[] = [
  ['a template', (value) => `${value}`],
  ['String', (value) => String(value)],
  ['addition', (value) => `x${value as unknown as string}`],
  ['join', (value) => [value].join()],
  ['inspect', (value) => inspect(value, { depth: 9 })],
  [
    'inspect without its hook',
    (value) => inspect(value, { customInspect: false, showHidden: true, getters: true }),
  ],
  ['inspect of what holds it', (value) => inspect({ deep: { list: [value] } }, { depth: 9 })],
  ['format', (value) => format('%s %o %j', value, value, value)],
  ['JSON', (value) => JSON.stringify({ value, list: [value] })],
  [
    'entries',
    (value) => JSON.stringify([Object.entries(value), Object.getOwnPropertyNames(value), { ...value }]),
  ],
  ['a sort', (value) => [value, value].sort().join()],
  ['an error', (value) => inspect(new Error(`failed with ${value}`, { cause: value }))],
  ['what is made of it', (value) => inspect(value.map((text) => text.toUpperCase()))],
];

for (const [name, show] of WAYS) {
  test(`${name} does not show it`, () => {
    assert.doesNotMatch(show(new Sensitive(SECRET)), /hunter2/i);
  });
}

test('who says so gets the value', () => {
  const value = new Sensitive(SECRET);

  assert.deepEqual([value.reveal(), value.map((text) => text.length).reveal()], [SECRET, SECRET.length]);
});
