import { InternalError } from '../../lib/errors.ts';
import { formatGoFloat, resolveGoScalar } from '../../lib/go-scalar.ts';

// SOPS indents by 4 (getsops/sops stores/yaml); what stands behind a list's dash is 2 further in, and Go's emitter goes
// on from there to the next multiple of 4.
const INDENT = 4;
const LIST_INDENT = 2;

/**
 * Writes a document as SOPS does (indentation, block style, plain scalars where Go would read them back as the same
 * text, armored keys as literal blocks), so that `sops updatekeys` changes no line that it need not. What is not
 * plainly safe is quoted with every character escaped that a YAML 1.1 reader might take for a line break.
 *
 * @throws InternalError for values that JSON does not have, and numbers that do not survive.
 */
export function emitYaml(document: Readonly<Record<string, unknown>>): string {
  const lines: string[] = [];
  emitEntries(document, 0, lines);
  return `${lines.join('\n')}\n`;
}

function emitEntries(record: Readonly<Record<string, unknown>>, indent: number, lines: string[]): void {
  for (const [key, value] of Object.entries(record)) {
    emitValue(`${' '.repeat(indent)}${scalarText(key)}:`, value, indent, lines);
  }
}

function emitValue(head: string, value: unknown, indent: number, lines: string[]): void {
  if (Array.isArray(value)) {
    if (value.length === 0) lines.push(`${head} []`);
    else {
      lines.push(head);
      for (const item of value) emitItem(item, innerIndent(indent), lines);
    }
  } else if (isRecord(value)) {
    if (Object.keys(value).length === 0) lines.push(`${head} {}`);
    else {
      lines.push(head);
      emitEntries(value, innerIndent(indent), lines);
    }
  } else if (typeof value === 'string' && isLiteralBlock(value)) {
    lines.push(`${head} |`, ...blockLines(value, innerIndent(indent)));
  } else {
    lines.push(`${head} ${leafText(value)}`);
  }
}

function emitItem(item: unknown, indent: number, lines: string[]): void {
  const dash = `${' '.repeat(indent)}-`;
  if (Array.isArray(item) && item.length > 0) {
    // A list in a list: the inner dashes stand behind the outer one.
    const inner: string[] = [];
    for (const member of item) emitItem(member, indent + LIST_INDENT, inner);
    lines.push(...behindDash(inner, dash, indent));
  } else if (isRecord(item) && Object.keys(item).length > 0) {
    const inner: string[] = [];
    emitEntries(item, indent + LIST_INDENT, inner);
    lines.push(...behindDash(inner, dash, indent));
  } else {
    lines.push(`${dash} ${Array.isArray(item) ? '[]' : isRecord(item) ? '{}' : leafText(item)}`);
  }
}

function innerIndent(indent: number): number {
  return INDENT * Math.floor((indent + INDENT) / INDENT);
}

function behindDash(inner: readonly string[], dash: string, indent: number): string[] {
  return inner.map((line, index) => (index === 0 ? `${dash} ${line.slice(indent + LIST_INDENT)}` : line));
}

/** Whole lines of printable ASCII, the last one ended: what age's armor is. */
function isLiteralBlock(value: string): boolean {
  return /^([!-~]([ -~]*[!-~])?\n){2,}$/.test(value);
}

function blockLines(value: string, indent: number): string[] {
  return value
    .slice(0, -1)
    .split('\n')
    .map((line) => `${' '.repeat(indent)}${line}`);
}

function leafText(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    const text = formatGoFloat(value);
    if (Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value))) return text;
  }
  if (typeof value === 'string') return scalarText(value);
  throw new InternalError('a document to be sealed holds a value that YAML cannot keep');
}

function scalarText(value: string): string {
  return isPlainSafe(value) ? value : quoted(value);
}

/** Whether an unquoted text is the same string to YAML 1.1, YAML 1.2 and Go. */
function isPlainSafe(value: string): boolean {
  if (!/^[A-Za-z0-9_/^(]([A-Za-z0-9_/^().,:=+@$|[\]*~ -]*[A-Za-z0-9_/^().,=+@$|[\]*~-])?$/.test(value))
    return false;
  if (value.includes(': ')) return false;
  // YAML 1.1's words for true and false, and its numbers of base 60.
  if (/^(y|n|yes|no|on|off)$/i.test(value) || /^[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$/.test(value))
    return false;
  return resolveGoScalar(value).type === 'str';
}

/** JSON's quoting, which YAML shares, with everything beyond letters, digits and printable ASCII escaped. */
function quoted(value: string): string {
  return JSON.stringify(value).replace(/[^ -~]/gu, (char) => {
    if (/^[\p{L}\p{N}]$/u.test(char)) return char;
    const code = char.codePointAt(0) ?? 0;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
