import { parseInstant } from '../lib/clock.ts';
import type { CertificateDirectives } from './certificate.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import { editDistance } from './mention.ts';

/** Issue again, once for each new value (RFC 3339); the contract's 1.3. */
export const RENEW_REQUESTED_AT = 'certops.dev/renew-requested-at';
/** Forget the back-off, once for each new value (RFC 3339); the contract's 1.3. */
export const RETRY_REQUESTED_AT = 'certops.dev/retry-requested-at';

const TEMPORARY_CERTIFICATE = 'cert-manager.io/issue-temporary-certificate';
const OWN_PREFIX = 'certops.dev/';
/** Order nothing, for this reason; the contract's 1.3. */
export const SUSPEND = 'certops.dev/suspend';
const SUSPEND_UNTIL = 'certops.dev/suspend-until';
const PROFILE = 'certops.dev/profile';
const INSTANTS: readonly string[] = [RENEW_REQUESTED_AT, RETRY_REQUESTED_AT, SUSPEND_UNTIL];
const SERVED: readonly string[] = [...INSTANTS, SUSPEND, PROFILE];
const UNSERVED: readonly string[] = ['certops.dev/fallback-issuers'];
const PROBE = 'certops.dev/probe';
const KNOWN: readonly string[] = [...SERVED, ...UNSERVED, PROBE];
const OWN_DOMAIN = 'certops.dev';

/** What the annotations of a Certificate ask for, and the paths of those that are not served yet. */
export interface ReadDirectives {
  readonly directives: CertificateDirectives;
  readonly unserved: readonly FieldPath[];
}

/**
 * Checks the annotations that mean something to certops (contract 1.3) and reads them. An unknown one under
 * `certops.dev/` is an error: a misspelt `suspend` must not order.
 */
export function readDirectives(
  errors: FieldErrors,
  annotations: Readonly<Record<string, string>>,
): ReadDirectives {
  const unserved: FieldPath[] = [];
  for (const [name, value] of Object.entries(annotations)) {
    const path: FieldPath = ['metadata', 'annotations', name];
    if (!name.startsWith(OWN_PREFIX)) {
      checkNearMiss(errors, name);
      continue;
    }
    if (INSTANTS.includes(name) && parseInstant(value) === undefined) {
      errors.invalid(path, value, 'must be an RFC 3339 time, for example 2027-02-20T11:22:33Z');
    }
    if (name === SUSPEND && value.trim() === '') errors.required(path, 'say why nothing is to be ordered');
    if (name === PROFILE && !/^[\x21-\x7e]{1,64}$/.test(value)) {
      errors.invalid(path, value, 'must be the name of a profile: 1 to 64 characters without spaces');
    }
    if (UNSERVED.includes(name)) unserved.push(path);
    else if (name === PROBE) errors.noEffect(path, 'certops does not probe endpoints yet');
    else if (!SERVED.includes(name)) {
      errors.unknownField(['metadata', 'annotations'], name, hintFor(name));
    }
  }
  if (annotations[SUSPEND_UNTIL] !== undefined && annotations[SUSPEND] === undefined) {
    errors.noEffect(['metadata', 'annotations', SUSPEND_UNTIL], `nothing is suspended without ${SUSPEND}`);
  }
  return { directives: directivesOf(annotations), unserved };
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
    wantsTemporaryCertificate: annotations[TEMPORARY_CERTIFICATE] === 'true',
  };
}

/** Tells of annotations on an issuer that only mean something on a Certificate. */
export function checkIssuerAnnotations(
  errors: FieldErrors,
  annotations: Readonly<Record<string, string>>,
): void {
  for (const name of Object.keys(annotations)) {
    const path: FieldPath = ['metadata', 'annotations', name];
    if (name.startsWith(OWN_PREFIX)) {
      errors.noEffect(path, 'the annotations of certops are read on Certificates');
    } else checkNearMiss(errors, name);
  }
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

function hintFor(name: string): string {
  const meant = KNOWN.find((known) => editDistance(known.toLowerCase(), name.toLowerCase()) <= 2);
  return meant === undefined ? '' : ` (did you mean "${meant}"?)`;
}
