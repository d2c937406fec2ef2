import type { SimulatedProblem } from './problem.ts';

/** Rate limits of Boulder, as its words name them. */
export type BoulderLimit =
  | 'new-registrations-per-ip-address'
  | 'new-orders-per-account'
  | 'new-certificates-per-registered-domain'
  | 'new-certificates-per-exact-set-of-identifiers'
  | 'authorization-failures-per-identifier-per-account';

const PORTAL = 'https://portal.letsencrypt.example/sfe/v1/unpause?jwt=eyJhbGciOiJIUzI1NiJ9.e30.c2ln';

/**
 * A 429 in Boulder's words. `retryAt`: the instant in its text; `retryAfter`: the header, seconds or an HTTP-date,
 * absent where it is undefined.
 */
export function rateLimited(limit: BoulderLimit, retryAt: Date, retryAfter?: string): SimulatedProblem {
  const until = `${retryAt.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  return {
    type: 'rateLimited',
    status: 429,
    detail: `${WORDS[limit]}, retry after ${until}: see https://letsencrypt.org/docs/rate-limits/#${limit}`,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

/** Boulder's answer for an account that is paused for a name until a person goes to its portal. */
export function paused(name: string): SimulatedProblem {
  return {
    type: 'rateLimited',
    status: 429,
    detail: `Your account is temporarily prevented from requesting certificates for ${name} and possibly others. Please visit: ${PORTAL}`,
  };
}

/** Boulder over its request limits. */
export function overloaded(retryAfter?: string): SimulatedProblem {
  return {
    type: 'rateLimited',
    status: 503,
    detail: 'Service busy; retry later.',
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

const WORDS: Readonly<Record<BoulderLimit, string>> = {
  'new-registrations-per-ip-address':
    'too many new registrations (10) from this IP address in the last 3h0m0s',
  'new-orders-per-account': 'too many new orders (300) from this account in the last 3h0m0s',
  'new-certificates-per-registered-domain':
    'too many certificates (50) already issued for "example.com" in the last 168h0m0s',
  'new-certificates-per-exact-set-of-identifiers':
    'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s',
  'authorization-failures-per-identifier-per-account':
    'too many failed authorizations (5) for "www.example.com" in the last 1h0m0s',
};
