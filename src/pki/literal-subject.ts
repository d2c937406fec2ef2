import { CertopsError } from '../lib/errors.ts';
import { DerSyntaxError, readDer } from './der-reader.ts';
import { type DistinguishedName, NAME_OID, type NameAttribute } from './name-attributes.ts';

/** The types that cert-manager knows by name (`pki.attributeTypeNames`), and POSTALCODE as Go prints it. */
const TYPE_OIDS: Readonly<Record<string, string>> = {
  C: NAME_OID.country,
  O: NAME_OID.organization,
  OU: NAME_OID.organizationalUnit,
  CN: NAME_OID.commonName,
  SERIALNUMBER: NAME_OID.serialNumber,
  L: NAME_OID.locality,
  ST: NAME_OID.province,
  STREET: NAME_OID.streetAddress,
  POSTALCODE: NAME_OID.postalCode,
  DC: NAME_OID.domainComponent,
  UID: NAME_OID.userId,
};

/** Arcs of so many digits are exact numbers here and in Go. */
const OID = /^[0-2](?:\.\d{1,13})+$/;

/**
 * The name that a `literalSubject` (RFC 4514) means, as cert-manager takes it: what stands last in the text comes
 * first in the name, `+` joins attributes of one relative name, and a type is one of the known names or an OID.
 * Values may be escaped, quoted (RFC 2253, section 4) or `#` with the hex of a DER string, whose text counts.
 * Throws `pki.bad-literal-subject`.
 */
export function parseLiteralSubject(text: string): DistinguishedName {
  if (text.trim() === '') return [];
  const relativeNames: NameAttribute[][] = [[]];
  for (const { source, endsRelativeName } of splitAttributes(text)) {
    relativeNames.at(-1)?.push(parseAttribute(source, text));
    if (endsRelativeName) relativeNames.push([]);
  }
  return relativeNames.toReversed();
}

interface AttributeText {
  readonly source: string;
  /** Whether another relative name follows. */
  readonly endsRelativeName: boolean;
}

/** Cuts at commas, semicolons and pluses that are neither escaped nor quoted. */
function splitAttributes(text: string): readonly AttributeText[] {
  const attributes: AttributeText[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\') at += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === ',' || character === ';' || character === '+')) {
      attributes.push({ source: text.slice(start, at), endsRelativeName: character !== '+' });
      start = at + 1;
    }
  }
  return [...attributes, { source: text.slice(start), endsRelativeName: false }];
}

function parseAttribute(source: string, text: string): NameAttribute {
  const at = source.indexOf('=');
  const type = source.slice(0, Math.max(at, 0)).trim();
  const oid = TYPE_OIDS[type] ?? (OID.test(type) ? type : undefined);
  if (at < 0 || oid === undefined)
    throw malformed(text, `${JSON.stringify(source.trim())} has no known type`);
  const value = parseValue(trimUnescaped(source.slice(at + 1)));
  if (value === undefined) throw malformed(text, `The value of ${type} is escaped wrongly`);
  return { oid, value };
}

/** Spaces around a value do not count, but for an escaped one at its end. */
function trimUnescaped(text: string): string {
  const trimmed = text.trim();
  const isLastEscaped = /(?:^|[^\\])(?:\\\\)*\\$/.test(trimmed);
  return isLastEscaped && text.trimStart().length > trimmed.length ? `${trimmed} ` : trimmed;
}

function parseValue(text: string): string | undefined {
  if (text.startsWith('#')) return hexValue(text.slice(1));
  const isQuoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
  const inner = isQuoted ? text.slice(1, -1) : text;
  if (/\\(?![ "#+,;<=>\\]|[0-9A-Fa-f]{2})/.test(inner.replaceAll('\\\\', ''))) return undefined;
  return inner.replace(/((?:\\[0-9A-Fa-f]{2})+)|\\(.)/g, (_, hex: string | undefined, character: string) =>
    hex === undefined ? character : Buffer.from(hex.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
}

/** The text within a DER string, as go-ldap reads it. */
function hexValue(hex: string): string | undefined {
  if (!/^(?:[0-9A-Fa-f]{2})+$/.test(hex)) return undefined;
  try {
    return Buffer.from(readDer(Buffer.from(hex, 'hex')).content).toString('utf8');
  } catch (thrown) {
    if (thrown instanceof DerSyntaxError) return undefined;
    throw thrown;
  }
}

function malformed(text: string, why: string): CertopsError {
  return new CertopsError(
    'pki.bad-literal-subject',
    {
      what: `spec.literalSubject ${JSON.stringify(text)} is no distinguished name`,
      why,
      next: 'Write it as RFC 4514 does, for example CN=www.example.com,O=Example',
    },
    { retry: { when: 'never' } },
  );
}
