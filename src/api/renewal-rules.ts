import { parseCron } from '../lib/cron.ts';
import { parseGoDuration } from '../lib/go-duration.ts';
import type { CertificateSpecShape } from './certificate-schema.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';

/** The milliseconds of a Go duration; undefined where it is absent or, then told, is none. */
export function checkDuration(
  errors: FieldErrors,
  path: FieldPath,
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseGoDuration(text);
  if (ms === undefined) {
    errors.invalid(
      path,
      text,
      'must be a Go duration of hours, minutes and seconds, for example 2160h or 1h30m',
    );
  }
  return ms;
}

const RENEWAL: FieldPath = ['spec', 'renewal'];
/** Each is looked through day by day; cert-manager sets no limit, and nobody needs as many. */
const MAX_WINDOWS = 100;

/** Checks `spec.renewal` as cert-manager's webhook does (`validateCertificateRenewal`). */
export function checkRenewal(errors: FieldErrors, renewal: CertificateSpecShape['renewal']): void {
  if (renewal === undefined) return;
  const { policy, windows = [] } = renewal;
  if (policy === undefined) errors.notSupported([...RENEWAL, 'policy'], '', ['Disabled', 'RenewBefore']);
  if (policy === 'Disabled') {
    const detail = 'windows cannot be set when `renewal.policy` is set to Disabled';
    if (windows.length > 0) errors.forbidden([...RENEWAL, 'windows'], detail);
    return;
  }
  if (windows.length > MAX_WINDOWS) errors.tooMany([...RENEWAL, 'windows'], windows.length, MAX_WINDOWS);
  for (const [index, window] of windows.slice(0, MAX_WINDOWS).entries()) {
    checkWindow(errors, [...RENEWAL, 'windows', index], window);
  }
}

type Window = NonNullable<NonNullable<CertificateSpecShape['renewal']>['windows']>[number];

function checkWindow(errors: FieldErrors, path: FieldPath, window: Window): void {
  const { cron, windowDuration, timezone = '' } = window;
  const ms = checkDuration(errors, [...path, 'windowDuration'], windowDuration);
  if (ms !== undefined && ms <= 0) {
    const detail = 'windowDuration must be specified and should be greater than 0';
    errors.invalid([...path, 'windowDuration'], windowDuration, detail);
  }
  if (timezone !== '' && !isTimeZone(timezone)) {
    const detail = 'invalid value for timezone. timezone must be IANA compliant';
    errors.invalid([...path, 'timezone'], timezone, detail);
  }
  const parsed = parseCron(cron);
  if ('fault' in parsed) errors.invalid([...path, 'cron'], cron, `invalid cron syntax: ${parsed.fault}`);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    // Offsets are no names: Go's time.LoadLocation knows none.
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}
