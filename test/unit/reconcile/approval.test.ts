import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../../src/lib/clock.ts';
import { policySet } from '../../../src/policy/judge.ts';
import type { RuleRunner } from '../../../src/policy/rule-runner.ts';
import { Approval } from '../../../src/reconcile/approval.ts';
import type { CertificateCase } from '../../../src/reconcile/certificate-case.ts';
import type { IssuerCase } from '../../../src/reconcile/issuer-case.ts';
import type { PoliciesInForce } from '../../../src/reconcile/policies-in-force.ts';
import { certificateIn, policiesIn, policyText } from '../policy/judging.ts';

const USAGES = 'usages: [digital signature, key encipherment]';
const OPEN = policiesIn(policyText('allowed:', '  dnsNames: {values: ["*"]}', `  ${USAGES}`));
const CLOSED = policiesIn(policyText('allowed: {}'));
const ASKING = policiesIn(
  policyText('allowed:', '  dnsNames: {validations: [{rule: "self == \'a.test\'"}]}', `  ${USAGES}`),
);
const HOUR_MS = 3_600_000;

// All that the gate looks at of a Certificate and its issuer.
const TARGET = {
  key: 'web/www',
  certificate: certificateIn(['dnsNames: [a.test]']),
  requestHash: 'hash',
} as unknown as CertificateCase;
const ISSUER = { issuer: { spec: { type: 'ca' } } } as unknown as IssuerCase;

/** A gate over policies that `advance` brings up to date. */
function gate(before: readonly Parameters<typeof policySet>[0][number][], after = before) {
  const policies = { set: policySet(before, []), isFresh: before === after };
  let nowMs = 0;
  let asked = 0;
  let isConclusive = true;
  const runner: Pick<RuleRunner, 'evaluate'> = {
    evaluate: async (questions) => {
      asked++;
      const answer = isConclusive
        ? ({ kind: 'holds' } as const)
        : ({ kind: 'error', message: 'too slow' } as const);
      return { answers: questions.map(() => answer), isConclusive };
    },
  };
  const advance = async (): Promise<void> => {
    policies.set = policySet(after, []);
    policies.isFresh = true;
  };
  const clock = { now: () => new Date(nowMs) } as unknown as Clock;
  const approval = new Approval(policies as unknown as PoliciesInForce, runner, clock, advance);
  return {
    find: () => approval.find(TARGET, ISSUER),
    ask: () => approval.ask(TARGET, ISSUER, new AbortController().signal),
    asked: () => asked,
    pass: (ms: number) => (nowMs += ms),
    exhaust: (is: boolean) => (isConclusive = !is),
  };
}

test('no Certificate is judged by policies that are no longer those declared', async () => {
  const { find, ask } = gate(OPEN, CLOSED);

  const early = find();
  await ask();

  assert.equal(early, undefined);
  assert.equal(find()?.verdict.kind, 'denied');
});

test('expressions are asked once for a request', async () => {
  const { find, ask, asked } = gate(ASKING);

  const before = find();
  await ask();
  const [first, second] = [find(), find()];

  assert.equal(before, undefined);
  assert.equal(first?.verdict.kind, 'approved');
  assert.deepEqual(second, first);
  assert.equal(asked(), 1);
});

test('a verdict that came about for want of time is a no, and asked for again after an hour', async () => {
  const { find, ask, pass, exhaust } = gate(ASKING);
  exhaust(true);

  await ask();
  const meanwhile = find();
  pass(HOUR_MS);
  const later = find();
  exhaust(false);
  await ask();

  assert.equal(meanwhile?.verdict.kind, 'denied');
  assert.deepEqual(meanwhile?.askAgainAt, new Date(HOUR_MS));
  assert.equal(later, undefined);
  assert.equal(find()?.verdict.kind, 'approved');
});
