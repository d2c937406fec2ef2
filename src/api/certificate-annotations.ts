import { parseInstant } from '../lib/clock.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import { editDistance } from './mention.ts';

/** Issue again, once for each new value (RFC 3339); the contract's 1.3. */
export const RENEW_REQUESTED_AT = 'certops.dev/renew-requested-at';
/** Forget the back-off, once for each new value (RFC 3339); the contract's 1.3. */
export const RETRY_REQUESTED_AT = 'certops.dev/retry-requested-at';

const TEMPORARY_CERTIFICATE = 'cert-manager.io/issue-temporary-certificate';
const OWN_PREFIX = 'certops.dev/';
const INSTANTS: readonly string[] = [RENEW_REQUESTED_AT, RETRY_REQUESTED_AT, 'certops.dev/suspend-until'];
const UNSERVED: readonly string[] = [
  'certops.dev/suspend',
  'certops.dev/suspend-until',
  'certops.dev/profile',
  'certops.dev/fallback-issuers',
];
const PROBE = 'certops.dev/probe';
const KNOWN: readonly string[] = [...new Set([...INSTANTS, ...UNSERVED, PROBE])];
const OWN_DOMAIN = 'certops.dev';

/**
 * Checks the annotations that mean something to certops (contract 1.3) and returns the paths of those it
 * does not serve yet. An unknown one under `certops.dev/` is an error: a misspelt `suspend` must not order.
 */
export function checkCertificateAnnotations(
  errors: FieldErrors,
  annotations: Readonly<Record<string, string>>,
): readonly FieldPath[] {
  const unserved: FieldPath[] = [];
  for (const [name, value] of Object.entries(annotations)) {
    const path: FieldPath = ['metadata', 'annotations', name];
    if (name === TEMPORARY_CERTIFICATE && value === 'true') unserved.push(path);
    if (!name.startsWith(OWN_PREFIX)) {
      checkNearMiss(errors, name);
      continue;
    }
    if (INSTANTS.includes(name) && parseInstant(value) === undefined) {
      errors.invalid(path, value, 'must be an RFC 3339 time, for example 2027-02-20T11:22:33Z');
    }
    if (UNSERVED.includes(name)) unserved.push(path);
    else if (name === PROBE) errors.noEffect(path, 'certops does not probe endpoints yet');
    else if (!INSTANTS.includes(name)) {
      errors.unknownField(['metadata', 'annotations'], name, hintFor(name));
    }
  }
  return unserved;
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
