import { AcmeProblemError } from '../acme/problem.ts';
import type { BudgetRefusal } from '../acme/rate-ledger.ts';
import type { AcmeIdentifier, AcmeOrder } from '../acme/resources.ts';
import type { AcmeSession, OrderTerms } from '../acme/session.ts';
import type { AcmeIssuerSpec } from '../api/issuer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { factsOfStep } from './failure-facts.ts';
import { IssuanceError, type SigningRequest } from './issuer.ts';

/** Before a profile is said to be unknown the directory is read again, unless it is fresher than this. */
const PROFILES_MAX_AGE_MS = 5 * 60_000;
const MAX_TOLD_PROFILES = 20;

/**
 * What an order says besides its names. Asks the CA for nothing but its directory.
 * Throws `issuers.profile-unknown`, which lists what the CA offers.
 */
export async function orderTerms(
  spec: AcmeIssuerSpec,
  request: SigningRequest,
  session: AcmeSession,
  clock: Clock,
  signal: AbortSignal,
): Promise<OrderTerms> {
  const profile = request.profile ?? spec.profile;
  const owner = request.profile === undefined ? 'issuer' : 'certificate';
  if (profile !== undefined) await requireProfile(profile, owner, session, signal);
  const isReplacing =
    request.replaces !== undefined && (await session.directory(signal)).renewalInfo !== undefined;
  const { durationMs } = request.spec;
  const isLimited = spec.enableDurationFeature && durationMs !== undefined;
  return {
    ...(profile === undefined ? {} : { profile }),
    // RFC 9773, section 5: not to a CA that does not offer renewal information.
    ...(isReplacing ? { replaces: request.replaces } : {}),
    ...(isLimited ? { notAfter: new Date(clock.realNow().getTime() + durationMs) } : {}),
  };
}

/** Orders; once more without `replaces` where the CA will not have it (RFC 9773, section 5). */
export async function makeOrder(
  session: AcmeSession,
  identifiers: readonly AcmeIdentifier[],
  terms: OrderTerms,
  log: Log,
  signal: AbortSignal,
): Promise<AcmeOrder> {
  try {
    return await session.newOrder(identifiers, signal, terms);
  } catch (thrown) {
    const { replaces, ...others } = terms;
    if (replaces === undefined || !mayBeForReplaces(thrown)) throw thrown;
    log.info(
      { replaces, ...thrown.logFields() },
      'the CA does not take it as a replacement: ordered without',
    );
    return await session.newOrder(identifiers, signal, others);
  }
}

/** What certops allows itself at this CA is spent; the request stands and is gone on with in time. */
export function budgetSpent(refusal: BudgetRefusal, clock: Clock): IssuanceError {
  const { limit, identifiers, count, windowMs, until } = refusal;
  const names = identifiers.slice(0, 20).join(', ');
  // The ledger counts by real time; what is decided by may be moved.
  const at = new Date(clock.now().getTime() + until.getTime() - clock.realNow().getTime());
  const why: Readonly<Record<BudgetRefusal['limit'], string>> = {
    'new-orders': `${count} new orders in ${span(windowMs)} are what this account may ask for`,
    'failed-validations': `${names} failed ${count} validations in ${span(windowMs)}, and one more may lock the CA`,
    'same-names': `${count} certificates for exactly these names in ${span(windowMs)} are what the CA gives`,
    'name-in-progress': `Other orders are finding out whether ${names} can be validated`,
  };
  if (limit === 'name-in-progress') {
    return new IssuanceError(
      'issuers.order-taken',
      {
        what: 'Other Certificates with the same names have open orders',
        why: why[limit],
        next: 'It goes on by itself when they are done',
      },
      {
        failsRequest: false,
        retry: { when: 'backoff' },
        data: { identifiers, limit },
        facts: factsOfStep('new order'),
      },
    );
  }
  return new IssuanceError(
    'issuers.budget-spent',
    {
      what: 'The order waits, so that the limits of the CA are kept',
      why: why[limit],
      next: `It is ordered by itself from ${at.toISOString()}`,
    },
    {
      failsRequest: false,
      retry: { when: 'not-before', at },
      data: { limit, identifiers, count, windowMs },
      facts: factsOfStep('new order', limit === 'new-orders' ? 'issuer' : 'certificate'),
    },
  );
}

async function requireProfile(
  profile: string,
  owner: 'certificate' | 'issuer',
  session: AcmeSession,
  signal: AbortSignal,
): Promise<void> {
  const known = (await session.directory(signal)).profiles;
  if (known?.includes(profile)) return;
  const offered = (await session.directory(signal, PROFILES_MAX_AGE_MS)).profiles ?? [];
  if (offered.includes(profile)) return;
  const told = offered.slice(0, MAX_TOLD_PROFILES).join(', ');
  throw new IssuanceError(
    'issuers.profile-unknown',
    {
      what: `The CA has no profile "${profile}"`,
      why: offered.length === 0 ? 'It offers no profiles at all' : `It offers ${told}`,
      next: 'Correct spec.acme.profile of the issuer, or the annotation certops.dev/profile of the Certificate',
    },
    {
      failsRequest: true,
      retry: { when: 'never' },
      data: { profile, offered },
      facts: factsOfStep('new order', owner),
    },
  );
}

/** `alreadyReplaced` and `conflict` say so; a CA that knows no such field may call the order malformed. */
function mayBeForReplaces(thrown: unknown): thrown is AcmeProblemError {
  return (
    thrown instanceof AcmeProblemError &&
    (thrown.status === 409 || ['alreadyReplaced', 'conflict', 'malformed'].includes(thrown.problem.type))
  );
}

function span(ms: number): string {
  const hours = ms / 3_600_000;
  if (hours < 1) return `${Math.round(ms / 60_000)} min`;
  return hours < 48 ? `${hours} h` : `${hours / 24} days`;
}
