import { parseInstant } from '../lib/clock.ts';
import type { CertificateDirectives, FallbackIssuer } from './certificate.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import { subdomainFault } from './kubernetes-names.ts';
import { editDistance } from './mention.ts';

/** Issue again, once for each new value (RFC 3339); the contract's 1.3. */
export const RENEW_REQUESTED_AT = 'certops.dev/renew-requested-at';
/** Forget the back-off, once for each new value (RFC 3339); the contract's 1.3. */
export const RETRY_REQUESTED_AT = 'certops.dev/retry-requested-at';

const TEMPORARY_CERTIFICATE = 'cert-manager.io/issue-temporary-certificate';
const OWN_PREFIX = 'certops.dev/';
/** Order nothing, for this reason; the contract's 1.3. */
export const SUSPEND = 'certops.dev/suspend';
/** The end of a suspension (RFC 3339); the contract's 1.3. */
export const SUSPEND_UNTIL = 'certops.dev/suspend-until';
const PROFILE = 'certops.dev/profile';
const INSTANTS: readonly string[] = [RENEW_REQUESTED_AT, RETRY_REQUESTED_AT, SUSPEND_UNTIL];
const FALLBACK_ISSUERS = 'certops.dev/fallback-issuers';
const SERVED: readonly string[] = [...INSTANTS, SUSPEND, PROFILE, FALLBACK_ISSUERS];
const PROBE = 'certops.dev/probe';
const KNOWN: readonly string[] = [...SERVED, PROBE];
const OWN_DOMAIN = 'certops.dev';
const RFC_3339 = 'must be an RFC 3339 time, for example 2027-02-20T11:22:33Z';

/**
 * Checks the annotations that mean something to certops (contract 1.3) and reads them. An unknown one under
 * `certops.dev/` is an error: a misspelt `suspend` must not order.
 */
export function readDirectives(
  errors: FieldErrors,
  annotations: Readonly<Record<string, string>>,
): CertificateDirectives {
  for (const [name, value] of Object.entries(annotations)) {
    const path: FieldPath = ['metadata', 'annotations', name];
    if (!name.startsWith(OWN_PREFIX)) {
      checkNearMiss(errors, name);
      continue;
    }
    if (INSTANTS.includes(name) && parseInstant(value) === undefined) {
      errors.invalid(path, value, RFC_3339);
    }
    if (name === SUSPEND && value.trim() === '') errors.required(path, 'say why nothing is to be ordered');
    if (name === PROFILE && !/^[\x21-\x7e]{1,64}$/.test(value)) {
      errors.invalid(path, value, 'must be the name of a profile: 1 to 64 characters without spaces');
    }
    if (name === FALLBACK_ISSUERS) checkFallbackIssuers(errors, path, value);
    if (name === PROBE) errors.noEffect(path, 'certops does not probe endpoints yet');
    else if (!SERVED.includes(name)) {
      errors.unknownField(['metadata', 'annotations'], name, hintFor(name));
    }
  }
  if (annotations[SUSPEND_UNTIL] !== undefined && annotations[SUSPEND] === undefined) {
    errors.noEffect(['metadata', 'annotations', SUSPEND_UNTIL], `nothing is suspended without ${SUSPEND}`);
  }
  return directivesOf(annotations);
}

function directivesOf(annotations: Readonly<Record<string, string>>): CertificateDirectives {
  const instant = (name: string): Date | undefined => parseInstant(annotations[name] ?? '');
  const reason = annotations[SUSPEND];
  const profile = annotations[PROFILE];
  return {
    ...(reason === undefined ? {} : { suspend: { reason, until: instant(SUSPEND_UNTIL) } }),
    renewRequestedAt: instant(RENEW_REQUESTED_AT),
    retryRequestedAt: instant(RETRY_REQUESTED_AT),
    ...(profile === undefined ? {} : { profile }),
    fallbackIssuers: readFallbackIssuers(annotations[FALLBACK_ISSUERS] ?? '') ?? [],
    wantsTemporaryCertificate: annotations[TEMPORARY_CERTIFICATE] === 'true',
  };
}

// Each is one more to be looked at for every Certificate that has them.
const MAX_FALLBACK_ISSUERS = 10;

/** `Kind/name, Kind/name`; undefined for anything else. */
function readFallbackIssuers(text: string): readonly FallbackIssuer[] | undefined {
  if (text === '') return undefined;
  const issuers: FallbackIssuer[] = [];
  for (const part of text.split(',')) {
    const [kind, name = '', ...others] = part.trim().split('/');
    if ((kind !== 'Issuer' && kind !== 'ClusterIssuer') || others.length > 0) return undefined;
    if (subdomainFault(name) !== undefined) return undefined;
    issuers.push({ kind, name });
  }
  return issuers.length > MAX_FALLBACK_ISSUERS ? undefined : issuers;
}

function checkFallbackIssuers(errors: FieldErrors, path: FieldPath, value: string): void {
  if (readFallbackIssuers(value) !== undefined) return;
  const detail =
    `must be 1 to ${MAX_FALLBACK_ISSUERS} issuers in order, for example ` +
    'ClusterIssuer/letsencrypt-backup, Issuer/internal';
  errors.invalid(path, value, detail);
}

/** Reads the one annotation that means something on an issuer, and tells of those that do on a Certificate alone. */
export function readIssuerRetry(
  errors: FieldErrors,
  annotations: Readonly<Record<string, string>>,
): Date | undefined {
  for (const [name, value] of Object.entries(annotations)) {
    const path: FieldPath = ['metadata', 'annotations', name];
    if (name === RETRY_REQUESTED_AT) {
      if (parseInstant(value) === undefined) errors.invalid(path, value, RFC_3339);
    } else if (name.startsWith(OWN_PREFIX)) {
      errors.noEffect(path, 'of the annotations of certops an issuer has retry-requested-at alone');
    } else checkNearMiss(errors, name);
  }
  return parseInstant(annotations[RETRY_REQUESTED_AT] ?? '');
}

/** Tells of a key that is one of ours but for a slip of the pen in its domain. */
function checkNearMiss(errors: FieldErrors, name: string): void {
  const [domain = '', key, ...others] = name.split('/');
  if (key === undefined || others.length > 0) return;
  const known = [...KNOWN, TEMPORARY_CERTIFICATE].find(
    (each) =>
      each.split('/')[1] === key &&
      [OWN_DOMAIN, 'cert-manager.io'].some(
        (ours) => each.startsWith(`${ours}/`) && domain !== ours && editDistance(domain, ours) <= 2,
      ),
  );
  if (known === undefined) return;
  const path: FieldPath = ['metadata', 'annotations', name];
  errors.nearMiss(path, `nothing reads this annotation; did you mean ${known}?`);
}

/** The annotation of certops that a key was meant to be: equal but for case and two slips of the pen. */
export function meantAnnotation(name: string): string | undefined {
  return KNOWN.find((known) => editDistance(known.toLowerCase(), name.toLowerCase()) <= 2);
}

function hintFor(name: string): string {
  const meant = meantAnnotation(name);
  return meant === undefined ? '' : ` (did you mean "${meant}"?)`;
}
