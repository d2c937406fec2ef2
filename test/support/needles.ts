/** A secret to look for. */
export type Needle = string | Uint8Array;

/** A form in which a secret may stand in clear. */
export interface NeedlePattern {
  readonly what: string;
  readonly bytes: Buffer;
  /** Base64 and hex are also looked for with line breaks and spaces taken out. */
  readonly isEncoded: boolean;
}

const PRIVATE_KEY_TAIL = 'PRIVATE KEY-----';
// The words that stand between BEGIN and PRIVATE KEY: RFC 7468, OpenSSL's older labels, OpenSSH's.
const PRIVATE_KEY_WORDS = ['', 'RSA ', 'EC ', 'DSA ', 'ENCRYPTED ', 'OPENSSH ', 'ANY '];
const AGE_IDENTITY = 'AGE-SECRET-KEY-';

/** The built-in patterns and every encoding of the given needles. Throws when a needle is too short to mean anything. */
export function compileNeedles(needles: readonly Needle[]): readonly NeedlePattern[] {
  const patterns: NeedlePattern[] = [];
  for (const word of PRIVATE_KEY_WORDS) {
    patterns.push(plain('private key (PEM)', `-----BEGIN ${word}${PRIVATE_KEY_TAIL}`));
  }
  // The tail is the same in all of them, so its base64 finds every label.
  patterns.push(...encoded('private key (PEM)', Buffer.from(PRIVATE_KEY_TAIL)));
  patterns.push(plain('age identity', AGE_IDENTITY), ...encoded('age identity', Buffer.from(AGE_IDENTITY)));
  for (const [index, needle] of needles.entries()) {
    const bytes = Buffer.from(needle);
    if (bytes.length < 8)
      throw new Error(`needle ${index} has ${bytes.length} bytes: it would match anything`);
    const what = `needle ${index}`;
    patterns.push({ what, bytes, isEncoded: false }, ...encoded(what, bytes));
  }
  return patterns;
}

/** The kinds of secrets that stand in clear in `content`, each once. */
export function findInClear(content: Uint8Array, patterns: readonly NeedlePattern[]): readonly string[] {
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  let squeezed: Buffer | undefined;
  const found = new Set<string>();
  for (const pattern of patterns) {
    if (buffer.includes(pattern.bytes)) found.add(pattern.what);
    else if (pattern.isEncoded) {
      squeezed ??= withoutWhitespace(buffer);
      if (squeezed.includes(pattern.bytes)) found.add(pattern.what);
    }
  }
  return [...found];
}

function plain(what: string, text: string): NeedlePattern {
  return { what, bytes: Buffer.from(text), isEncoded: false };
}

/** Base64 at each of the three alignments, in both alphabets, and hex in both cases. */
function encoded(what: string, bytes: Buffer): readonly NeedlePattern[] {
  const forms: NeedlePattern[] = [];
  for (const lead of [0, 1, 2]) {
    // Characters that also hold bits of what stands before or after are cut away.
    const base64 = Buffer.concat([Buffer.alloc(lead), bytes])
      .toString('base64')
      .replaceAll('=', '');
    const stable = base64.slice(lead === 0 ? 0 : lead + 1, Math.floor(((lead + bytes.length) * 8) / 6));
    const base64url = stable.replaceAll('+', '-').replaceAll('/', '_');
    forms.push({ what: `${what}, base64`, bytes: Buffer.from(stable), isEncoded: true });
    if (base64url !== stable) {
      forms.push({ what: `${what}, base64url`, bytes: Buffer.from(base64url), isEncoded: true });
    }
  }
  const hex = bytes.toString('hex');
  forms.push({ what: `${what}, hex`, bytes: Buffer.from(hex), isEncoded: true });
  forms.push({ what: `${what}, hex`, bytes: Buffer.from(hex.toUpperCase()), isEncoded: true });
  return forms;
}

function withoutWhitespace(buffer: Buffer): Buffer {
  return Buffer.from(buffer.toString('latin1').replaceAll(/\s+/g, ''), 'latin1');
}
