import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, stringify, type YAMLMap } from 'yaml';
import { composeYaml, KUBERNETES_YAML } from './yaml-compose.ts';
import { MANIFEST_LIMITS, type YamlPath } from './yaml-problem.ts';
import { keyText } from './yaml-value.ts';

/** One change of a document that leaves everything else as it is. Paths name members of maps. */
export type YamlEdit =
  /** Another text in the place of a scalar. */
  | { readonly do: 'set'; readonly path: YamlPath; readonly value: string }
  /** Another key for a member, in the same place. */
  | { readonly do: 'rename'; readonly path: YamlPath; readonly key: string }
  /** A member into a map beside it, which is made where it is missing: `to` is one step longer than `path`. */
  | { readonly do: 'move'; readonly path: YamlPath; readonly to: YamlPath }
  /** Another member in the place of one. */
  | { readonly do: 'replace'; readonly path: YamlPath; readonly key: string; readonly value: unknown }
  | { readonly do: 'remove'; readonly path: YamlPath };

/**
 * Makes edits, one after the other, in the text of one document; comments, quotes, order and line ends of all
 * else stay byte for byte. Undefined where an edit cannot be made without touching more than it says (an
 * alias or a merge key in between, a comment that would have no place): then nothing is changed.
 * Whoever calls it compares what the result means with what was meant.
 */
export function editYaml(text: string, edits: readonly YamlEdit[]): string | undefined {
  let edited: string | undefined = text;
  for (const edit of edits) {
    if (edited === undefined) return undefined;
    edited = makeEdit(edited, edit);
  }
  return edited;
}

/** A stretch of text and what takes its place; `start` equal to `end` inserts. */
interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function makeEdit(text: string, edit: YamlEdit): string | undefined {
  const { root, problems } = composeYaml(
    { index: 0, text, linesBefore: 0 },
    MANIFEST_LIMITS,
    KUBERNETES_YAML,
  );
  if (root === undefined || problems.length > 0) return undefined;
  const member = memberAt(root, edit.path);
  if (member === undefined) return undefined;
  const splices = splicesOf(text, edit, member, root);
  if (splices === undefined) return undefined;
  const ordered = [...splices].sort((a, b) => b.start - a.start || b.end - a.end);
  return ordered.reduce(
    (done, { start, end, text: put }) => done.slice(0, start) + put + done.slice(end),
    text,
  );
}

/** A member of a map, as the syntax tree has it. */
interface Member {
  readonly map: YAMLMap;
  readonly pair: Pair;
  readonly key: Node;
  readonly value: Node | undefined;
}

function splicesOf(text: string, edit: YamlEdit, member: Member, root: Node): readonly Splice[] | undefined {
  switch (edit.do) {
    case 'set':
      return isScalar(member.value) ? rewritten(text, member.value, edit.value) : undefined;
    case 'rename':
      return rewritten(text, member.key, edit.key);
    case 'remove':
      return removed(text, member);
    case 'replace':
      return replaced(text, member, edit.key, edit.value);
    case 'move':
      return moved(text, member, root, edit);
  }
}

function memberAt(root: Node, path: YamlPath): Member | undefined {
  let node: Node | undefined = root;
  for (const [depth, step] of path.entries()) {
    if (isSeq(node)) {
      // The composer fills lists with nodes.
      node = typeof step === 'number' ? (node.items[step] as Node | undefined) : undefined;
      continue;
    }
    if (!isMap(node)) return undefined;
    const map: YAMLMap = node;
    const pair = map.items.find(({ key }) => !isAlias(key) && keyText(key) === String(step));
    if (pair === undefined) return undefined;
    // What the composer made has a node for every key, and a node or null for every value.
    const key = pair.key as Node;
    const value = (pair.value as Node | null) ?? undefined;
    if (depth === path.length - 1) return { map, pair, key, value };
    node = value;
  }
  return undefined;
}

function start(node: Node): number {
  return node.range?.[0] ?? 0;
}

function end(node: Node): number {
  return node.range?.[1] ?? 0;
}

/** A scalar or key with another text, quoted as the old one is. */
function rewritten(text: string, node: Node, value: string): readonly Splice[] | undefined {
  const old = text.slice(start(node), end(node));
  if (old.includes('\n')) return undefined;
  const [quote] = old;
  const isQuoted = quote === '"' || quote === "'";
  const plain = isQuoted ? `${quote}${value}${quote}` : inline(value);
  return [{ start: start(node), end: end(node), text: plain }];
}

/** A value on one line. */
function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, compat: 'yaml-1.1' }).trim();
}

/** The whole lines of a member of a block map; undefined where it shares its first line with something else. */
interface Lines {
  readonly start: number;
  readonly end: number;
  readonly indent: number;
}

function linesOf(text: string, { key, value }: Pick<Member, 'key' | 'value'>): Lines | undefined {
  const from = text.lastIndexOf('\n', start(key) - 1) + 1;
  const indent = start(key) - from;
  if (text.slice(from, start(key)) !== ' '.repeat(indent)) return undefined;
  const contentEnd = text.slice(0, Math.max(end(key), value === undefined ? 0 : end(value))).trimEnd().length;
  const newline = text.indexOf('\n', contentEnd);
  return { start: from, end: newline === -1 ? text.length : newline + 1, indent };
}

/** The same lines and the comments right above them, which belong to the member. */
function withComments(text: string, lines: Lines): Lines {
  const mark = `${' '.repeat(lines.indent)}#`;
  let from = lines.start;
  while (from > 0) {
    const above = text.lastIndexOf('\n', from - 2) + 1;
    if (!text.startsWith(mark, above)) break;
    from = above;
  }
  return { ...lines, start: from };
}

/** What stands behind a member's value on its last line, a comment most likely. */
function hasComment(text: string, { key, value }: Member, lines: Lines): boolean {
  const isAfter = text
    .slice(Math.max(end(key), value === undefined ? 0 : end(value)), lines.end)
    .includes('#');
  const isWithin =
    value !== undefined && !isScalar(value) && text.slice(start(key), end(value)).includes('#');
  return isAfter || isWithin;
}

function removed(text: string, member: Member): readonly Splice[] | undefined {
  if (member.map.flow === true) return removedFromFlow(member);
  const lines = linesOf(text, member);
  if (lines === undefined || hasComment(text, member, lines) || member.map.items.length === 1)
    return undefined;
  return [{ start: lines.start, end: lines.end, text: '' }];
}

function removedFromFlow({ map, pair, key, value }: Member): readonly Splice[] {
  const at = map.items.indexOf(pair);
  const next = map.items[at + 1]?.key as Node | undefined;
  if (next !== undefined) return [{ start: start(key), end: start(next), text: '' }];
  const before = map.items[at - 1];
  // As above: nodes of the composer.
  const last = (before?.value ?? before?.key) as Node | undefined;
  return [{ start: last === undefined ? start(key) : end(last), end: end(value ?? key), text: '' }];
}

function replaced(text: string, member: Member, key: string, value: unknown): readonly Splice[] | undefined {
  if (member.map.flow === true) {
    const { key: from, value: to } = member;
    return [{ start: start(from), end: end(to ?? from), text: `${key}: ${inline(value)}` }];
  }
  const lines = linesOf(text, member);
  if (lines === undefined || hasComment(text, member, lines)) return undefined;
  const written = stringify({ [key]: value }, { indent: 2, lineWidth: 0, compat: 'yaml-1.1' }).trimEnd();
  const indented = written.split('\n').map((line) => ' '.repeat(lines.indent) + line);
  const isLast = !text.slice(lines.start, lines.end).endsWith('\n');
  const eol = lineEnd(text);
  return [{ start: lines.start, end: lines.end, text: indented.join(eol) + (isLast ? '' : eol) }];
}

function lineEnd(text: string): '\n' | '\r\n' {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

function moved(
  text: string,
  member: Member,
  root: Node,
  { to }: Extract<YamlEdit, { readonly do: 'move' }>,
): readonly Splice[] | undefined {
  const key = String(to.at(-1));
  const target = memberAt(root, to.slice(0, -1));
  if (target === undefined) return wrapped(text, member, String(to.at(-2)), key);
  if (!isMap(target.value)) return undefined;
  if (target.value.flow === true) return movedIntoFlow(text, member, target.value, key);
  return movedIntoBlock(text, member, target, key);
}

/** `size: 1` becomes `outer:` with `key: 1` below it, in the same place. */
function wrapped(text: string, member: Member, outer: string, key: string): readonly Splice[] | undefined {
  if (member.map.flow === true) {
    const { key: from, value } = member;
    const shown = value === undefined ? '' : text.slice(start(value), end(value));
    return [{ start: start(from), end: end(value ?? from), text: `${outer}: {${key}: ${shown}}` }];
  }
  const lines = linesOf(text, member);
  if (lines === undefined) return undefined;
  const inner = reindented(text, member, lines, key, lines.indent + 2);
  return [
    {
      start: lines.start,
      end: lines.end,
      text: `${' '.repeat(lines.indent)}${outer}:${lineEnd(text)}${inner}`,
    },
  ];
}

function movedIntoBlock(
  text: string,
  member: Member,
  target: Member,
  key: string,
): readonly Splice[] | undefined {
  const map = target.value as YAMLMap;
  const last = map.items.at(-1);
  const first = map.items[0]?.key as Node | undefined;
  if (last === undefined || first === undefined || member.map.flow === true) return undefined;
  const source = linesOf(text, member);
  const lastLines = linesOf(text, { key: last.key as Node, value: (last.value as Node | null) ?? undefined });
  if (source === undefined || lastLines === undefined) return undefined;
  const indent = lastLines.indent;
  const taken = withComments(text, source);
  const needsBreak = !text.slice(0, lastLines.end).endsWith('\n');
  const eol = lineEnd(text);
  let inner = reindented(text, member, taken, key, indent);
  if (!inner.endsWith('\n') && lastLines.end < text.length) inner += eol;
  return [
    { start: taken.start, end: taken.end, text: '' },
    { start: lastLines.end, end: lastLines.end, text: (needsBreak ? eol : '') + inner },
  ];
}

function movedIntoFlow(
  text: string,
  member: Member,
  map: YAMLMap,
  key: string,
): readonly Splice[] | undefined {
  const { value } = member;
  if (value === undefined || (!isScalar(value) && !('flow' in value && value.flow === true)))
    return undefined;
  const shown = text.slice(start(value), end(value));
  const taken = removed(text, member);
  if (taken === undefined || shown.includes('\n')) return undefined;
  const last = map.items.at(-1);
  const at = last === undefined ? start(map) + 1 : end((last.value ?? last.key) as Node);
  return [...taken, { start: at, end: at, text: `${last === undefined ? '' : ', '}${key}: ${shown}` }];
}

/** Lines of a member under another key and with another indentation. */
function reindented(text: string, { key: old }: Member, lines: Lines, key: string, indent: number): string {
  const renamed = text.slice(lines.start, start(old)) + key + text.slice(end(old), lines.end);
  const shift = indent - lines.indent;
  return renamed
    .split('\n')
    .map((line) => (line.trim() === '' ? line : shift >= 0 ? ' '.repeat(shift) + line : line.slice(-shift)))
    .join('\n');
}

/** The same edits on what the document means. Members that cannot be found are left alone. */
export function editValue(value: unknown, edits: readonly YamlEdit[]): unknown {
  return edits.reduce((done, edit) => editOne(done, edit, edit.path), value);
}

type Members = Readonly<Record<string, unknown>>;

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function editOne(value: unknown, edit: YamlEdit, path: YamlPath): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (index === step ? editOne(item, edit, rest) : item));
  }
  if (!isMembers(value) || !Object.hasOwn(value, String(step))) return value;
  if (rest.length > 0) return { ...value, [step]: editOne(value[step], edit, rest) };
  const { [step]: member, ...others } = value;
  switch (edit.do) {
    case 'set':
      return { ...value, [step]: edit.value };
    case 'remove':
      return others;
    case 'rename':
      return { ...others, [edit.key]: member };
    case 'replace':
      return { ...others, [edit.key]: edit.value };
    case 'move': {
      const [outer = '', key = ''] = edit.to.slice(-2).map(String);
      const target = others[outer];
      return { ...others, [outer]: { ...(isMembers(target) ? target : {}), [key]: member } };
    }
  }
}
