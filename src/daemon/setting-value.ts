import { CertopsError } from '../lib/errors.ts';

/** The value of a setting, before it is looked at. */
export interface Found {
  readonly text: string;
  /** Where it came from, for errors. */
  readonly from: string;
}

/** The one error of a configuration; `what` names where the value came from. Secrets are not quoted. */
export function invalid(what: string, next?: string, cause?: unknown): CertopsError {
  return new CertopsError('config.invalid', { what, next }, { retry: { when: 'never' }, cause });
}
