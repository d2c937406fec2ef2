import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BudgetRefusal, type OrderIntent, RateLedger } from '../../../src/acme/rate-ledger.ts';

const START_MS = Date.parse('2026-01-01T00:00:00Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const PRODUCTION = 'https://acme-v02.api.letsencrypt.org/directory';
const ACCOUNT = 'https://ca.test/acct/1';

const at = (ms: number) => new Date(START_MS + ms);

function intent(more: Partial<OrderIntent> & { readonly names?: readonly string[] } = {}): OrderIntent {
  const { names = ['a.test'], ...rest } = more;
  return {
    account: ACCOUNT,
    directoryUrl: 'https://ca.test/dir',
    identifiers: names.map((value) => ({ type: 'dns', value })),
    owner: 'web/www',
    isReplacement: false,
    ...rest,
  };
}

/** What the next process finds: what JSON keeps of the state document. */
function restarted(ledger: RateLedger, ms: number): RateLedger {
  return RateLedger.load(JSON.parse(JSON.stringify(ledger.stateChange(at(ms))({}))));
}

/** As a process does that is killed after each failure: orders, fails, dies, comes back. */
function crashLoop(everyMs: number, untilMs: number): readonly number[] {
  const failures: number[] = [];
  let ledger = new RateLedger();
  for (let ms = 0; ms < untilMs; ms += everyMs) {
    if (ledger.admit(intent(), at(ms)) === undefined) {
      ledger.noteFailures(ACCOUNT, ['a.test'], at(ms));
      failures.push(ms);
    }
    ledger = restarted(ledger, ms);
  }
  return failures;
}

test('a crash loop never fails a name more than four times in any hour', () => {
  const failures = crashLoop(30_000, 6 * HOUR_MS);

  for (const ms of failures) {
    const within = failures.filter((other) => other >= ms && other < ms + HOUR_MS);
    assert.ok(within.length <= 4, `${within.length} in the hour from ${ms}`);
  }
  assert.ok(failures.length >= 20, 'and it goes on trying');
});

test('the fifth failure is refused until the first is an hour old, and says which name', () => {
  const ledger = new RateLedger();
  for (const minutes of [0, 10, 20, 30]) {
    ledger.admit(intent({ names: ['a.test', 'b.test'] }), at(minutes * MINUTE_MS));
    ledger.noteFailures(ACCOUNT, ['*.a.test'], at(minutes * MINUTE_MS));
  }

  const refusal = ledger.admit(intent({ names: ['b.test', 'a.test'] }), at(40 * MINUTE_MS));

  assert.deepEqual(refusal, {
    limit: 'failed-validations',
    until: at(HOUR_MS),
    identifiers: ['a.test'],
    count: 4,
    windowMs: HOUR_MS,
  });
  assert.equal(ledger.admit(intent({ names: ['b.test'] }), at(40 * MINUTE_MS)), undefined);
  assert.equal(ledger.admit(intent({ names: ['a.test'] }), at(HOUR_MS)), undefined);
});

test('names that nobody has validated yet are not tried by more orders at once than may fail', () => {
  const ledger = new RateLedger();
  const order = (index: number) => ledger.admit(intent({ owner: `web/${index}` }), at(0));
  const admitted = [0, 1, 2, 3].map(order);

  const fifth = order(4);
  ledger.noteCertificate(intent(), at(0));
  const afterProof = order(4);

  assert.deepEqual(admitted, [undefined, undefined, undefined, undefined]);
  assert.equal(fifth?.limit, 'name-in-progress');
  assert.equal(afterProof, undefined);
});

test('an order that ended makes room for the next', () => {
  const ledger = new RateLedger();
  for (const index of [0, 1, 2, 3]) ledger.admit(intent({ owner: `web/${index}` }), at(0));

  ledger.endOrder(ACCOUNT, intent().identifiers, 'web/2');

  assert.equal(ledger.admit(intent({ owner: 'web/4' }), at(0)), undefined);
});

describe('new orders', () => {
  const unlike = (index: number) => intent({ owner: `web/${index}`, names: [`n${index}.test`] });

  test('are ten a minute for an account, and everybody is told a minute of their own', () => {
    const ledger = new RateLedger();
    const first = Array.from({ length: 35 }, (_, index) => ledger.admit(unlike(index), at(0)));

    const minutes = first.map((refusal) =>
      refusal === undefined ? 0 : (refusal.until.getTime() - START_MS) / MINUTE_MS,
    );

    const count = (minute: number) => minutes.filter((one) => one === minute).length;
    assert.deepEqual([count(0), count(1), count(2), count(3)], [10, 10, 10, 5]);
  });

  test('are never more than ten in any minute, whoever comes when', () => {
    const ledger = new RateLedger();
    const made: number[] = [];
    const due = new Map<number, number>(Array.from({ length: 60 }, (_, index) => [index, 0]));
    for (let ms = 0; due.size > 0; ms += 1_700) {
      for (const [index, dueMs] of due) {
        // Every third comes late.
        if (dueMs > ms - (index % 3 === 0 ? 25_000 : 0)) continue;
        const refusal = ledger.admit(unlike(index), at(ms));
        if (refusal === undefined) {
          made.push(ms);
          due.delete(index);
        } else due.set(index, refusal.until.getTime() - START_MS);
      }
      assert.ok(ms < 30 * MINUTE_MS, 'nobody waits for ever');
    }

    for (const ms of made) {
      const within = made.filter((other) => other >= ms && other < ms + MINUTE_MS).length;
      assert.ok(within <= 10, `${within} in the minute from ${ms}`);
    }
  });

  test('of another account, and without a limit, are nobody else’s business', () => {
    const ledger = new RateLedger();
    for (let index = 0; index < 10; index += 1) ledger.admit(unlike(index), at(0));
    const unlimited = new RateLedger({ ordersPerMinute: Number.POSITIVE_INFINITY });

    const other = ledger.admit({ ...unlike(11), account: 'https://ca.test/acct/2' }, at(0));
    const many = Array.from({ length: 500 }, (_, index) => unlimited.admit(unlike(index), at(0)));

    assert.equal(other, undefined);
    assert.deepEqual(new Set(many), new Set([undefined]));
    assert.equal(unlimited.toState(at(0)), undefined);
  });

  test('are remembered over a restart', () => {
    const ledger = new RateLedger();
    for (let index = 0; index < 10; index += 1) ledger.admit(unlike(index), at(0));

    const refusal = restarted(ledger, 1_000).admit(unlike(10), at(2_000));

    assert.deepEqual([refusal?.limit, refusal?.until], ['new-orders', at(MINUTE_MS)]);
  });
});

describe("Let's Encrypt's limit of certificates for the same names", () => {
  const names = ['a.test', 'b.test'];
  const issueFive = () => {
    let ledger = new RateLedger();
    for (let day = 0; day < 5; day += 1) {
      assert.equal(ledger.admit(intent({ names, directoryUrl: PRODUCTION }), at(day * DAY_MS)), undefined);
      ledger.noteCertificate(intent({ names, directoryUrl: PRODUCTION }), at(day * DAY_MS));
      ledger = restarted(ledger, day * DAY_MS);
    }
    return ledger;
  };
  const cases: readonly { name: string; asked: OrderIntent; expected: BudgetRefusal['limit'] | undefined }[] =
    [
      {
        name: 'refuses the sixth within a week, in any order of names',
        asked: intent({ names: ['b.test', 'a.test'], directoryUrl: PRODUCTION }),
        expected: 'same-names',
      },
      {
        name: 'does not hold for other names',
        asked: intent({ names: ['a.test'], directoryUrl: PRODUCTION }),
        expected: undefined,
      },
      {
        name: 'does not hold for a replacement by renewal information',
        asked: intent({ names, directoryUrl: PRODUCTION, isReplacement: true }),
        expected: undefined,
      },
      { name: 'does not hold at another CA', asked: intent({ names }), expected: undefined },
    ];
  for (const { name, asked, expected } of cases) {
    test(name, () => {
      const refusal = issueFive().admit(asked, at(5 * DAY_MS));

      assert.equal(refusal?.limit, expected);
      if (expected !== undefined) assert.deepEqual(refusal?.until, at(7 * DAY_MS));
    });
  }
});

describe('the state document', () => {
  test('is merged with what another process noted, and keeps nothing that no limit looks at', () => {
    const one = new RateLedger();
    const other = new RateLedger();
    one.noteFailures(ACCOUNT, ['old.test'], at(0));
    one.noteFailures(ACCOUNT, ['a.test'], at(HOUR_MS));
    other.noteFailures(ACCOUNT, ['a.test'], at(HOUR_MS + 1));
    const now = at(HOUR_MS + MINUTE_MS);

    const state = other.stateChange(now)(one.stateChange(now)({ attempts: {} }));

    const key = `${ACCOUNT} a.test`;
    const failures = { [key]: [at(HOUR_MS).getTime(), at(HOUR_MS + 1).getTime()] };
    assert.deepEqual(state, { attempts: {}, ledger: { orders: {}, failures, certificates: {} } });
  });

  test('loses the ledger when there is nothing left to remember', () => {
    const ledger = new RateLedger();
    ledger.noteFailures(ACCOUNT, ['a.test'], at(0));
    const state = ledger.stateChange(at(0))({});

    assert.deepEqual(ledger.stateChange(at(2 * HOUR_MS))(state), {});
  });

  const hostile = [
    null,
    7,
    'x',
    [],
    { failures: 7 },
    { failures: { k: 'x' } },
    { orders: { k: [0.5, '1', {}] } },
  ];
  for (const ledger of hostile) {
    test(`is read without belief: ${JSON.stringify(ledger)}`, () => {
      assert.equal(RateLedger.load({ ledger }).admit(intent(), at(0)), undefined);
    });
  }

  test('of a clock that was days ahead silences nobody', () => {
    const ledger = new RateLedger();
    for (let times = 0; times < 9; times += 1) ledger.noteFailures(ACCOUNT, ['a.test'], at(40 * DAY_MS));

    assert.equal(restarted(ledger, 0).admit(intent(), at(0)), undefined);
  });

  test('stays small', () => {
    const ledger = new RateLedger();
    for (let index = 0; index < 5_000; index += 1) {
      ledger.noteFailures(ACCOUNT, [`${index}.test`], at(index));
    }

    const failures = ledger.toState(at(5_000))?.failures ?? {};

    assert.equal(Object.keys(failures).length, 2_000);
    assert.ok(Object.hasOwn(failures, `${ACCOUNT} 4999.test`));
  });
});
