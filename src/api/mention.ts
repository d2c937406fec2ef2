const OURS = ['cert-manager.io', 'certmanager.k8s.io', 'certops.dev'];
const PEM_TEXT = 'PRIVATE KEY-----';
const AGE_TEXT = 'AGE-SECRET-KEY-';
// "-----BEGIN" as base64 writes it at the start of a value.
const BASE64_BEGIN = 'LS0tLS1CRUdJT';

type Finder = (needle: string) => boolean;

function isMentioned(has: Finder): boolean {
  if (OURS.some((group) => has(group))) return true;
  return has('Secret') && (has('sops') || has(PEM_TEXT) || has(AGE_TEXT) || has(BASE64_BEGIN));
}

/**
 * Whether bytes mention a group of ours or what could be a Secret that concerns us: sealed by SOPS, or
 * with a key in clear. A search, no parsing; see `mayDeclareManifests`.
 */
export function bytesMentionUs(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // UTF-16 is never read, but it has to be told: half of its bytes are zero.
  const isWide = bytes[0] === 0 || bytes[1] === 0 || (bytes[0] ?? 0) + (bytes[1] ?? 0) === 0xff + 0xfe;
  if (!isWide) return isMentioned((needle) => buffer.includes(needle, 0, 'latin1'));
  const narrow = buffer.toString('latin1').replaceAll('\0', '');
  return isMentioned((needle) => narrow.includes(needle));
}

/** Whether bytes mention CertificateRequestPolicies, in UTF-8 or UTF-16. */
export function bytesMentionPolicies(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return text.replaceAll('\0', '').includes('policy.cert-manager.io');
}

/** The same for one document's text. */
export function textMentionsUs(text: string): boolean {
  return isMentioned((needle) => text.includes(needle));
}

/**
 * Whether a document says in plain sight that it is of another apiVersion, so that it need not be parsed.
 * Only a key in the first column counts, so what is nested or quoted never hides a document of ours.
 */
export function isPlainlyForeign(text: string): boolean {
  const versions = [...text.matchAll(/^apiVersion:[ \t]*(\S*)/gm)].map((match) => match[1] ?? '');
  return versions.length > 0 && versions.every((version) => isForeignVersion(version));
}

function isForeignVersion(written: string): boolean {
  const version = written.replace(/^(["'])(.*)\1$/, '$2');
  // Anything that is not a plain group/version (a template, an alias, a tag, an escape) is looked at.
  if (!/^[a-z0-9.-]+(?:\/[a-z0-9]+)?$/.test(version)) return false;
  const group = version.split('/')[0] ?? '';
  return (
    version !== 'v1' &&
    !OURS.some((ours) => group === ours || group.endsWith(`.${ours}`)) &&
    !isNearlyOurs(group)
  );
}

/** Whether a group is one of ours but for two slips of the pen; false for the exact ones. */
export function isNearlyOurs(group: string): boolean {
  const groups = [...OURS, 'policy.cert-manager.io'];
  return groups.every((ours) => ours !== group) && groups.some((ours) => editDistance(group, ours) <= 2);
}

/** Levenshtein's distance; at least 3 for lengths that differ by more than 2. */
export function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Whether any document of a file has an apiVersion that is nearly one of ours; see `saysNearlyOurs`. */
export function bytesSayNearlyOurs(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.includes('apiVersion:')) return false;
  const versions = buffer.toString('latin1').matchAll(/^apiVersion:[ \t]*["']?([a-z0-9.-]+)\//gm);
  return [...new Set([...versions].map(([, group = '']) => group))].some((group) => isNearlyOurs(group));
}

/** Whether a document's apiVersion is nearly one of ours, which somebody may have meant. */
export function saysNearlyOurs(text: string): boolean {
  const version = /^apiVersion:[ \t]*["']?([a-z0-9.-]+)\//m.exec(text)?.[1];
  return version !== undefined && isNearlyOurs(version);
}
