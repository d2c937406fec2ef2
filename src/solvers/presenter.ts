/** What a CA must find to believe that a name is ours. */
export interface Challenge {
  readonly type: 'http-01' | 'dns-01';
  /** The domain name or IP address being validated, without the `*.` of a wildcard. */
  readonly identifier: string;
  /** base64url, at most 128 characters. */
  readonly token: string;
  /** `token.thumbprint` (RFC 8555, section 8.1). */
  readonly keyAuthorization: string;
}

/** One challenge that is being shown. */
export interface Presentation {
  /**
   * Resolves when a CA may be told to look. Only delays, never proves anything: the CA looks for itself.
   * Throws `CertopsError` where it is plain that the CA would not find it; the challenge stays shown.
   */
  becomeVisible(signal: AbortSignal): Promise<void>;
  /** Stops showing it. Safe to call more than once; never rejects, and comes to an end by itself. */
  remove(): Promise<void>;
}

/**
 * Shows the answers to challenges where a CA looks for them. The same challenge may be presented several
 * times at once; it goes away with the last removal. Throws `CertopsError` (`solvers.…`) and the signal's
 * reason.
 */
export interface ChallengePresenter {
  present(challenge: Challenge, signal: AbortSignal): Promise<Presentation>;
  /**
   * Takes away what a process that is gone presented, unless it is being shown. Never rejects. Absent where
   * nothing outlives the process.
   */
  withdraw?(challenge: Challenge): Promise<void>;
}
