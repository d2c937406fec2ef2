import { isObjectIdentifier } from './object-identifier.ts';

/** The types that cert-manager knows in a `literalSubject` (RFC 4514, section 3, and Go's for the rest). */
const KNOWN_TYPES: ReadonlySet<string> = new Set([
  ...['C', 'O', 'OU', 'CN', 'SERIALNUMBER', 'L', 'ST', 'STREET', 'POSTALCODE', 'DC', 'UID'],
]);

/** A `literalSubject` as far as rules look at it. */
export interface LiteralSubject {
  /** The last CN, as cert-manager takes it; empty for none. */
  readonly commonName: string;
  readonly fault?: string | undefined;
}

/**
 * Reads an RFC 4514 string: attributes joined by `,` (or `+` within one relative name), each `TYPE=value`, with
 * `\` escapes, quoted values and `#hex`.
 */
export function readLiteralSubject(text: string): LiteralSubject {
  let commonName = '';
  for (const attribute of splitAttributes(text)) {
    const at = attribute.indexOf('=');
    const type = attribute.slice(0, Math.max(at, 0)).trim();
    if (at === -1 || type === '') return { commonName, fault: `"${attribute.trim()}" is no TYPE=value pair` };
    const value = unescaped(attribute.slice(at + 1));
    if (value === undefined) return { commonName, fault: `the value of ${type} is escaped wrongly` };
    // A type with dots is an OID, which needs no name.
    if (!KNOWN_TYPES.has(type) && !isObjectIdentifier(type)) {
      return { commonName, fault: `Literal subject contains unrecognized key with value [${value}]` };
    }
    if (type === 'CN') commonName = value;
  }
  return { commonName };
}

/** Cuts at unescaped, unquoted commas, semicolons and pluses. */
function splitAttributes(text: string): readonly string[] {
  const attributes: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === ',' || character === '+' || character === ';')) {
      attributes.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...attributes, text.slice(start)];
}

function unescaped(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed.startsWith('#')) return textOfHex(trimmed.slice(1));
  const isQuoted = trimmed.length > 1 && trimmed.startsWith('"') && trimmed.endsWith('"');
  const inner = isQuoted ? trimmed.slice(1, -1) : trimmed;
  if (/(?:^|[^\\])(?:\\\\)*"/.test(inner)) return undefined;
  if (/\\(?![ "#+,;<=>\\]|[0-9A-Fa-f]{2})/.test(inner)) return undefined;
  return inner.replace(/((?:\\[0-9A-Fa-f]{2})+)|\\(.)/g, (_, hex: string | undefined, character: string) =>
    hex === undefined ? character : Buffer.from(hex.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
}

/** The text of a DER string in hex (RFC 4514, section 2.4): tag, length, and exactly so many bytes. */
function textOfHex(hex: string): string | undefined {
  if (!/^(?:[0-9A-Fa-f]{2}){2,}$/.test(hex)) return undefined;
  const [tag = 0, first = 0, ...others] = Buffer.from(hex, 'hex');
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  // Tags of several bytes, lengths without an end and of more than two bytes are in no name.
  if ((tag & 0x1f) === 0x1f || first === 0x80 || lengthBytes > 2 || others.length < lengthBytes)
    return undefined;
  const length = others.slice(0, lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  // DER: the shortest form (X.690, 10.1).
  if (lengthBytes > 0 && (length < 0x80 || others[0] === 0)) return undefined;
  const content = others.slice(lengthBytes);
  if (content.length !== (lengthBytes === 0 ? first : length)) return undefined;
  return Buffer.from(content).toString('utf8');
}
