import { overloaded, paused, rateLimited } from './boulder-words.ts';
import { always, FIVE, FOR_GOOD, HTML, type Misbehaviour, open, over, registration } from './misbehaviour.ts';
import type { SimulatedProblem } from './problem.ts';

const WEEK_S = 7 * 86_400;
/** Whole seconds, as an HTTP-date has them. */
const IN_A_DAY = new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000);

const later = (seconds: number) => new Date(Date.now() + seconds * 1000);

/** An order that is refused: nothing was asked of the CA beyond it, and what time heals leaves the request open. */
export const REFUSED_ORDERS: readonly Misbehaviour[] = [
  ...limited('new orders by account', rateLimited('new-orders-per-account', later(30), '30'), 30),
  ...limited(
    'certificates by name set, with an HTTP-date',
    rateLimited('new-certificates-per-exact-set-of-identifiers', IN_A_DAY, IN_A_DAY.toUTCString()),
    IN_A_DAY,
  ),
  ...limited(
    'certificates by domain, without Retry-After',
    rateLimited('new-certificates-per-registered-domain', later(3600)),
    60,
  ),
  ...limited('orders for ten years', rateLimited('new-orders-per-account', later(9), '315360000'), WEEK_S),
  ...limited('orders for ever', rateLimited('new-orders-per-account', later(9), '9'.repeat(40)), WEEK_S),
  ...limited(
    'orders until the year 9999',
    rateLimited('new-orders-per-account', later(9), 'Fri, 31 Dec 9999 23:59:59 GMT'),
    WEEK_S,
  ),
  ...limited(
    'orders until last year',
    rateLimited('new-orders-per-account', later(9), 'Fri, 21 Nov 2025 23:59:59 GMT'),
    0,
  ),
  ...limited('orders until soon', rateLimited('new-orders-per-account', later(9), 'soon'), 60),
  ...limited('requests by 503', overloaded('120'), 120),
  {
    name: 'a 500 with Retry-After',
    behaviours: always('newOrder', { type: 'serverInternal', retryAfter: '60' }),
    ...open('begin', 60),
  },
  {
    name: 'a 500 of HTML',
    behaviours: [{ endpoint: 'newOrder', ...FOR_GOOD, answer: { status: 500, body: HTML } }],
    ...open('begin', 'backoff'),
  },
  {
    name: 'a 404 of HTML',
    behaviours: [{ endpoint: 'newOrder', ...FOR_GOOD, answer: { status: 404, body: HTML } }],
    ...open('begin', 'backoff'),
  },
  {
    name: 'nothing but bad nonces',
    behaviours: always('newOrder', { type: 'badNonce' }),
    ...open('begin', 'backoff'),
  },
  {
    name: 'a paused account',
    behaviours: always('newOrder', paused('www.example.test')),
    ...over('begin', 'issuers.paused', 'never'),
    says: /https:\/\/portal\.letsencrypt\.example\/sfe\/v1\/unpause/,
  },
  {
    name: 'terms of service that a person must agree to',
    behaviours: always('newOrder', {
      type: 'userActionRequired',
      detail: 'Terms of service have changed',
      fields: { instance: 'https://ca.example/agree' },
    }),
    ...over('begin', 'issuers.request-refused', 'never'),
    says: /https:\/\/ca\.example\/agree/,
  },
  {
    name: 'one of five names rejected',
    dnsNames: FIVE,
    behaviours: always('newOrder', {
      type: 'rejectedIdentifier',
      detail: 'Invalid identifiers requested',
      subproblems: [
        {
          type: 'rejectedIdentifier',
          detail: 'Domain name is on the blocked list',
          identifier: { type: 'dns', value: 'c.example.test' },
        },
      ],
    }),
    ...over('begin', 'issuers.request-refused', 'never'),
    says: /c\.example\.test.*blocked list/,
    identifiers: ['c.example.test'],
  },
  {
    name: 'five thousand names rejected, in words that would turn the page around',
    behaviours: always('newOrder', {
      type: 'rejectedIdentifier',
      detail: `No\u202e\u0000\n${'x'.repeat(10_000)}`,
      subproblems: Array.from({ length: 5_000 }, (_, index) => ({
        type: 'rejectedIdentifier',
        detail: '\u202e\u001b[2J',
        identifier: { type: 'dns', value: `n${index}.example.test` },
      })),
    }),
    ...over('begin', 'issuers.request-refused', 'never'),
  },
  {
    name: 'a compound problem whose worst part is for good',
    behaviours: always('newOrder', {
      type: 'compound',
      subproblems: [
        { type: 'caa', identifier: { type: 'dns', value: 'a.example.test' } },
        { type: 'rejectedIdentifier', identifier: { type: 'dns', value: 'b.example.test' } },
      ],
    }),
    ...over('begin', 'issuers.request-refused', 'never'),
  },
  {
    name: 'a profile that is not offered',
    options: { profiles: { classic: {} } },
    profile: 'shortlived',
    behaviours: [],
    ...over('begin', 'issuers.profile-unknown', 'never'),
    says: /classic/,
  },
  ...[
    ...['badCSR', 'badPublicKey', 'badSignatureAlgorithm', 'externalAccountRequired', 'invalidContact'],
    ...['invalidProfile', 'malformed', 'rejectedIdentifier', 'unsupportedContact', 'unsupportedIdentifier'],
    'neverHeardOf',
  ].map(
    (type): Misbehaviour => ({
      name: `the type ${type}`,
      behaviours: always('newOrder', { type }),
      ...over('begin', 'issuers.request-refused', 'never'),
    }),
  ),
  ...['caa', 'connection', 'dns', 'incorrectResponse', 'tls'].map(
    (type): Misbehaviour => ({
      name: `the type ${type}`,
      behaviours: always('newOrder', { type }),
      ...over('begin', 'issuers.request-refused', 'backoff'),
    }),
  ),
];

/** What goes wrong when the account is registered. */
export const REFUSED_REGISTRATIONS: readonly Misbehaviour[] = [
  {
    name: 'too many accounts from here',
    behaviours: always('newAccount', rateLimited('new-registrations-per-ip-address', later(1080), '1080')),
    ...registration(1080),
  },
  {
    name: 'a busy directory',
    behaviours: [{ endpoint: 'directory', ...FOR_GOOD, problem: overloaded('7') }],
    ...registration(7),
  },
  {
    name: 'a busy newNonce',
    behaviours: [{ endpoint: 'newNonce', ...FOR_GOOD, problem: overloaded('7') }],
    ...registration(7),
  },
  {
    name: 'an external account that is not bound',
    options: { externalAccountKeys: { ours: 'c2VjcmV0' } },
    behaviours: [],
    ...registration('never'),
    code: 'issuers.external-account-binding',
  },
  {
    name: 'a contact that is not taken',
    behaviours: always('newAccount', { type: 'unsupportedContact' }),
    ...registration('never'),
  },
];

function limited(of: string, problem: SimulatedProblem, until: number | Date): readonly Misbehaviour[] {
  return [{ name: `a limit of ${of}`, behaviours: always('newOrder', problem), ...open('begin', until) }];
}
