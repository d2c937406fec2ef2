import { cutText } from '../../lib/cut-text.ts';
import {
  CertopsError,
  type CertopsErrorOptions,
  type ErrorData,
  type Explanation,
} from '../../lib/errors.ts';
import { printable } from '../../lib/printable.ts';

const MAX_QUOTED_CHARACTERS = 120;

/** `solvers.dns-…` and `solvers.tsig-…`: something about DNS that time or a person can mend. */
export class DnsError extends CertopsError {
  /** The errno of a connection that failed at once, undefined for anything else. */
  readonly errno: string | undefined;

  constructor(
    code: string,
    explanation: Explanation,
    options: CertopsErrorOptions & { readonly errno?: string | undefined } = {},
  ) {
    super(code, explanation, options);
    this.errno = options.errno;
  }

  /** The same error with more data; what it says itself counts. */
  with(data: ErrorData): DnsError {
    const { code, explanation, retry, cause, errno } = this;
    const merged = { ...data, ...this.data };
    return new DnsError(code, explanation, {
      retry,
      errno,
      data: merged,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/** Text that came out of DNS, fit for a message: one line of printable characters, bounded. */
export function quoted(text: string): string {
  return cutText(printable(text), MAX_QUOTED_CHARACTERS);
}

/** `solvers.dns-bad-answer`: bytes that are no DNS message within our limits. */
export function badAnswer(why: string): DnsError {
  return new DnsError('solvers.dns-bad-answer', { what: 'A DNS server gave an unreadable answer', why });
}
