import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode } from 'dns-packet';
import { readCaaData } from '../../../src/solvers/dns/caa.ts';
import { encodeQuery, parseDnsMessage } from '../../../src/solvers/dns/message.ts';

test('a CAA record of another implementation is read', () => {
  const bytes = encode({
    type: 'response',
    answers: [
      { type: 'CAA', name: 'Example.test', data: { flags: 128, tag: 'issue', value: 'ca.example; a=b' } },
    ],
  });

  const { answers } = parseDnsMessage(bytes);

  assert.deepEqual(answers, [
    {
      name: 'example.test',
      type: 'CAA',
      value: '128 issue "ca.example; a=b"',
      caa: { isCritical: true, tag: 'issue', value: 'ca.example; a=b' },
    },
  ]);
});

test('a question for CAA is one', () => {
  const query = parseDnsMessage(encodeQuery({ id: 1, name: 'a.test', type: 'CAA', isRecursive: false }));

  assert.deepEqual(query.question, { name: 'a.test', type: 257 });
});

describe('CAA data that are none are refused', () => {
  const cases: readonly (readonly [name: string, hex: string])[] = [
    ['nothing', ''],
    ['no tag', '0000'],
    ['a tag past the end', '000569737375'],
    ['a tag of other characters', '00026920'],
  ];
  for (const [name, hex] of cases) {
    test(name, () => {
      assert.throws(() => readCaaData(Buffer.from(hex, 'hex')), { code: 'solvers.dns-bad-answer' });
    });
  }
});
