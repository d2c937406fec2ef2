import assert from 'node:assert/strict';
import fc from 'fast-check';
import { alternateUrls } from '../../src/acme/chain-choice.ts';
import { KNOWN_PROBLEM_TYPES, problemOfAnswer, readProblem } from '../../src/acme/problem.ts';
import { readRenewalInfo } from '../../src/acme/renewal-info.ts';
import {
  readAccount,
  readAuthorization,
  readChallenge,
  readDirectory,
  readOrder,
} from '../../src/acme/resources.ts';
import { CertopsError } from '../../src/lib/errors.ts';
import { retryAfterMs } from '../../src/lib/retry-after.ts';
import { assertTolerable, fuzz, hostileText, outcome } from './fuzz.ts';

const NOW = new Date('2026-11-22T10:20:30Z');
const CLOCK = { now: () => NOW, realNow: () => NOW };
const ORIGIN = 'https://acme.example.com';
const WEEK_MS = 7 * 86_400_000;

function isOwnUrl(url: string): boolean {
  return URL.canParse(url) && new URL(url).origin === ORIGIN;
}

const WORDS = [
  ...['pending', 'ready', 'valid', 'invalid', 'processing', 'deactivated', 'http-01', 'dns-01', 'dns', 'ip'],
  ...[
    'urn:ietf:params:acme:error:',
    'rateLimited',
    'unauthorized',
    'compound',
    '__proto__',
    'constructor',
    'toString',
  ],
  ...[
    `${ORIGIN}/order/1`,
    'https://evil.example/x',
    'http://169.254.169.254/',
    'file:///etc/passwd',
    '//a',
    'javascript:1',
  ],
  ...[
    'temporarily prevented from requesting certificates',
    `${ORIGIN}/sfe/v1/unpause?jwt=x`,
    '../..',
    'a/b',
    '\u202e',
  ],
  ...[
    'x'.repeat(3000),
    '<script>',
    '@everyone',
    '2027-01-01T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '{',
    '"',
    '%0a',
    '\n',
  ],
];
const NAMES = [
  ...[
    'type',
    'detail',
    'status',
    'subproblems',
    'identifier',
    'value',
    'instance',
    'url',
    'token',
    'challenges',
  ],
  ...[
    'authorizations',
    'finalize',
    'certificate',
    'expires',
    'error',
    'wildcard',
    'contact',
    'newNonce',
    'newAccount',
  ],
  ...[
    'newOrder',
    'keyChange',
    'renewalInfo',
    'meta',
    'profiles',
    'suggestedWindow',
    'start',
    'end',
    'explanationURL',
  ],
  ...['__proto__', 'length', 'toJSON', 'then'],
];
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: fc.constantFrom(...KNOWN_PROBLEM_TYPES.map((type) => WORDS[10] + type)) },
  { weight: 1, arbitrary: hostileText(WORDS, 4) },
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    fc.constantFrom(null, true, false, 0, -1, 1e308, 400, 429),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('json'), { maxKeys: 6 }),
  ),
}));

/** JSON of a shape, some members of which were replaced or left out. */
function around(shape: Readonly<Record<string, unknown>>): fc.Arbitrary<unknown> {
  const model = Object.fromEntries(
    Object.entries(shape).map(([name, value]) => [
      name,
      fc.oneof({ weight: 6, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: json }),
    ]),
  );
  return fc.oneof(
    { weight: 5, arbitrary: fc.record(model, { requiredKeys: [] }) },
    { weight: 1, arbitrary: json },
  );
}

const CHALLENGE = { type: 'http-01', url: `${ORIGIN}/chall/1`, status: 'pending', token: 'abc_-1' };

const READERS: readonly (readonly [
  name: string,
  shape: Readonly<Record<string, unknown>>,
  read: (data: unknown) => unknown,
])[] = [
  [
    'a directory',
    {
      newNonce: `${ORIGIN}/nonce`,
      newAccount: `${ORIGIN}/account`,
      newOrder: `${ORIGIN}/order`,
      keyChange: `${ORIGIN}/key`,
      renewalInfo: `${ORIGIN}/ari`,
      meta: { profiles: { classic: 'x' } },
    },
    (data) => readDirectory(data, `${ORIGIN}/directory`, isOwnUrl),
  ],
  [
    'an account',
    { status: 'valid', contact: ['mailto:a@b.example'] },
    (data) => readAccount(data, `${ORIGIN}/a`),
  ],
  [
    'an order',
    {
      status: 'pending',
      authorizations: [`${ORIGIN}/authz/1`],
      finalize: `${ORIGIN}/finalize`,
      certificate: `${ORIGIN}/cert`,
      expires: '2027-01-01T00:00:00Z',
      error: { type: 'x', detail: 'y' },
    },
    (data) => readOrder(data, `${ORIGIN}/order/1`, isOwnUrl),
  ],
  [
    'an authorization',
    {
      status: 'pending',
      identifier: { type: 'dns', value: 'a.example' },
      challenges: [CHALLENGE],
      wildcard: true,
    },
    (data) => readAuthorization(data, `${ORIGIN}/authz/1`, isOwnUrl),
  ],
  ['a challenge', CHALLENGE, (data) => readChallenge(data, `${ORIGIN}/authz/1`, isOwnUrl)],
  [
    'renewal information',
    {
      suggestedWindow: { start: '2027-01-01T00:00:00Z', end: '2027-01-02T00:00:00Z' },
      explanationURL: ORIGIN,
    },
    (data) => readRenewalInfo(data, `${ORIGIN}/ari/x`, 'x', undefined),
  ],
];

/** Every URL under a name that leads somewhere. */
function urlsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    if (name === 'error' || name === 'explanationUrl') return [];
    if (typeof member === 'string' && /(?:Url|^url|^new\w+|keyChange|renewalInfo)$/.test(name))
      return [member];
    if (name === 'authorizationUrls' && Array.isArray(member))
      return member.filter((one) => typeof one === 'string');
    return urlsIn(member);
  });
}

for (const [name, shape, readAnswer] of READERS) {
  fuzz(`${name} of any shape is read or refused, and leads to no other host`, around(shape), async (data) => {
    const found = await outcome(() => readAnswer(data));
    if (found instanceof CertopsError) return;
    assert.deepEqual(
      urlsIn(found).filter((url) => !isOwnUrl(url)),
      [],
    );
    assert.ok(JSON.stringify(found).length < 200_000);
  });
}

const problem = around({
  type: 'urn:ietf:params:acme:error:rateLimited',
  detail: 'too many',
  status: 429,
  instance: `${ORIGIN}/docs`,
  identifier: { type: 'dns', value: 'a.example' },
  subproblems: [
    { type: 'urn:ietf:params:acme:error:dns', detail: 'no', identifier: { type: 'dns', value: 'b.example' } },
  ],
});
const CONTROLS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u;

fuzz('a problem document of any shape is read, on one line', problem, (data) => {
  const read = readProblem(data);
  for (const one of read === undefined ? [] : [read, ...read.subproblems]) {
    assert.doesNotMatch(`${one.type}${one.detail}${one.identifier ?? ''}${one.link ?? ''}`, CONTROLS);
    assert.ok(one.detail.length <= 500 && one.type.length <= 150);
    assert.ok(one.link === undefined || one.link.startsWith('https://'));
  }
});

const header = fc.oneof(
  fc.constant(undefined),
  fc.integer().map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  hostileText([
    '120',
    '-1',
    '1e9',
    'Sat, 22 Nov 2026 10:20:30 GMT',
    'Infinity',
    'NaN',
    ' ',
    '0x10',
    '99999999999999999999',
  ]),
);

fuzz(
  'an answer of any status, headers and body is an error with a wait of at most a week',
  fc.tuple(fc.integer({ min: 100, max: 599 }), header, header, problem),
  ([status, retryAfter, date, data]) => {
    const headers = { 'retry-after': retryAfter, date };
    const error = problemOfAnswer({ status, headers, data, url: `${ORIGIN}/order/1` }, CLOCK);
    assertTolerable(error);
    const waitMs = retryAfterMs(headers, NOW);
    assert.ok(waitMs === undefined || (Number.isFinite(waitMs) && waitMs >= 0 && waitMs <= WEEK_MS));
    const until = error.retryAfter?.getTime() ?? NOW.getTime();
    assert.ok(until >= NOW.getTime() && until <= NOW.getTime() + WEEK_MS);
  },
);

fuzz(
  'links of any text lead to the CA alone',
  hostileText([
    '<',
    '>',
    ';',
    'rel="alternate"',
    'rel=alternate',
    `${ORIGIN}/cert/2`,
    'https://evil.example',
    ',',
    '"',
    ' ',
  ]),
  async (link) => {
    const found = await outcome(() => alternateUrls(link, `${ORIGIN}/cert/1`, isOwnUrl));
    if (!(found instanceof CertopsError)) assert.ok(found.every((url) => isOwnUrl(url)));
  },
);
