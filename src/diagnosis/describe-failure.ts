import type { CertopsError, ErrorData } from '../lib/errors.ts';
import type { Failure, SolverFailure } from './failure.ts';

/** What is known of an attempt beyond its error. */
export type KnownFacts = Partial<
  Pick<Failure, 'step' | 'problem' | 'identifiers' | 'solver' | 'observations' | 'owner'>
>;

/** Errors that say what was being done; what it came to nothing for stands in their `data.cause`. */
const WRAPPERS: readonly string[] = [
  'issuers.ca-key-pair',
  'issuers.ca-unavailable',
  'issuers.contact-update-failed',
  'issuers.registration-failed',
];

/** Rooms whose codes say more than that something was being done. */
const TELLING_ROOMS: readonly string[] = ['acme', 'config', 'reconcile', 'sops'];

/** An error as plain data, with what the attempt knows besides. */
export function describeFailure(error: CertopsError, facts: KnownFacts = {}): Failure {
  const { explanation, retry, data } = error;
  const code = telling(error.code, data);
  const secret = secretOf(code, data);
  return {
    code,
    explanation,
    isForGood: retry.when === 'never',
    ...(retry.when === 'not-before' ? { notBefore: retry.at } : {}),
    ...(secret === undefined ? {} : { secret }),
    ...(code.startsWith('solvers.') ? { solver: solverOf(data) } : {}),
    ...(data.isConfiguration === true ? { owner: 'issuer' } : {}),
    ...facts,
    identifiers: facts.identifiers ?? [],
    observations: facts.observations ?? [],
  };
}

function telling(code: string, { cause }: ErrorData): string {
  if (typeof cause !== 'string' || !WRAPPERS.includes(code)) return code;
  return TELLING_ROOMS.includes(cause.slice(0, cause.indexOf('.'))) ? cause : code;
}

/** The file that could not be opened, or the Secret that is not there. */
function secretOf(code: string, { secret, where, identityCount }: ErrorData): string | undefined {
  if (typeof secret === 'string') return secret;
  // Without any identity nothing can be opened: that is not this file's trouble.
  const isOfFile = code.startsWith('sops.') && code !== 'sops.identity-invalid' && identityCount !== 0;
  return isOfFile && typeof where === 'string' ? where : undefined;
}

/** Whoever presents a challenge puts into its errors' data what it is configured with. */
function solverOf({ provider, nameserver, zone, credentialName, credentialKey }: ErrorData): SolverFailure {
  const hasCredential = typeof credentialName === 'string' && typeof credentialKey === 'string';
  return {
    type: typeof provider === 'string' ? 'dns-01' : 'http-01',
    provider: textOf(provider),
    server: textOf(nameserver),
    zone: textOf(zone),
    ...(hasCredential ? { credential: { name: credentialName, key: credentialKey } } : {}),
  };
}

function textOf(value: ErrorData[string]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
