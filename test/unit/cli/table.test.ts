import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResource } from '../../../src/cli/resources.ts';
import { formatAge, renderTable } from '../../../src/cli/table.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// k8s.io/apimachinery duration.HumanDuration.
const AGES: readonly (readonly [seconds: number, text: string])[] = [
  [-100, '0s'],
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [125, '2m5s'],
  [10 * MINUTE - 1, '9m59s'],
  [10 * MINUTE, '10m'],
  [3 * HOUR - 1, '179m'],
  [3 * HOUR, '3h'],
  [3 * HOUR + 5 * MINUTE, '3h5m'],
  [8 * HOUR, '8h'],
  [48 * HOUR - 1, '47h'],
  [2 * DAY, '2d'],
  [2 * DAY + 3 * HOUR, '2d3h'],
  [8 * DAY - 1, '7d23h'],
  [8 * DAY, '8d'],
  [730 * DAY - 1, '729d'],
  [730 * DAY, '2y'],
  [761 * DAY, '2y31d'],
  [8 * 365 * DAY - 1, '7y364d'],
  [8 * 365 * DAY + 40 * DAY, '8y'],
];

for (const [seconds, text] of AGES) {
  test(`${seconds} seconds ago is ${text}, as kubectl says it`, () => {
    const now = new Date('2026-06-01T00:00:00Z');

    assert.equal(formatAge(new Date(now.getTime() - seconds * 1000), now), text);
  });
}

test('a table has capitals above and three spaces between', () => {
  const table = renderTable(
    ['NAME', 'READY', 'AGE'],
    [
      ['www', 'True', '5m'],
      ['a-long-name', '', '2d3h'],
    ],
  );

  assert.equal(table, 'NAME          READY   AGE\nwww           True    5m\na-long-name           2d3h');
});

test('what others wrote stays on its line', () => {
  const table = renderTable(['NAME', 'STATUS'], [['www', 'no\n\u001b[31mred\u202e']]);

  assert.deepEqual(table.split('\n'), ['NAME   STATUS', 'www    no [31mred']);
});

test('kubectl’s names are understood, singular, plural and short', () => {
  const names = [
    'certs',
    'Certificate',
    'certificates.cert-manager.io',
    'iss',
    'ciss',
    'clusterissuer',
    'cr',
    'requests',
  ];

  assert.deepEqual(names.map(parseResource), [
    ...['certificates', 'certificates', 'certificates', 'issuers'],
    ...['clusterissuers', 'clusterissuers', 'requests', 'requests'],
  ]);
  assert.throws(() => parseResource('pods'), { code: 'cli.usage' });
});
