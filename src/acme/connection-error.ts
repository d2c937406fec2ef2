import { CertopsError, type CertopsErrorOptions, type Explanation } from '../lib/errors.ts';

export type AcmeConnectionCode =
  /** No connection, or one that broke: DNS, TCP, TLS. */
  | 'acme.unreachable'
  /** No complete answer in time. */
  | 'acme.timed-out'
  /** The host or address may not be reached. */
  | 'acme.host-refused'
  /** Plain HTTP where HTTPS is due, another origin than the directory's, or no URL at all. */
  | 'acme.url-refused'
  /** Bigger than any honest answer. */
  | 'acme.answer-too-large'
  /** A redirect; none is followed. */
  | 'acme.redirected'
  /** Not what RFC 8555 says stands there. */
  | 'acme.bad-answer'
  /** The directory has no keyChange. */
  | 'acme.no-key-change'
  /** The account key's type cannot sign for ACME. */
  | 'acme.unsupported-account-key';

/** Why no usable answer came from the CA. What the CA itself says is an `AcmeProblemError`. */
export class AcmeConnectionError extends CertopsError {
  declare readonly code: AcmeConnectionCode;
  /** True when the request may have been carried out although its answer never arrived. */
  readonly mayHaveBeenDone: boolean;

  constructor(
    code: AcmeConnectionCode,
    explanation: Explanation,
    options: CertopsErrorOptions & { readonly mayHaveBeenDone?: boolean } = {},
  ) {
    super(code, explanation, options);
    this.mayHaveBeenDone = options.mayHaveBeenDone ?? false;
  }
}

/** An answer that breaks the protocol; `what` names the part. */
export function badAnswer(url: string, what: string): AcmeConnectionError {
  return new AcmeConnectionError(
    'acme.bad-answer',
    {
      what: `The ACME server answered what RFC 8555 does not allow: ${what}`,
      next: 'Check that spec.acme.server is the URL of an ACME directory',
    },
    { data: { url } },
  );
}
