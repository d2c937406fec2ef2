/** What a CA must find at `/.well-known/acme-challenge/<token>` (RFC 8555, section 8.3). */
export interface Http01Challenge {
  /** The domain name or address being validated; for logs only. */
  readonly identifier: string;
  /** base64url, at most 128 characters. */
  readonly token: string;
  /** `token.thumbprint` (RFC 8555, section 8.1). */
  readonly keyAuthorization: string;
}

/** One challenge that is being shown. */
export interface Presentation {
  /** Stops showing it; safe to call more than once. */
  remove(): Promise<void>;
}

/**
 * Shows the answers to challenges where a CA looks for them. A presented challenge can be fetched when
 * `present` resolves, until `remove` is called. The same challenge may be presented several times at once;
 * it goes away with the last removal. Throws `CertopsError`.
 */
export interface ChallengePresenter {
  present(challenge: Http01Challenge): Promise<Presentation>;
}
