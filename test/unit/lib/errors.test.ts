import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatInstant, parseInstant, systemClock } from '../../../src/lib/clock.ts';
import { asCertopsError, CertopsError, InternalError, isAbort } from '../../../src/lib/errors.ts';
import { FAULT_STEPS, isFaultStep } from '../../../src/lib/faults.ts';
import { gitBlobId } from '../../../src/lib/git-blob-id.ts';

test('an error says what, why and what next in whole sentences', () => {
  const error = new CertopsError('room.what', {
    what: 'It failed',
    why: 'The server said "no."',
    next: 'Ask again!',
  });

  assert.equal(error.explain(), 'It failed. The server said "no.". Ask again!');
  assert.equal(new CertopsError('room.what', { what: 'It failed', why: '' }).explain(), 'It failed.');
});

test('an error is one flat line for operators', () => {
  const error = new CertopsError(
    'room.what',
    { what: 'It failed', why: 'because' },
    { retry: { when: 'not-before', at: new Date(0) }, data: { status: 429 }, cause: new Error('socket') },
  );

  assert.deepEqual(error.logFields(), {
    ...{ code: 'room.what', error: 'It failed', why: 'because', status: 429, cause: 'socket' },
    retry: '1970-01-01T00:00:00.000Z',
  });
});

test('whatever is thrown becomes an error of ours, and a defect says so', () => {
  const own = new CertopsError('room.what', { what: 'x' });

  assert.equal(asCertopsError(own), own);
  for (const thrown of [new TypeError('x is not a function'), 'text', undefined]) {
    const error = asCertopsError(thrown);
    assert.ok(error instanceof InternalError);
    assert.equal(error.code, 'internal');
    assert.match(error.explain(), /report this/);
  }
});

test('an abort is told from other errors', async () => {
  const stop = new AbortController();
  stop.abort();
  const aborted = await systemClock()
    .sleep(1, stop.signal)
    .catch((thrown: unknown) => thrown);

  assert.deepEqual([isAbort(aborted), isAbort(new Error('x')), isAbort('AbortError')], [true, false, false]);
});

test('a clock can be set, and real time goes on beside it', () => {
  const clock = systemClock(new Date('2036-01-01T00:00:00Z'));

  assert.equal(clock.now().getUTCFullYear(), 2036);
  assert.ok(Math.abs(clock.realNow().getTime() - Date.now()) < 60_000);
});

test('instants are written to the second in UTC and read only as RFC 3339', () => {
  assert.equal(formatInstant(new Date('2026-01-02T03:04:05.678Z')), '2026-01-02T03:04:05Z');
  assert.equal(parseInstant('2026-01-02T03:04:05+02:00')?.toISOString(), '2026-01-02T01:04:05.000Z');
  for (const text of [
    '2026-01-02',
    '2026-01-02 03:04:05Z',
    '2026-13-02T03:04:05Z',
    '2026-01-02T03:04:05',
    '0',
    '',
  ]) {
    assert.equal(parseInstant(text), undefined, text);
  }
});

test('blob ids are those of Git', () => {
  assert.equal(gitBlobId(''), 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391');
  assert.equal(gitBlobId('hello\n'), 'ce013625030ba8dba906f756967f9e9ca394464a');
  assert.equal(gitBlobId('é\n'), gitBlobId(Buffer.from('é\n').toString('utf8')));
});

test('fault steps are known by name alone', () => {
  assert.ok(FAULT_STEPS.every(isFaultStep));
  assert.equal(isFaultStep('toString'), false);
});
