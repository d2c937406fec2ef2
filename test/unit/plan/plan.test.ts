import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createPlan, hasFinding, type PlannedChange } from '../../../src/plan/plan.ts';
import { costsOf, costWarnings } from '../../../src/plan/plan-costs.ts';
import { renderPlanMarkdown } from '../../../src/plan/render-markdown.ts';
import { renderPlanText } from '../../../src/plan/render-text.ts';

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';

function change(name: string, more: Partial<PlannedChange> = {}): PlannedChange {
  const object = { kind: 'Certificate', namespace: 'web', name, message: 'because' };
  return { action: 'issue', reason: 'DoesNotExist', ...object, ...more };
}

function changes(count: number, more: Partial<PlannedChange> = {}): readonly PlannedChange[] {
  return Array.from({ length: count }, (_, index) => change(`c${index}`, more));
}

function planOf(list: readonly PlannedChange[], certificates = 100, warnings: readonly string[] = []) {
  return createPlan({ changes: list, certificates, costs: [], warnings });
}

it('a plan is large over 30 per cent of at least 10 Certificates, or over 50', () => {
  const cases: readonly [list: readonly PlannedChange[], certificates: number, isLarge: boolean][] = [
    [changes(3), 10, false],
    [changes(4), 10, true],
    [changes(9), 9, false],
    [changes(50), 1000, false],
    [changes(51), 1000, true],
    [changes(51), 0, true],
    [changes(90, { action: 'renew' }), 100, false],
    [changes(90, { action: 'update' }), 100, false],
    [changes(90, { kind: 'Issuer', action: 'remove' }), 100, false],
  ];

  const found = cases.map(([list, certificates]) => planOf(list, certificates).summary.isLarge);

  assert.deepEqual(
    found,
    cases.map(([, , isLarge]) => isLarge),
  );
});

it('the id hangs on what changes, not on order, messages, reasons and places', () => {
  const one = planOf([change('a'), change('b', { namesAdded: ['b.example.com'] })]);

  const same = planOf([
    change('b', { namesAdded: ['b.example.com'], message: 'at another time', file: 'x.yaml', line: 3 }),
    change('a', { reason: 'SecretNotRecorded' }),
  ]);
  const other = planOf([change('a'), change('b', { namesAdded: ['c.example.com'] })]);

  assert.equal(same.id, one.id);
  assert.notEqual(other.id, one.id);
});

it('only what is invalid or denied is a finding', () => {
  assert.equal(hasFinding(planOf([change('a'), change('b', { action: 'remove' })])), false);
  assert.equal(hasFinding(planOf([change('a', { action: 'denied' })])), true);
  assert.equal(hasFinding(planOf([change('a', { action: 'invalid' })])), true);
});

it('orders are counted by issuer, domain and set of names, beside the limits that are known', () => {
  const orders = Array.from({ length: 6 }, () => ({
    issuer: 'ClusterIssuer/le',
    server: LETS_ENCRYPT,
    names: ['www.example.com', 'example.com'],
  }));

  const costs = costsOf([
    ...orders,
    { issuer: 'Issuer/x', server: 'https://ca.test/dir', names: ['a.b.test'] },
  ]);

  assert.deepEqual(
    costs.map(({ issuer, orders: count, limitPerThreeHours }) => [issuer, count, limitPerThreeHours]),
    [
      ['ClusterIssuer/le', 6, 300],
      ['Issuer/x', 1, undefined],
    ],
  );
  assert.deepEqual(costs[0]?.domains, [{ domain: 'example.com', certificates: 6, limitPerWeek: 50 }]);
  assert.deepEqual(costWarnings(costs), [
    "6 certificates for exactly example.com, www.example.com by ClusterIssuer/le, and Let's Encrypt issues 5 in 7 days",
  ]);
});

const HOSTILE = [
  '@team [click](https://evil.test) <img src=x> **bold** `',
  '``` \n# heading\n- item\n@team',
  '`@team`',
  '``@team``` <!-- marker -->',
  '\u202e@team\u0000\u001b[31m',
];

/** Markdown without its code spans (CommonMark, section 6.1). */
function outsideOfCode(line: string): string {
  return line.replace(/(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)/g, '');
}

for (const hostile of HOSTILE) {
  it(`nothing that people write renders in a comment: ${JSON.stringify(hostile)}`, () => {
    const fields = { name: hostile, namespace: hostile, file: hostile, message: hostile, reason: hostile };
    const plan = planOf(
      [
        change('a', {
          ...fields,
          kind: hostile,
          namesAdded: [hostile],
          secretPath: { from: hostile, to: hostile },
        }),
        change('b', { policies: [{ policy: hostile, field: hostile, message: hostile, file: hostile }] }),
      ],
      1,
      [hostile],
    );

    const lines = renderPlanMarkdown(plan).split('\n');

    for (const line of lines) assert.doesNotMatch(outsideOfCode(line), /[@<[]|team|heading|bold|evil/);
    for (const mark of ['\u202e', '\u0000', '\u001b']) assert.ok(!lines.join('\n').includes(mark));
  });
}

it('a comment holds at most 60 kB and says what was cut', () => {
  const text = renderPlanMarkdown(planOf(changes(2000, { message: 'ü'.repeat(200) }), 5000));

  assert.ok(Buffer.byteLength(text) <= 60_000);
  assert.match(text, /\d+ more changes are cut from this comment/);
});

it('the text for a terminal is aligned, and has colours only where it is asked to', () => {
  const plan = planOf([
    change('www', {
      action: 'reissue',
      reason: 'RequestChanged',
      file: 'web/www.yaml',
      line: 3,
      namesAdded: ['a.example.com'],
    }),
    change('old\u001b[31m', { action: 'remove', reason: 'Removed' }),
  ]);

  const text = renderPlanText(plan, false);

  assert.equal(
    text,
    [
      `Plan ${plan.id}: 1 to remove, 1 to reissue`,
      '',
      '  - remove   web/old [31m  Removed',
      '      because',
      '',
      '  ~ reissue  web/www  RequestChanged  web/www.yaml:3',
      '      because',
      '      names       +a.example.com',
    ].join('\n'),
  );
  assert.ok(renderPlanText(plan, true).includes('\u001b[33m'));
});

it('an empty plan says that there is nothing to do', () => {
  const plan = planOf([]);

  assert.match(renderPlanText(plan, false), /^Plan [0-9a-f]{16}: nothing to do$/);
  assert.match(renderPlanMarkdown(plan), /Nothing to do/);
});
