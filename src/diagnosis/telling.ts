import type { SolverFailure } from './failure.ts';

const MAX_NAMES = 5;

/**
 * DNS names, wildcards and addresses, with a port; names of Secrets, and paths of plain characters. Anything else that a
 * stranger calls a name is not repeated in words of ours.
 */
const PLAIN = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_./:-]*[a-z0-9_])?$|^[0-9a-f:.[\]]+$/i;

/** `a.test, b.test and 3 more`; undefined where there is none that can be told. */
export function listNames(names: readonly string[]): string | undefined {
  const all = [...new Set(names)].filter(isPlain);
  if (all.length === 0) return undefined;
  const told = all.slice(0, MAX_NAMES);
  if (all.length > told.length) return `${told.join(', ')} and ${all.length - told.length} more`;
  const last = told.at(-1);
  return told.length === 1 ? last : `${told.slice(0, -1).join(', ')} and ${last}`;
}

/** `rfc2136 at ns1.example.com:53, zone example.com, key tsig of Secret dns`; undefined where nothing is known. */
export function tellSolver({
  provider,
  server,
  zone,
  credential,
}: Partial<SolverFailure> = {}): string | undefined {
  if (provider === undefined) return undefined;
  const parts = [
    isPlain(server) ? `${provider} at ${server}` : provider,
    ...(isPlain(zone) ? [`zone ${zone}`] : []),
    ...(isPlain(credential?.name) && isPlain(credential?.key)
      ? [`key ${credential.key} of Secret ${credential.name}`]
      : []),
  ];
  return parts.join(', ');
}

function isPlain(name: string | undefined): name is string {
  return name !== undefined && name.length <= 253 && PLAIN.test(name) && !name.includes('//');
}

/** With a capital at its beginning, where it does not begin with a name of our own. */
export function sentence(words: string): string {
  return /^(?:certops|\.)/.test(words) ? words : `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
