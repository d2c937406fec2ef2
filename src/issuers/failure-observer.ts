import type { AcmeSession } from '../acme/session.ts';
import type { Observation } from '../diagnosis/failure.ts';
import { asCertopsError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { factsOfStep } from './failure-facts.ts';
import {
  type CertificateInForce,
  IssuanceError,
  type OrderRecord,
  type OrderRecordAuthorization,
  type SigningRequest,
} from './issuer.ts';

/** A name that could not be validated, and what was to be found there. */
export interface FailedName {
  /** The name as it was asked for, `*.` included; or an IP address. */
  readonly identifier: string;
  /** Undefined where none was answered: the name had been validated before. */
  readonly challengeType?: 'http-01' | 'dns-01' | undefined;
  readonly challenge?: { readonly token: string; readonly keyAuthorization: Sensitive<string> } | undefined;
  /** The certificate in use, where it covers the name. */
  readonly inForce?: CertificateInForce | undefined;
}

/** Looks for itself when a validation fails. Never rejects, and is over within 10 s whatever happens. */
export interface FailureObserver {
  observe(
    names: readonly FailedName[],
    ca: {
      /** `meta.caaIdentities` of the directory (RFC 8555, section 7.1.1). */
      readonly caaIdentities?: readonly string[] | undefined;
      readonly accountUri?: string | undefined;
    },
    signal: AbortSignal,
  ): Promise<readonly Observation[]>;
}

/** An attempt that failed, while its challenges are still shown. */
export interface FailedAttempt {
  readonly request: SigningRequest;
  readonly record: OrderRecord;
  /** Authorizations whose challenge was not seen where the CA would look. */
  readonly unseen: readonly OrderRecordAuthorization[];
  readonly session: AcmeSession;
  readonly accountUri: string | undefined;
  readonly log: Log;
}

/**
 * The failure with what an observer saw of the names that it is about. Only what the world outside can be the cause of
 * is looked into: a failed validation, and a record that does not become visible. Never rejects.
 */
export async function withObservations(
  failure: unknown,
  attempt: FailedAttempt,
  observer: FailureObserver | undefined,
  signal: AbortSignal,
): Promise<unknown> {
  if (observer === undefined || signal.aborted || !(failure instanceof IssuanceError)) return failure;
  const authorizations = authorizationsOf(failure, attempt);
  if (authorizations.length === 0) return failure;
  try {
    const { session, accountUri } = attempt;
    const names = await Promise.all(authorizations.map((one) => describe(one, attempt)));
    // As it was read a moment ago; without it CAA records are told and not judged.
    const directory = await session.directory(signal).catch(() => undefined);
    const ca = { caaIdentities: directory?.caaIdentities, accountUri };
    const observations = await observer.observe(names, ca, signal);
    return observations.length === 0 ? failure : observed(failure, observations);
  } catch (thrown) {
    attempt.log.debug({ ...asCertopsError(thrown).logFields() }, 'a failed validation was not looked into');
    return failure;
  }
}

function authorizationsOf(
  { code, retry, facts }: IssuanceError,
  { record, unseen }: FailedAttempt,
): readonly OrderRecordAuthorization[] {
  if (code === 'solvers.dns-not-visible') return unseen;
  if (code !== 'issuers.validation-failed') return [];
  const failed = new Set(facts?.identifiers.map(({ identifier }) => identifier));
  // An order that fails as a whole may do so for any of its names, as where CAA is looked at once more.
  if (failed.size === 0) return retry.when === 'never' ? [] : record.authorizations;
  return record.authorizations.filter((authorization) => failed.has(nameOf(authorization)));
}

async function describe(
  authorization: OrderRecordAuthorization,
  { request, session }: FailedAttempt,
): Promise<FailedName> {
  const { challenge } = authorization;
  const identifier = nameOf(authorization);
  const named = { identifier, inForce: covers(request.inForce, identifier) ? request.inForce : undefined };
  if (challenge === undefined) return named;
  const { type: challengeType, token } = challenge;
  const keyAuthorization = new Sensitive(await session.keyAuthorization(token));
  return { ...named, challengeType, challenge: { token, keyAuthorization } };
}

function covers(certificate: CertificateInForce | undefined, identifier: string): boolean {
  const wildcard = `*.${identifier.split('.').slice(1).join('.')}`;
  return certificate?.dnsNames.some((name) => name === identifier || name === wildcard) === true;
}

function nameOf({ identifier, wildcard }: OrderRecordAuthorization): string {
  return wildcard ? `*.${identifier}` : identifier;
}

function observed(failure: IssuanceError, observations: readonly Observation[]): IssuanceError {
  const { code, explanation, failsRequest, retry, data, cause, facts } = failure;
  return new IssuanceError(code, explanation, {
    ...{ failsRequest, retry, data },
    facts: { ...(facts ?? factsOfStep('order')), observations },
    ...(cause === undefined ? {} : { cause }),
  });
}
