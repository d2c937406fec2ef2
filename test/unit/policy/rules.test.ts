import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { RulePatience } from '../../../src/policy/rule-patience.ts';
import { type RuleAnswer, RuleRunner } from '../../../src/policy/rule-runner.ts';

const SUBJECT = { name: 'www-3', namespace: 'web' };
const runner = new RuleRunner();
after(() => runner.close());

async function answerOf(rule: string, value: string, by: RuleRunner = runner): Promise<RuleAnswer> {
  const { answers } = await by.evaluate([{ rule, value }], SUBJECT);
  return answers[0] ?? { kind: 'error', message: 'no answer' };
}

const RULES: readonly (readonly [rule: string, value: string, answer: RuleAnswer['kind']])[] = [
  [`self.endsWith(cr.namespace + '.svc.cluster.local')`, 'a.web.svc.cluster.local', 'holds'],
  [`self.endsWith(cr.namespace + '.svc.cluster.local')`, 'a.shop.svc.cluster.local', 'fails'],
  [`cr.name == 'www-3'`, 'x', 'holds'],
  [
    `self.startsWith('spiffe://%s/ns/%s/sa/'.format(['a.org', cr.namespace]))`,
    'spiffe://a.org/ns/web/sa/x',
    'holds',
  ],
  [`'%d%%'.format([self.size()]) == '2%'`, 'ab', 'holds'],
  [`'%d'.format([self]) == '2'`, 'ab', 'error'],
  [`'%s'.format([]) == '2'`, 'ab', 'error'],
  [`self.size() <= 3`, 'four', 'fails'],
  [`self in ['a', 'b']`, 'b', 'holds'],
  [`self.split('.').all(label, label.size() < 4)`, 'abc.de', 'holds'],
  [`self.replace('-', '').charAt(0) == 'a' && self.reverse() == 'b-a'`, 'a-b', 'holds'],
  [`self.lowerAscii() == 'k'`, '\u212a', 'fails'],
  [`self.lowerAscii() == 'k'`, 'K', 'holds'],
  [`self.matches('^[a-z]+$')`, 'abc', 'holds'],
  [`self.matches('^[a-z]+$')`, 'a1', 'fails'],
  [`matches(self, 'b')`, 'abc', 'holds'],
  [`[self].exists(x, x.matches('^b'))`, 'abc', 'fails'],
  [`self.matches('(?=a)')`, 'a', 'error'],
  [`self.matches('(')`, 'a', 'error'],
  [`self.charAt(9) == ''`, 'a', 'error'],
];

for (const [rule, value, kind] of RULES) {
  test(`${rule} of ${value}: ${kind}`, async () => {
    const answer = await answerOf(rule, value);

    assert.equal(answer.kind, kind, JSON.stringify(answer));
  });
}

test('expressions are checked with their types before anybody relies on them', async () => {
  const wrong: readonly (readonly [rule: string, says: RegExp, offset: number])[] = [
    [`self.endsWith(`, /Unexpected/, 14],
    [`self.foo()`, /string\.foo\(\)/, 0],
    [`self == 1`, /no such overload/, 0],
    [`nope == self`, /Unknown variable: nope/, 0],
    [`cr.username == 'x'`, /username/, 3],
    [`self`, /got string, wanted bool/, 0],
    [`dyn(true)`, /got dyn, wanted bool/, 0],
    [`self.matches(3)`, /string\.matches\(int\)/, 0],
    ['('.repeat(200), /./, 51],
  ];

  const { faults, isConclusive } = await runner.check([...wrong.map(([rule]) => rule), `self == 'a'`]);

  assert.equal(isConclusive, true);
  assert.equal(faults.at(-1), undefined);
  for (const [index, [rule, says, offset]] of wrong.entries()) {
    assert.match(faults[index]?.message ?? '', says, rule);
    assert.ok(Math.abs((faults[index]?.offset ?? -1) - offset) <= 1, `${rule}: ${faults[index]?.offset}`);
  }
});

test('patterns that keep JavaScript busy for seconds are nothing to RE2', async () => {
  const startedAt = performance.now();

  const answers = await Promise.all(
    ['^(a+)+$', '^(a|aa)+$', '^(a|a?)+$', '(x+x+)+y'].map((pattern) =>
      answerOf(`self.matches('${pattern}')`, `${'a'.repeat(40)}!`),
    ),
  );

  assert.deepEqual(new Set(answers.map(({ kind }) => kind)), new Set(['fails']));
  assert.ok(performance.now() - startedAt < 1000);
});

const LIST = '[1,2,3,4,5,6,7,8,9,10]';

/** Nested loops of 10^depth steps. */
function endless(depth: number): string {
  let rule = '1';
  for (let level = 0; level < depth; level++) rule = `${LIST}.map(v${level}, ${rule}).size()`;
  return `${rule} > 0`;
}

test('an expression without end is ended, is no yes, and the next one is answered', async (context) => {
  const impatient = new RuleRunner(200);
  context.after(() => impatient.close());
  await impatient.check([`self == 'warm'`]);

  const [loop, growth, fine] = [
    await impatient.evaluate([{ rule: endless(12), value: 'x' }], SUBJECT),
    await impatient.evaluate(
      [{ rule: `${'self'}${`.replace('x', 'xxxxxxxx')`.repeat(30)}.size() > 1`, value: 'x' }],
      SUBJECT,
    ),
    await impatient.evaluate([{ rule: `self == 'x'`, value: 'x' }], SUBJECT),
  ];

  assert.equal(loop.isConclusive, false);
  assert.match(JSON.stringify(loop.answers), /took longer than 200 ms/);
  assert.notEqual(growth.answers[0]?.kind, 'holds');
  assert.deepEqual(fine, { answers: [{ kind: 'holds' }], isConclusive: true });
});

test('the event loop goes on while an expression runs', async (context) => {
  const impatient = new RuleRunner(300);
  context.after(() => impatient.close());
  await impatient.check([`self == 'warm'`]);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);

  await impatient.evaluate([{ rule: endless(12), value: 'x' }], SUBJECT);
  clearInterval(timer);

  assert.ok(ticks >= 10, `${ticks} ticks`);
});

test('a policy that runs out of time again and again for a namespace is no longer asked about it', async () => {
  const asked: string[] = [];
  const patience = new RulePatience({
    evaluate: async (questions, { namespace }) => {
      asked.push(`${namespace} ${questions[0]?.rule}`);
      return {
        answers: [{ kind: 'error', message: 'too slow' }],
        isConclusive: questions[0]?.rule !== 'slow',
      };
    },
  });
  const ask = (rule: string, namespace: string) =>
    patience.evaluate([{ rule, value: 'x' }], { name: 'n', namespace });

  for (let time = 0; time < 6; time++) await ask('slow', 'web');
  const last = await ask('slow', 'web');
  await ask('slow', 'shop');
  for (let time = 0; time < 6; time++) await ask('quick', 'web');

  assert.equal(asked.filter((line) => line === 'web slow').length, 3);
  assert.equal(asked.filter((line) => line === 'web quick').length, 6);
  assert.equal(asked.filter((line) => line === 'shop slow').length, 1);
  assert.match(JSON.stringify(last.answers), /ran out of time for other requests of namespace web/);
});

test('more values, and longer ones, than anybody means are not looked at', async () => {
  const many = Array.from({ length: 5001 }, (_, index) => ({ rule: 'true', value: `${index}` }));

  const [tooMany, tooLong] = [
    await runner.evaluate(many, SUBJECT),
    await runner.evaluate([{ rule: 'true', value: 'x'.repeat(4097) }], SUBJECT),
  ];

  assert.ok(tooMany.answers.every(({ kind }) => kind === 'error'));
  assert.match(JSON.stringify(tooLong.answers), /more than 4096 characters/);
});
