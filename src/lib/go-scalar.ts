/** A YAML scalar as Go's yaml.v3 decodes it into an `interface{}`. */
export type GoScalar =
  | { readonly type: 'str'; readonly value: string }
  /** Decimal text; Go's int, 64 bits. */
  | { readonly type: 'int'; readonly value: string }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'null' }
  /** RFC 3339 as Go's `time.Time.MarshalText` writes it. */
  | { readonly type: 'time'; readonly value: string }
  /** An unsigned integer beyond 63 bits, which Go holds apart from int. */
  | { readonly type: 'uint'; readonly value: string };

const WORDS: ReadonlyMap<string, GoScalar> = new Map<string, GoScalar>([
  ...['true', 'True', 'TRUE'].map((word): [string, GoScalar] => [word, { type: 'bool', value: true }]),
  ...['false', 'False', 'FALSE'].map((word): [string, GoScalar] => [word, { type: 'bool', value: false }]),
  ...['', '~', 'null', 'Null', 'NULL'].map((word): [string, GoScalar] => [word, { type: 'null' }]),
  ...['.nan', '.NaN', '.NAN'].map((word): [string, GoScalar] => [word, { type: 'float', value: Number.NaN }]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word): [string, GoScalar] => [
    word,
    { type: 'float', value: Number.POSITIVE_INFINITY },
  ]),
  ...['-.inf', '-.Inf', '-.INF'].map((word): [string, GoScalar] => [
    word,
    { type: 'float', value: Number.NEGATIVE_INFINITY },
  ]),
]);

/**
 * Resolves an unquoted YAML scalar by the rules of Go's yaml.v3 (its `resolve.go`): YAML 1.2's words, but
 * 1.1's octals (`0777`), underscores (`1_000`), binaries and timestamps (`2024-01-02`).
 */
export function resolveGoScalar(text: string): GoScalar {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (/^\.[0-9]+([eE][-+]?[0-9]+)?$/.test(text)) return { type: 'float', value: Number(text) };
  if (!/^[-+0-9]/.test(text)) return { type: 'str', value: text };
  const time = goTimestamp(text);
  if (time !== undefined) return { type: 'time', value: time };
  const plain = text.replaceAll('_', '');
  const integer = goInteger(plain);
  if (integer !== undefined) {
    if (integer >= -(2n ** 63n) && integer < 2n ** 63n) return { type: 'int', value: integer.toString() };
    if (integer > 0n && integer < 2n ** 64n) return { type: 'uint', value: integer.toString() };
  }
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(plain)) {
    const value = Number(plain);
    // Go's ParseFloat refuses what does not fit, and the text stays a string.
    if (Number.isFinite(value)) return { type: 'float', value };
  }
  return { type: 'str', value: text };
}

/** Go's `strconv.FormatFloat(value, 'f', -1, 64)`: the shortest digits that round-trip, never an exponent. */
export function formatGoFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '0', exponentText] = String(Math.abs(value)).split('e');
  if (exponentText === undefined) return sign + mantissa;
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  const point = whole.length + Number(exponentText);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits.padEnd(point, '0');
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Go's `strconv.ParseInt(text, 0, 64)` without its range, and yaml.v3's `0o` and `0b` forms. */
function goInteger(text: string): bigint | undefined {
  const match = /^([-+]?)(?:(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)|0([0-7]+)|(0|[1-9][0-9]*))$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, sign, prefixed, octal, decimal] = match;
  const magnitude = BigInt(prefixed ?? (octal === undefined ? (decimal ?? '0') : `0o${octal}`));
  return sign === '-' ? -magnitude : magnitude;
}

function goTimestamp(text: string): string | undefined {
  const match =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?:([Tt ])(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d{1,9})?(Z|[-+]\d{2}:\d{2})?)?$/.exec(
      text,
    );
  if (match === null) return undefined;
  const [
    ,
    year = '',
    month = '',
    day = '',
    separator,
    hour = '0',
    minute = '0',
    second = '0',
    fraction = '',
    zone,
  ] = match;
  // With a T there must be a zone, with a space there must be none.
  if (separator !== undefined && (separator === ' ') !== (zone === undefined)) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  const two = (part: string): string => part.padStart(2, '0');
  const shortFraction = fraction.replace(/\.?0+$/, '');
  const offset = zone === undefined || /^[-+]00:00$/.test(zone) ? 'Z' : zone;
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${shortFraction}${offset}`;
}
