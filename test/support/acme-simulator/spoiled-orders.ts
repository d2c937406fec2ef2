import { always, FIVE, FOR_GOOD, type Misbehaviour, open, over } from './misbehaviour.ts';

/** What goes wrong with an order that stands. */
export const SPOILED_ORDERS: readonly Misbehaviour[] = [
  ...['connection', 'dns', 'caa', 'unauthorized', 'tls', 'incorrectResponse'].map(
    (type): Misbehaviour => ({
      name: `one of five names that fails by ${type}`,
      dnsNames: FIVE,
      behaviours: [
        { endpoint: 'validation', identifier: 'c.example.test', problem: { type, detail: 'C is away' } },
      ],
      ...over('complete', 'issuers.validation-failed', 'backoff'),
      says: /c\.example\.test.*C is away/s,
      identifiers: ['c.example.test'],
    }),
  ),
  {
    name: 'one of five names that is rejected for good',
    dnsNames: FIVE,
    behaviours: [
      { endpoint: 'validation', identifier: 'c.example.test', problem: { type: 'rejectedIdentifier' } },
    ],
    ...over('complete', 'issuers.validation-failed', 'never'),
    identifiers: ['c.example.test'],
  },
  ...(['authorization', 'challenge', 'order', 'finalize', 'certificate'] as const).map(
    (endpoint): Misbehaviour => ({
      name: `a rate limit at ${endpoint}`,
      behaviours: always(endpoint, { type: 'rateLimited', retryAfter: '600' }),
      ...open(endpoint === 'authorization' ? 'begin' : 'complete', 600),
    }),
  ),
  {
    name: 'endless processing',
    behaviours: [{ endpoint: 'issue', stalls: true }],
    at: 'complete',
    code: 'issuers.order-slow',
    failsRequest: false,
    retry: 1,
    orderTimeoutMs: 1_500,
  },
  {
    name: 'processing that asks for an hour',
    behaviours: [
      { endpoint: 'issue', stalls: true },
      { endpoint: ['finalize', 'order'], after: 1, ...FOR_GOOD, headers: { 'Retry-After': '3600' } },
    ],
    at: 'complete',
    code: 'issuers.order-slow',
    failsRequest: false,
    retry: 3600,
  },
  {
    name: 'an issuance that the CA gives up',
    behaviours: [{ endpoint: 'issue', problem: { type: 'serverInternal', detail: 'The HSM is away' } }],
    ...over('complete', 'issuers.validation-failed', 'backoff'),
    says: /HSM is away/,
  },
  {
    name: 'a signing request that is refused',
    behaviours: always('finalize', { type: 'badCSR', detail: 'weak key' }),
    ...over('complete', 'issuers.request-refused', 'never'),
    says: /weak key/,
  },
  {
    name: 'a CAA record found at finalize',
    behaviours: always('finalize', { type: 'caa', detail: 'CAA forbids' }),
    ...over('complete', 'issuers.request-refused', 'backoff'),
  },
  {
    name: 'an order that expires',
    behaviours: [{ endpoint: 'order', happening: 'order-expires' }],
    ...over('complete', 'issuers.order-gone', 'now'),
  },
  {
    name: 'an order that is forgotten',
    behaviours: [{ endpoint: 'order', happening: 'order-is-forgotten' }],
    ...over('complete', 'issuers.order-gone', 'now'),
  },
  {
    name: 'an order that turns invalid without a reason',
    behaviours: [{ endpoint: 'order', happening: 'order-turns-invalid' }],
    ...over('complete', 'issuers.validation-failed', 'backoff'),
  },
  {
    name: 'an account that is forgotten before the order',
    behaviours: [{ endpoint: 'newOrder', happening: 'account-is-forgotten' }],
    ...over('begin', 'issuers.account-gone', 'backoff'),
  },
  {
    name: 'an account that is forgotten after the order',
    behaviours: [{ endpoint: 'challenge', happening: 'account-is-forgotten' }],
    ...over('complete', 'issuers.account-gone', 'backoff'),
  },
  {
    name: 'an account that is deactivated before the order',
    behaviours: [{ endpoint: 'newOrder', happening: 'account-is-deactivated' }],
    ...over('begin', 'issuers.account-deactivated', 'never'),
  },
  {
    name: 'an account that is deactivated after the order',
    behaviours: [{ endpoint: 'challenge', happening: 'account-is-deactivated' }],
    ...over('complete', 'issuers.account-deactivated', 'never'),
  },
];

/** Certificates that must not take the place of a good one (P5). */
export const WRONG_CERTIFICATES: readonly Misbehaviour[] = (
  [
    ['other-key', 'pki.wrong-key'],
    ['missing-name', 'pki.wrong-names'],
    ['extra-name', 'pki.wrong-names'],
    ['expired', 'pki.expired'],
    ['future', 'pki.not-yet-valid'],
    ['is-a-ca', 'pki.is-ca'],
    ['chain-reversed', 'pki.wrong-key'],
    ['chain-of-strangers', 'pki.broken-chain'],
    ['garbage', 'pki.unreadable-certificate'],
  ] as const
).map(([certificate, code]) => ({
  name: `a certificate: ${certificate}`,
  dnsNames: FIVE,
  behaviours: [{ endpoint: 'issue', certificate }],
  at: 'check',
  code,
  failsRequest: true,
  retry: 'backoff',
}));

/** What a client gets over by itself: a certificate comes of it, and one order. */
export const MENDED_BY_ITSELF: readonly Pick<Misbehaviour, 'name' | 'behaviours' | 'options'>[] = [
  {
    name: 'five bad nonces in a row',
    behaviours: [{ endpoint: 'newOrder', times: 5, problem: { type: 'badNonce' } }],
  },
  {
    name: 'bad nonces at every endpoint',
    behaviours: (
      ['newAccount', 'newOrder', 'authorization', 'challenge', 'order', 'finalize', 'certificate'] as const
    ).map((endpoint) => ({ endpoint, times: 2, problem: { type: 'badNonce' } })),
  },
  {
    name: 'an order that is not ready yet',
    behaviours: [{ endpoint: 'finalize', times: 2, problem: { type: 'orderNotReady' } }],
  },
  { name: 'the answer to the challenge lost', behaviours: [{ endpoint: 'challenge', transport: 'reset' }] },
  { name: 'the answer to finalize lost', behaviours: [{ endpoint: 'finalize', transport: 'reset' }] },
  { name: 'half of the answer to finalize', behaviours: [{ endpoint: 'finalize', transport: 'half-body' }] },
  { name: 'half of a certificate', behaviours: [{ endpoint: 'certificate', transport: 'half-body' }] },
  { name: 'the answer to a look lost', behaviours: [{ endpoint: 'order', transport: 'reset' }] },
  { name: 'processing for two looks', behaviours: [], options: { processingLooks: 2 } },
  {
    name: 'answers with fields that nobody knows',
    behaviours: [
      {
        endpoint: 'any',
        ...FOR_GOOD,
        headers: { 'X-Surprise': 'a'.repeat(4000), Link: '<x>;rel="up", broken' },
      },
    ],
  },
];
