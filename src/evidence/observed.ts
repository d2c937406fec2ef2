import type { Observation } from '../diagnosis/failure.ts';
import type { Clock } from '../lib/clock.ts';
import type { HostPolicy } from '../lib/host-policy.ts';
import type { Log } from '../lib/log.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import type { DnsTransport } from '../solvers/dns/transport.ts';

export interface ObserverOptions {
  /** `host:port` or https URLs of recursive resolvers; empty: the system's. */
  readonly resolvers: readonly string[];
  readonly log: Log;
  readonly clock?: Clock | undefined;
  readonly hostPolicy?: HostPolicy | undefined;
  /** Where HTTP-01 is looked for; 80 but in tests. */
  readonly httpPort?: number | undefined;
  /** Where it is looked what is served; 443 but in tests. */
  readonly tlsPort?: number | undefined;
  /** PEM of whom to believe about what is served; whom Node trusts but in tests. */
  readonly roots?: readonly string[] | undefined;
  /** For each look; defaults to 3 s. */
  readonly timeoutMs?: number | undefined;
  /** For a whole call; defaults to 9 s. */
  readonly totalTimeoutMs?: number | undefined;
  /** How many names of a call are looked at; defaults to 10. */
  readonly maxNames?: number | undefined;
  /** How DNS messages travel; UDP, TCP and HTTPS unless told otherwise. */
  readonly transport?: DnsTransport | undefined;
}

/** A name that a CA could not validate, or that it would not have found validated. */
export interface ObservedName {
  /** The name as it was asked for, `*.` included; or an IP address. */
  readonly identifier: string;
  /** Undefined where none was answered: the name had been validated before. */
  readonly challengeType?: 'http-01' | 'dns-01' | undefined;
  /** What the CA was to find, where it is known. */
  readonly challenge?: { readonly token: string; readonly keyAuthorization: Sensitive<string> } | undefined;
  /** The certificate in use, where it covers the name. */
  readonly inForce?: KnownCertificate | undefined;
}

/** What tells a certificate from another. */
export interface KnownCertificate {
  /** SHA-256 of its DER, lower-case hex. */
  readonly fingerprintSHA256: string;
  readonly notBefore: Date;
  /** Whether certops has a certificate of this fingerprint on record, for whichever Certificate. */
  readonly isOnRecord?: ((fingerprintSHA256: string) => boolean) | undefined;
}

/** Who the CA is, by what CAA records know it. */
export interface ObservedCa {
  /** `meta.caaIdentities` of its directory (RFC 8555, section 7.1.1), lower case. */
  readonly caaIdentities?: readonly string[] | undefined;
  /** URL of the account. */
  readonly accountUri?: string | undefined;
}

export interface Observer {
  /**
   * Looks at each name as a CA does, and says what it saw: nothing more, for certops looks from elsewhere. Never
   * rejects and is over within 10 s; a signal that fires ends it sooner, with what was seen by then.
   */
  observe(
    names: readonly ObservedName[],
    ca: ObservedCa,
    signal: AbortSignal,
  ): Promise<readonly Observation[]>;
}
