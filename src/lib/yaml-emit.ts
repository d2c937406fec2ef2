/** What the emitter writes itself: JSON's values, undefined members left out. */
type Plain = string | number | boolean | null | undefined | readonly Plain[] | PlainMap;
interface PlainMap {
  readonly [key: string]: Plain;
}

/**
 * Strings that every YAML reader, 1.1 or 1.2, takes for exactly themselves without quotes: they begin with a
 * letter, `/` or `_`, hold no indicator that counts within a block scalar, and are no word of YAML 1.1.
 */
const SAFE = /^[A-Za-z/_](?:[\w./+=@,;()[\]'"-]|:(?=[^ ])| (?=[^ #]))*$/;
const WORD_OF_YAML = /^(?:y|n|yes|no|on|off|true|false|null|e[-+]?[\d_]*)$/i;

/**
 * Writes one document in block style, indent 2, lists indented below their key; many times faster than a
 * general emitter, for the plain documents that certops writes all day. Undefined for what is not plain
 * (Maps, dates, numbers that JSON does not have).
 */
export function emitPlainYaml(document: unknown): string | undefined {
  if (!isPlainMap(document) || Object.keys(document).length === 0) return undefined;
  const lines: string[] = [];
  return emitMap(document, '', lines) ? `${lines.join('\n')}\n` : undefined;
}

function emitMap(map: PlainMap, indent: string, lines: string[]): boolean {
  return Object.entries(map).every(
    ([key, value]) => value === undefined || emitValue(`${indent}${scalar(key)}:`, value, indent, lines),
  );
}

function emitValue(head: string, value: Plain, indent: string, lines: string[]): boolean {
  if (Array.isArray(value)) {
    if (value.length === 0) return lines.push(`${head} []`) > 0;
    lines.push(head);
    return value.every((item) => emitItem(item, `${indent}  `, lines));
  }
  if (typeof value === 'object' && value !== null) {
    if (!isPlainMap(value)) return false;
    if (Object.values(value).every((member) => member === undefined)) return lines.push(`${head} {}`) > 0;
    lines.push(head);
    return emitMap(value, `${indent}  `, lines);
  }
  const text = leaf(value);
  return text !== undefined && lines.push(`${head} ${text}`) > 0;
}

function emitItem(item: Plain, indent: string, lines: string[]): boolean {
  if (Array.isArray(item)) return false; // lists of lists: nothing of ours has any
  if (!isPlainMap(item) || Object.keys(item).length === 0)
    return emitValue(`${indent}-`, item, indent, lines);
  const start = lines.length;
  if (!emitMap(item, `${indent}  `, lines) || lines.length === start) return false;
  lines[start] = `${indent}- ${(lines[start] as string).slice(indent.length + 2)}`;
  return true;
}

function leaf(value: Plain): string | undefined {
  if (typeof value === 'string') return scalar(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined;
  return value === null || typeof value === 'boolean' ? String(value) : undefined;
}

/** JSON's escapes are YAML's; what YAML 1.1 takes for a line break or cannot print is escaped, too. */
function scalar(text: string): string {
  if (SAFE.test(text) && !WORD_OF_YAML.test(text)) return text;
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function isPlainMap(value: unknown): value is PlainMap {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
