import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawFrom, RenewalInformationTimetable } from '../../../src/reconcile/renewal-information.ts';
import type { IssuedFacts } from '../../../src/status/certificate-status.ts';

const HOUR_MS = 3_600_000;
const hour = (hours: number): Date => new Date(Date.UTC(2026, 0, 1) + hours * HOUR_MS);

/** A certificate issued at hour 0 for so many hours. */
function issued(lifeHours: number, serialNumber = '01'): IssuedFacts {
  return {
    ...{ revision: 1, serialNumber, fingerprintSHA256: '', dnsNames: [], recipients: [] },
    issuerRef: { kind: 'Issuer', name: 'ca', group: 'cert-manager.io' },
    ...{ notBefore: hour(0), notAfter: hour(lifeHours), issuedAt: hour(0) },
    ...{ secretName: 'www', secretBlob: '', requestHash: '' },
  };
}

const ANSWER = {
  certificateId: 'a.b',
  start: hour(100),
  end: hour(110),
  retryAfterMs: 6 * HOUR_MS,
};

test('a certificate is asked about six hours after its issue, one of a short life sooner', () => {
  const timetable = new RenewalInformationTimetable({});

  const checks = [2160, 160, 24, 1].map((life) => timetable.nextCheck('web/www', issued(life)));

  assert.deepEqual(checks, [hour(6), hour(6), hour(2), hour(1 / 12)]);
});

test('after an answer it is asked when the CA says', () => {
  const timetable = new RenewalInformationTimetable({});

  timetable.answered('web/www', issued(2160), ANSWER, hour(6));

  assert.deepEqual(timetable.nextCheck('web/www', issued(2160)), hour(12));
  assert.deepEqual(timetable.window('web/www', issued(2160))?.start, hour(100));
  assert.equal(timetable.isFresh('web/www', issued(2160), hour(11)), true);
});

test('an answer about one certificate says nothing about the next', () => {
  const timetable = new RenewalInformationTimetable({});

  timetable.answered('web/www', issued(2160), ANSWER, hour(6));

  assert.equal(timetable.window('web/www', issued(2160, '02')), undefined);
  assert.equal(timetable.isFresh('web/www', issued(2160, '02'), hour(7)), false);
});

test('without an answer it is asked again after a minute, two, four, up to six hours', () => {
  const timetable = new RenewalInformationTimetable({});
  const waits: number[] = [];

  for (let failures = 1; failures <= 11; failures += 1) {
    timetable.failed('web/www', issued(2160), hour(6));
    waits.push((timetable.nextCheck('web/www', issued(2160)).getTime() - hour(6).getTime()) / 60_000);
  }

  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);
});

test('a new process goes on where the last one stopped, by one instant for all certificates', () => {
  const before = new RenewalInformationTimetable({});
  before.answered('web/www', issued(2160), ANSWER, hour(13));
  const state = before.served(hour(13))?.({});

  const after = new RenewalInformationTimetable(state ?? {});

  assert.deepEqual(state, { renewalInformationCheckedAt: hour(13).toISOString() });
  assert.deepEqual(after.nextCheck('web/www', issued(2160)), hour(18), 'the next of 6, 12, 18, …');
});

test('the state is not written for every look', () => {
  const timetable = new RenewalInformationTimetable({});
  timetable.answered('web/www', issued(2160), ANSWER, hour(6));

  const changes = [0, 0.1, 0.4, 0.6].map((after) => timetable.served(hour(6 + after)) !== undefined);

  assert.deepEqual(changes, [true, false, false, true]);
});

test('a process that asked nothing has nothing to keep', () => {
  assert.equal(new RenewalInformationTimetable({}).served(hour(6)), undefined);
});

test('every certificate draws its own moment of a window, the same each time', () => {
  const window = { start: hour(100), end: hour(110) };

  const draws = Array.from({ length: 200 }, (_, index) => {
    const drawn = drawFrom(window, { serialNumber: String(index) })?.selected.getTime() ?? 0;
    return (drawn - hour(100).getTime()) / (10 * HOUR_MS);
  });

  assert.ok(Math.min(...draws) >= 0 && Math.max(...draws) < 1);
  assert.ok(Math.min(...draws) < 0.05 && Math.max(...draws) > 0.95, 'they spread over the window');
  assert.deepEqual(drawFrom(window, { serialNumber: '7' }), drawFrom(window, { serialNumber: '7' }));
});
