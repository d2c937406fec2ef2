import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatGoFloat, type GoScalar, resolveGoScalar } from '../../../src/lib/go-scalar.ts';

const str = (value: string): GoScalar => ({ type: 'str', value });
const int = (value: string): GoScalar => ({ type: 'int', value });
const float = (value: number): GoScalar => ({ type: 'float', value });
const time = (value: string): GoScalar => ({ type: 'time', value });

// Checked against go.yaml.in/yaml/v3.
const SCALARS: readonly (readonly [string, GoScalar])[] = [
  ['yes', str('yes')],
  ['True', { type: 'bool', value: true }],
  ['~', { type: 'null' }],
  ['', { type: 'null' }],
  ['0777', int('511')],
  ['0o17', int('15')],
  ['08', float(8)],
  ['1_000', int('1000')],
  ['-0x1F', int('-31')],
  ['0b101', int('5')],
  ['+7', int('7')],
  ['9223372036854775807', int('9223372036854775807')],
  ['9223372036854775808', { type: 'uint', value: '9223372036854775808' }],
  ['1e3', float(1000)],
  ['1.', float(1)],
  ['.5', float(0.5)],
  ['1e999', str('1e999')],
  ['12:30:00', str('12:30:00')],
  ['1.2.3', str('1.2.3')],
  ['-', str('-')],
  ['2024-01-02', time('2024-01-02T00:00:00Z')],
  ['2024-1-2', time('2024-01-02T00:00:00Z')],
  ['2024-13-02', str('2024-13-02')],
  ['2023-02-29', str('2023-02-29')],
  ['2001-12-14T21:59:43.10-05:00', time('2001-12-14T21:59:43.1-05:00')],
  ['2001-12-14 21:59:43', time('2001-12-14T21:59:43Z')],
  ['2001-12-14T21:59:43', str('2001-12-14T21:59:43')],
];

for (const [text, expected] of SCALARS) {
  test(`resolves ${text === '' ? '(nothing)' : text} as Go does`, () => {
    assert.deepEqual(resolveGoScalar(text), expected);
  });
}

test('formats floats without exponents', () => {
  const formatted = [1e21, 1e-7, -1.5e-9, 1234.56789, 0.1].map(formatGoFloat);

  assert.deepEqual(formatted, ['1000000000000000000000', '0.0000001', '-0.0000000015', '1234.56789', '0.1']);
});
