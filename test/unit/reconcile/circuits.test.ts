import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cause, CauseScope } from '../../../src/diagnosis/cause.ts';
import type { Applicant } from '../../../src/reconcile/applicant.ts';
import { Attempts } from '../../../src/reconcile/attempts.ts';
import { anotherAttempt } from '../../../src/reconcile/cause-records.ts';
import { Circuits } from '../../../src/reconcile/circuits.ts';

const START = new Date('2026-11-22T08:00:00Z');
const MINUTE_MS = 60_000;
const ISSUER = 'ClusterIssuer:/letsencrypt';
const ELSEWHERE = 'ClusterIssuer:/elsewhere';

describe('who may ask an issuer', () => {
  test('one goes first where nobody got through lately, and the rest when it is back', () => {
    const world = circuits();

    const admissions = [1, 2, 3].map((n) => world.circuits.admit(applicant(n), world.now()).kind);
    world.circuits.leave(applicant(1), { kind: 'succeeded' }, world.now());

    assert.deepEqual(admissions, ['go', 'queue', 'queue']);
    assert.deepEqual(world.marked, ['web/c2', 'web/c3']);
    assert.equal(world.circuits.admit(applicant(2), world.now()).kind, 'go');
    assert.equal(world.circuits.admit(applicant(3), world.now()).kind, 'go');
  });

  test('other solvers of the same issuer are another way', () => {
    const world = circuits();

    const first = world.circuits.admit(applicant(1), world.now());
    const other = world.circuits.admit({ ...applicant(2), solvers: ['solvers[1] http-01'] }, world.now());

    assert.deepEqual([first.kind, other.kind], ['go', 'go']);
  });

  test('a failure of its own lets one more go than before', () => {
    const world = circuits();
    for (const n of [1, 2, 3, 4]) world.circuits.admit(applicant(n), world.now());

    world.fail(1, cause('certificate', 'a'));

    assert.deepEqual(world.marked, ['web/c2', 'web/c3']);
  });

  test('one that takes long does not hold up the others for ever', () => {
    const world = circuits();
    for (const n of [1, 2, 3, 4]) world.circuits.admit(applicant(n), world.now());

    const untilMs = world.circuits.grow();
    world.pass(untilMs);
    world.circuits.grow();

    assert.equal(untilMs, 10_000);
    assert.deepEqual(world.marked, ['web/c2']);
  });

  test('issuers that answer at once have no queue', () => {
    const world = circuits();

    const admissions = [1, 2].map((n) =>
      world.circuits.admit({ ...applicant(n), isAcme: false, solvers: [] }, world.now()),
    );

    assert.deepEqual(
      admissions.map(({ kind }) => kind),
      ['go', 'go'],
    );
  });
});

describe('a circuit', () => {
  for (const scope of ['issuer', 'solver'] satisfies CauseScope[]) {
    test(`of scope ${scope} holds all but the one that failed, which goes on trying`, () => {
      const world = circuits();
      for (const n of [1, 2, 3]) world.circuits.admit(applicant(n), world.now());

      world.fail(1, cause(scope, 'a'));

      assert.deepEqual(world.marked, ['web/c2', 'web/c3']);
      const held = world.circuits.admit(applicant(2), world.now());
      assert.equal(held.kind, 'held');
      assert.equal(world.circuits.admit(applicant(1), world.now()).kind, 'go');
      assert.deepEqual(world.circuits.heldFor(cause(scope, 'a').key), ['web/c2']);
    });
  }

  test('closes when the probe succeeds, and everybody who waited is looked at again', () => {
    const world = circuits();
    for (const n of [1, 2, 3]) world.circuits.admit(applicant(n), world.now());
    world.fail(1, cause('solver', 'a'));
    for (const n of [1, 2, 3]) world.circuits.admit(applicant(n), world.now());
    world.marked.length = 0;

    world.succeed(1);

    assert.deepEqual(world.marked.toSorted(), ['web/c2', 'web/c3']);
    assert.equal(world.circuits.openAt(ISSUER).length, 0);
    assert.equal(world.circuits.admit(applicant(3), world.now()).kind, 'go');
  });

  test('closes when the probe gets further and fails for something else', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.fail(1, cause('solver', 'a'));
    world.circuits.admit(applicant(1), world.now());

    world.fail(1, cause('certificate', 'b'));

    assert.equal(world.circuits.openAt(ISSUER).length, 0);
  });

  test('of a solver leaves other solvers alone', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.fail(1, cause('solver', 'a'));

    const other = world.circuits.admit({ ...applicant(2), solvers: ['solvers[1] http-01'] }, world.now());

    assert.equal(other.kind, 'go');
  });

  test('of another issuer is nobody else’s', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.fail(1, cause('issuer', 'a'));

    const other = world.circuits.admit({ ...applicant(2), issuer: 'Issuer:web/other' }, world.now());

    assert.equal(other.kind, 'go');
  });

  test('is found again after a restart, from the attempts on record', () => {
    const before = circuits();
    before.circuits.admit(applicant(1), before.now());
    before.fail(1, cause('solver', 'a'));

    const after = circuits(before.state());

    assert.equal(after.circuits.admit(applicant(2), after.now()).kind, 'held');
    assert.equal(after.circuits.admit(applicant(1), after.now()).kind, 'go');
  });

  test('lets a person’s word that it is mended through', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.fail(1, cause('issuer', 'a'));
    world.pass(MINUTE_MS);

    const asked = { ...applicant(2), retryRequestedAt: world.now() };

    assert.equal(world.circuits.admit(asked, world.now()).kind, 'go');
  });

  test('is probed by another one where the probe has been due for long and was not made', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.fail(1, cause('issuer', 'a'));

    world.pass(20 * MINUTE_MS);

    assert.equal(world.circuits.admit(applicant(2), world.now()).kind, 'go');
  });
});

describe('a zone', () => {
  test('is found broken when three of its Certificates fail the same way', () => {
    const world = circuits();
    for (const n of [1, 2, 3, 4, 5]) world.circuits.admit(applicant(n), world.now());

    for (const n of [1, 2, 3]) world.fail(n, cause('certificate', `${n}`));

    assert.equal(world.circuits.openAt(ISSUER)[0]?.scope, 'zone');
    assert.equal(world.circuits.admit(applicant(4), world.now()).kind, 'held');
  });

  test('is tried by one that has not failed every few minutes, and is well when that succeeds', () => {
    const world = circuits();
    for (const n of [1, 2, 3, 4, 5]) world.circuits.admit(applicant(n), world.now());
    for (const n of [1, 2, 3]) world.fail(n, cause('certificate', `${n}`));

    world.pass(5 * MINUTE_MS);
    const probe = world.circuits.admit(applicant(4), world.now()).kind;
    const next = world.circuits.admit(applicant(5), world.now()).kind;
    world.succeed(4);

    assert.deepEqual([probe, next], ['go', 'held']);
    assert.equal(world.circuits.admit(applicant(5), world.now()).kind, 'go');
  });

  test('never holds what comes near its end', () => {
    const world = circuits();
    for (const n of [1, 2, 3, 4]) world.circuits.admit(applicant(n), world.now());
    for (const n of [1, 2, 3]) world.fail(n, cause('certificate', `${n}`));

    const urgent = world.circuits.admit({ ...applicant(9), isNearEnd: true }, world.now());

    assert.notEqual(urgent.kind, 'held');
  });

  test('is not found broken where others get through', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.succeed(1);
    for (const n of [2, 3, 4, 5]) world.circuits.admit(applicant(n), world.now());

    for (const n of [2, 3, 4]) world.fail(n, cause('certificate', `${n}`));

    assert.equal(world.circuits.openAt(ISSUER).length, 0);
  });
});

describe('a circuit that nobody would ever close', () => {
  test('is forgotten when its issuer is another one now', () => {
    const world = circuits();
    world.circuits.admit({ ...applicant(1), issuerHash: 'before' }, world.now());
    world.fail(1, cause('issuer', 'a'), { issuerHash: 'before' });
    const before = world.circuits.admit({ ...applicant(2), issuerHash: 'before' }, world.now());

    const after = world.circuits.admit({ ...applicant(2), issuerHash: 'after' }, world.now());

    assert.deepEqual([before.kind, after.kind], ['held', 'go']);
  });

  test('is forgotten when its issuer was found ready again', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.fail(1, cause('issuer', 'a'));
    world.pass(MINUTE_MS);

    const after = world.circuits.admit({ ...applicant(2), issuerReadySince: world.now() }, world.now());

    assert.equal(after.kind, 'go');
  });

  test('is probed by another one where the probe went over to another issuer', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.fail(1, cause('issuer', 'a'), { retryAt: undefined });
    world.elsewhere.add('web/c1');

    assert.equal(world.circuits.admit(applicant(2), world.now()).kind, 'go');
    assert.equal(world.circuits.admit(applicant(3), world.now()).kind, 'held');
  });

  test('is no circuit of the issuer that the probe went over to', () => {
    const before = circuits();
    before.circuits.admit(applicant(1), before.now());
    before.fail(1, cause('issuer', 'a'));
    const after = circuits(before.state());
    after.elsewhere.add('web/c1');

    const there = after.circuits.admit({ ...applicant(2), issuer: ELSEWHERE }, after.now());

    assert.equal(there.kind, 'go');
  });

  test('is probed in each short run, by another one where the probe does not come', () => {
    const before = circuits();
    before.circuits.admit(applicant(1), before.now());
    before.fail(1, cause('issuer', 'a'));
    const after = circuits(before.state());
    after.pass(60 * MINUTE_MS);

    const first = [2, 3].map((n) => after.circuits.admit(applicant(n), after.now()).kind);
    const last = [2, 3].map((n) => after.circuits.admit(applicant(n), after.now(), true).kind);

    assert.deepEqual(first, ['queue', 'queue']);
    assert.deepEqual(last, ['go', 'held']);
  });

  test('is not kept open by another one whose probe waits for this one', () => {
    const before = circuits();
    for (const [n, scope] of [
      [1, 'issuer'],
      [2, 'solver'],
    ] as const) {
      before.circuits.admit(applicant(n), before.now(), true);
      before.fail(n, cause(scope, 'a'));
    }
    const after = circuits(before.state());
    after.pass(60 * MINUTE_MS);

    const kinds = [1, 2].map((n) => after.circuits.admit(applicant(n), after.now(), true).kind);

    assert.deepEqual(kinds.toSorted(), ['go', 'held']);
  });

  test('is tried for what comes near its end though the probe is not tried again by itself', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.fail(1, cause('issuer', 'a'), { retryAt: undefined });
    const urgent = (n: number) =>
      world.circuits.admit({ ...applicant(n), isNearEnd: true }, world.now(), true).kind;

    const atOnce = urgent(2);
    world.pass(5 * MINUTE_MS);
    const soon = [urgent(2), urgent(3)];

    assert.equal(atOnce, 'held');
    assert.deepEqual(soon, ['go', 'held']);
  });

  test('of a zone lets a person’s word through, too', () => {
    const world = circuits();
    for (const n of [1, 2, 3, 4]) world.circuits.admit(applicant(n), world.now());
    for (const n of [1, 2, 3]) world.fail(n, cause('certificate', `${n}`));
    world.pass(MINUTE_MS);

    const asked = { ...applicant(1), retryRequestedAt: world.now() };

    assert.equal(world.circuits.admit(asked, world.now()).kind, 'go');
  });
});

describe('one failure among successes', () => {
  test('is not everybody’s', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.succeed(1);
    for (const n of [2, 3]) world.circuits.admit(applicant(n), world.now());
    world.pass(1_000);
    world.succeed(2);

    world.fail(3, cause('issuer', 'a'));

    assert.equal(world.circuits.openAt(ISSUER).length, 0);
  });

  test('is everybody’s where nobody got through since it set out', () => {
    const world = circuits();
    world.circuits.admit(applicant(1), world.now());
    world.succeed(1);
    for (const n of [2, 3]) world.circuits.admit(applicant(n), world.now());
    world.pass(1_000);
    assert.equal(world.circuits.begin(applicant(2)), true);

    world.fail(2, cause('issuer', 'a'));

    assert.equal(world.circuits.openAt(ISSUER).length, 1);
    assert.equal(world.circuits.begin(applicant(3)), false);
  });
});

describe('one that queued and wants nothing any more', () => {
  test('holds up nobody', () => {
    const world = circuits();
    for (const n of [1, 2, 3]) world.circuits.admit(applicant(n), world.now());

    world.circuits.leave(applicant(1), { kind: 'nothing' }, world.now());
    world.circuits.grow();

    assert.deepEqual(world.marked, ['web/c2', 'web/c3']);
  });
});

function circuits(state: Record<string, unknown> = {}) {
  let atMs = 0;
  const attempts = new Attempts(state);
  const marked: string[] = [];
  const elsewhere = new Set<string>();
  const now = () => new Date(START.getTime() + atMs);
  const made = new Circuits({
    attempts,
    clock: { now, realNow: now, monotonicMs: () => atMs, sleep: async () => {} },
    describe: (key) => ({
      ...applicant(Number(key.replace('web/c', ''))),
      ...(elsewhere.has(key) ? { issuer: ELSEWHERE } : {}),
    }),
    joinCauses: (causes) => (causes.length < 3 ? [] : [{ ...cause('zone', 'z'), zone: 'example.com' }]),
    mark: (key) => marked.push(key),
  });
  let current = state;
  return {
    circuits: made,
    elsewhere,
    marked,
    now,
    pass: (ms: number) => {
      atMs += ms;
    },
    state: () => current,
    succeed: (n: number) => {
      attempts.clear(`web/c${n}`);
      made.leave(applicant(n), { kind: 'succeeded' }, now());
    },
    fail: (n: number, failed: Cause, { retryAt, issuerHash = '' }: How = { retryAt: now() }) => {
      const change = attempts.record(
        `web/c${n}`,
        {
          ...{ attempts: 1, waits: 0, failedAt: now(), retryAt, requestHash: '', issuerHash },
          ...{ code: failed.code, isIssuersWord: false },
        },
        false,
        anotherAttempt(undefined, failed, { at: now(), object: `web/c${n}`, what: 'it failed' }, true),
      );
      if (change !== undefined) current = change(current);
      made.leave({ ...applicant(n), issuerHash }, { kind: 'failed', cause: failed }, now());
    },
  };
}

interface How {
  readonly retryAt?: Date | undefined;
  readonly issuerHash?: string;
}

function applicant(n: number): Applicant {
  return {
    key: `web/c${n}`,
    issuer: ISSUER,
    isAcme: true,
    issuerHash: '',
    solvers: ['solvers[0] dns-01'],
    names: [`c${n}.example.com`],
    isNearEnd: false,
  };
}

function cause(scope: CauseScope, id: string): Cause {
  return {
    key: Buffer.from(`${scope}-${id}`).toString('hex').padEnd(64, '0'),
    class: 'environment',
    scope,
    subject: { kind: 'ClusterIssuer', namespace: '', name: 'letsencrypt' },
    issuer: { kind: 'ClusterIssuer', namespace: '', name: 'letsencrypt' },
    code: 'validation-failed',
    title: 'it is broken',
    explanation: { what: 'It is broken' },
    ...{ otherCures: [], identifiers: [], observations: [] },
  };
}
