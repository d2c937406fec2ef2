import { CertopsError } from '../lib/errors.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { type StoreError, unreachable } from './errors.ts';

/** User name and token for an HTTPS remote. */
export interface Credentials {
  readonly username: string;
  readonly token: Sensitive<string>;
}

/**
 * Gives the credentials that count now; asked before each request and each process, so whoever gives them keeps them.
 * `refused`: the token that the server has just not accepted; it is not to be given again. Throws a CertopsError, or the
 * signal's reason.
 */
export type CredentialSource = (
  refused: Sensitive<string> | undefined,
  signal: AbortSignal,
) => Promise<Credentials>;

/** What one request or one process shows. */
export interface Authorization {
  /** Value of the `Authorization` header. */
  readonly header: Sensitive<string>;
  /** Another one, after the server did not accept this; undefined: there is no other. Throws as `Authorize` does. */
  readonly renew?: Authorize | undefined;
}

/** Throws `store.unreachable` where there are no credentials just now, or the signal's reason. */
export type Authorize = (signal: AbortSignal) => Promise<Authorization>;

/** The header of HTTP's basic authentication (RFC 7617). */
export function authorizeBy(credentials: Credentials | CredentialSource): Authorize {
  if (typeof credentials !== 'function') return async () => ({ header: basic(credentials) });
  const ask = async (refused: Sensitive<string> | undefined, signal: AbortSignal): Promise<Authorization> => {
    const given = await credentials(refused, signal).catch((thrown: unknown) => {
      throw signal.aborted && !isTimeout(signal.reason) ? signal.reason : noCredentials(thrown);
    });
    return { header: basic(given), renew: (other) => ask(given.token, other) };
  };
  return (signal) => ask(undefined, signal);
}

function basic({ username, token }: Credentials): Sensitive<string> {
  return token.map((text) => `Basic ${Buffer.from(`${username}:${text}`).toString('base64')}`);
}

/** Whatever keeps the token away: to those who read and write it is the remote that cannot be reached. */
function noCredentials(thrown: unknown): StoreError {
  if (!(thrown instanceof CertopsError)) {
    return unreachable('The token for it was not given in time', { cause: thrown });
  }
  const { code, explanation, retry } = thrown;
  const { what, why, next } = explanation;
  return unreachable(
    ['There is no token for it', what, why, next].filter((part) => part !== undefined).join('. '),
    {
      data: { tokenError: code },
      // Whoever runs already goes on: a person may mend it meanwhile.
      retry: retry.when === 'not-before' ? retry : { when: 'backoff' },
      cause: thrown,
    },
  );
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'TimeoutError';
}
