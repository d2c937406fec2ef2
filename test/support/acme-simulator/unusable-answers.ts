import type { Behaviour, TransportFault } from './behaviour.ts';
import { FOR_GOOD, HTML, type Misbehaviour, open, registration } from './misbehaviour.ts';

const ELSEWHERE = 'https://elsewhere.example.net/x';

/** Answers that are no answers, or that point where nothing of the CA's may be. */
export const UNUSABLE_ANSWERS: readonly Misbehaviour[] = [
  ...(['reset', 'hang', 'half-body', 'endless-body', 'slow-drip'] as const).flatMap((transport) => [
    broken(transport, 'newOrder', 'begin'),
    broken(transport, 'certificate', 'complete'),
  ]),
  broken('endless-body', 'directory', 'setUp'),
  broken('hang', 'newNonce', 'setUp'),
  unusable('an order of HTML', { endpoint: 'newOrder', answer: { status: 201, body: HTML } }),
  unusable('a redirect to another origin', {
    endpoint: 'newOrder',
    answer: { status: 307, headers: { Location: ELSEWHERE } },
  }),
  unusable('an order on another host', { endpoint: 'newOrder', headers: { Location: ELSEWHERE } }),
  unusable('an authorization on another host', {
    endpoint: 'newOrder',
    edit: { 'authorizations.0': ELSEWHERE },
  }),
  unusable('a finalize URL on another host', { endpoint: 'newOrder', edit: { finalize: ELSEWHERE } }),
  unusable('a finalize URL of another scheme', { endpoint: 'newOrder', edit: { finalize: 'file:///etc/x' } }),
  unusable('an order with 5,000 authorizations', {
    endpoint: 'newOrder',
    edit: { authorizations: Array.from({ length: 5000 }, () => ELSEWHERE) },
  }),
  unusable('an order without authorizations', { endpoint: 'newOrder', edit: { authorizations: undefined } }),
  unusable('an order of no known status', { endpoint: 'newOrder', edit: { status: 'pondering' } }),
  ...['../../etc/passwd', 'a/b', '', 'x'.repeat(5000), 'täter', 'a b'].map((token) =>
    unusable(`the token ${JSON.stringify(token.slice(0, 20))}`, {
      endpoint: 'authorization',
      edit: { 'challenges.*.token': token },
    }),
  ),
  unusable('a challenge on another host', {
    endpoint: 'authorization',
    edit: { 'challenges.*.url': ELSEWHERE },
  }),
  unusable('the name of somebody else to validate', {
    endpoint: 'authorization',
    edit: { 'identifier.value': 'somebody-else.example.net' },
  }),
  unusable('headers of 100 kB', { endpoint: 'newOrder', headers: { 'X-Much': 'a'.repeat(100_000) } }),
  unusable('nothing where the order was', { endpoint: 'order', answer: { body: '' } }, 'complete'),
  unusable('a name that is no name', {
    endpoint: 'authorization',
    edit: { 'identifier.value': 'a\u202e<b>' },
  }),
  unusable(
    'a certificate on another host',
    { endpoint: 'finalize', edit: { certificate: ELSEWHERE } },
    'complete',
  ),
  unusable('a certificate of HTML', { endpoint: 'certificate', answer: { body: HTML } }, 'complete'),
  unusable('an empty certificate', { endpoint: 'issue', certificate: 'empty' }, 'complete'),
  unusable('a chain of 1,000 certificates', { endpoint: 'issue', certificate: 'chain-of-1000' }, 'complete'),
  unusable('a chain of 5,000 certificates', { endpoint: 'issue', certificate: 'chain-of-5000' }, 'complete'),
  {
    name: 'a nonce that is none',
    behaviours: [{ endpoint: 'newNonce', ...FOR_GOOD, headers: { 'Replay-Nonce': 'a b' } }],
    ...registration('backoff'),
  },
  {
    name: 'a directory of HTML',
    behaviours: [{ endpoint: 'directory', ...FOR_GOOD, answer: { body: HTML } }],
    ...registration('backoff'),
  },
  {
    name: 'a directory on another host',
    behaviours: [{ endpoint: 'directory', ...FOR_GOOD, edit: { newNonce: ELSEWHERE } }],
    ...registration('backoff'),
  },
];

function broken(
  transport: TransportFault,
  endpoint: 'newOrder' | 'certificate' | 'directory' | 'newNonce',
  at: Misbehaviour['at'],
): Misbehaviour {
  const shown =
    at === 'setUp' ? registration('backoff') : { ...open(at, 'backoff'), code: 'issuers.ca-unavailable' };
  return {
    name: `${transport} at ${endpoint}`,
    behaviours: [{ endpoint, ...FOR_GOOD, transport }],
    ...shown,
    ...(transport === 'hang' || transport === 'slow-drip' ? { requestTimeoutMs: 1_500 } : {}),
  };
}

function unusable(name: string, behaviour: Behaviour, at: 'begin' | 'complete' = 'begin'): Misbehaviour {
  return {
    name,
    behaviours: [{ ...behaviour, ...FOR_GOOD }],
    ...open(at, 'backoff'),
    code: 'issuers.ca-unavailable',
  };
}
