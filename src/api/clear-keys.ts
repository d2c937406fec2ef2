// Assembled, so that a scan of this very source for keys finds none.
const PEM_KEY = new RegExp(`-----BEGIN ${'[A-Z0-9 ]{0,30}'}PRIVATE KEY(?: BLOCK)?-----`);
const AGE_IDENTITY = /AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{50}/i;

/** The offset of a private key in clear (PEM, OpenPGP, age) in a text, or -1. */
export function clearKeyOffset(text: string): number {
  const pem = text.search(PEM_KEY);
  return pem === -1 ? text.search(AGE_IDENTITY) : pem;
}

/**
 * The path of a private key in clear among values, base64 as in a Secret's `data` included; undefined for
 * none. Depth and size are bounded by what was read.
 */
export function clearKeyPath(
  value: unknown,
  path: readonly (string | number)[] = [],
): readonly (string | number)[] | undefined {
  if (typeof value === 'string') return holdsKey(value) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const found = clearKeyPath(member, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

// "-----BEGIN PRIVATE KEY-----", the shortest of all marks, in clear; in base64 it is longer.
const SHORTEST_MARK = 27;

function holdsKey(text: string): boolean {
  if (text.length < SHORTEST_MARK) return false;
  if (clearKeyOffset(text) !== -1) return true;
  const compact = text.replace(/\s/g, '');
  if (compact.length < 40 || !/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return false;
  return clearKeyOffset(Buffer.from(compact, 'base64').toString('latin1')) !== -1;
}

export const CLEAR_KEY_MESSAGE =
  'a private key stands here in clear: it is burnt. Whoever can read the repository or its history has it, ' +
  'so taking it out is not enough: revoke what it protects, make a new key, and commit that one sealed with sops';
