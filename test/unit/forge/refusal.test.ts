import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { refusal } from '../../../src/forge/refusal.ts';

const REAL = new Date('2027-01-02T10:00:00Z');
const MOVED = new Date('2030-01-01T00:00:00Z');
const clock = { now: () => MOVED, realNow: () => REAL };

function refused(
  status: number,
  body: unknown = undefined,
  headers: Readonly<Record<string, string>> = {},
): ReturnType<typeof refusal> {
  const request = 'POST /repos/team/certificates/pulls';
  return refusal({ status, body, headers: new Headers(headers), host: 'git.example', request }, clock);
}

const codes = [
  { status: 300, code: 'forge.refused' },
  { status: 400, code: 'forge.refused' },
  { status: 401, code: 'forge.unauthorized' },
  { status: 403, code: 'forge.unauthorized' },
  { status: 404, code: 'forge.not-found' },
  { status: 409, code: 'forge.refused' },
  { status: 422, code: 'forge.refused' },
  { status: 429, code: 'forge.rate-limited' },
  { status: 500, code: 'forge.unreachable' },
  { status: 503, code: 'forge.unreachable' },
];
for (const { status, code } of codes) {
  test(`HTTP status ${status} is ${code}`, () => {
    const error = refused(status);

    assert.equal(error.code, code);
    assert.equal(error.status, status);
  });
}

test('the time of a limit counts on the clock that decides', () => {
  const { retry } = refused(429, undefined, { 'retry-after': '60' });

  assert.deepEqual(retry, { when: 'not-before', at: new Date('2030-01-01T00:01:00Z') });
});

test('a server that is out of order and says until when is believed', () => {
  const { retry } = refused(503, undefined, { 'retry-after': '60' });

  assert.deepEqual(retry, { when: 'not-before', at: new Date('2030-01-01T00:01:00Z') });
});

const words = [
  { name: 'GitHub', body: { message: 'Validation Failed', errors: [{ field: 'head', code: 'invalid' }] } },
  {
    name: 'GitHub, custom',
    body: { message: 'Validation Failed', errors: [{ code: 'custom', message: 'head invalid' }] },
  },
  { name: 'GitLab, fields', body: { message: { head: ['invalid'] } } },
  { name: 'GitLab, list', body: { message: ['head invalid'] } },
  { name: 'GitLab, OAuth', body: { error: 'x', error_description: 'head invalid' } },
  { name: 'Gitea', body: { message: 'head invalid', url: 'https://git.example/api/swagger' } },
];
for (const { name, body } of words) {
  test(`the forge's words stand in why: ${name}`, () => {
    const { explanation } = refused(422, body);

    assert.match(
      explanation.why ?? '',
      /^POST \/repos\/team\/certificates\/pulls: HTTP status 422, .*head invalid/,
    );
  });
}

const hostile: readonly { readonly name: string; readonly body: unknown }[] = [
  { name: 'nested', body: JSON.parse(`{"message": ${'['.repeat(5000)}${']'.repeat(5000)}}`) },
  { name: 'endless', body: { message: 'x'.repeat(1_000_000) } },
  { name: 'many', body: { errors: Array.from({ length: 100_000 }, () => ({ message: 'y'.repeat(100) })) } },
  { name: 'on lines', body: { message: 'one\r\n\u001b[31mtwo\u202e three' } },
  { name: 'no text', body: { message: 7, errors: 'none' } },
  { name: 'an array', body: ['a'] },
];
for (const { name, body } of hostile) {
  test(`a stranger's words are bounded and on one line: ${name}`, () => {
    const { why = '' } = refused(422, body).explanation;

    assert.ok(why.length < 400, String(why.length));
    assert.doesNotMatch(why, /[\p{Cc}\p{Cf}]/u);
  });
}

test('the answer is there to decide by, and is not printed', () => {
  const error = refused(422, { message: 'no', secret: 'canary-answer' });

  assert.deepEqual(error.answer, { message: 'no', secret: 'canary-answer' });
  assert.equal(inspect(error, { depth: 10 }).includes('canary-answer'), false);
  assert.equal(JSON.stringify(error).includes('canary-answer'), false);
});
