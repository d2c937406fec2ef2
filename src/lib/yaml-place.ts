import { isAlias, isMap, isSeq, type Node, type Pair, stringify, type YAMLMap, type YAMLSeq } from 'yaml';
import type { YamlPath } from './yaml-problem.ts';
import { keyText } from './yaml-value.ts';

/** A stretch of text and what takes its place; `start` equal to `end` inserts. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A member of a map, as the syntax tree has it. */
export interface Member {
  readonly map: YAMLMap;
  readonly pair: Pair;
  readonly key: Node;
  readonly value: Node | undefined;
}

/** An item of a list, as the syntax tree has it. */
export interface Item {
  readonly list: YAMLSeq;
  readonly index: number;
  readonly value: Node;
}

/** The member that a path leads to, none of its parents an alias or behind a merge key. */
export function memberAt(root: Node, path: YamlPath): Member | undefined {
  const step = path.at(-1);
  const map = path.length === 0 ? undefined : nodeAt(root, path.slice(0, -1));
  if (step === undefined || !isMap(map)) return undefined;
  const pair = map.items.find(({ key }) => !isAlias(key) && keyText(key) === String(step));
  if (pair === undefined) return undefined;
  // What the composer made has a node for every key, and a node or null for every value.
  return { map, pair, key: pair.key as Node, value: (pair.value as Node | null) ?? undefined };
}

/** The item that a path leads to. */
export function itemAt(root: Node, path: YamlPath): Item | undefined {
  const index = path.at(-1);
  const list = path.length === 0 ? undefined : nodeAt(root, path.slice(0, -1));
  if (typeof index !== 'number' || !isSeq(list)) return undefined;
  // The composer fills lists with nodes.
  const value = (list.items[index] as Node | null | undefined) ?? undefined;
  return value === undefined ? undefined : { list, index, value };
}

/** The node that a path leads to; the root for the empty one. */
export function nodeAt(root: Node, path: YamlPath): Node | undefined {
  if (path.length === 0) return root;
  return typeof path.at(-1) === 'number'
    ? (itemAt(root, path)?.value ?? memberAt(root, path)?.value)
    : memberAt(root, path)?.value;
}

/** Offset of a node's first character, without its anchor or tag. */
export function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

/** Offset behind a node's last character, without the comment behind it. */
export function endOf(node: Node): number {
  return node.range?.[1] ?? 0;
}

/** Offset behind a member. */
export function memberEnd({ key, value }: Pick<Member, 'key' | 'value'>): number {
  return Math.max(endOf(key), value === undefined ? 0 : endOf(value));
}

/** The parts of a member that stands in a map. */
export function memberOfPair(map: YAMLMap, pair: Pair): Member {
  // As above: nodes of the composer.
  return { map, pair, key: pair.key as Node, value: (pair.value as Node | null) ?? undefined };
}

/** The offset at which the line of an offset begins. */
export function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}

/** The offset behind the line break that ends the line of what stands before `end`. */
export function lineAfter(text: string, end: number): number {
  const contentEnd = text.slice(0, end).trimEnd().length;
  const newline = text.indexOf('\n', contentEnd);
  return newline === -1 ? text.length : newline + 1;
}

/** The whole lines of a member of a block map; undefined where it shares its first line with something else. */
export interface Lines {
  readonly start: number;
  readonly end: number;
  readonly indent: number;
}

export function linesOf(text: string, member: Pick<Member, 'key' | 'value'>): Lines | undefined {
  const from = lineStart(text, startOf(member.key));
  const indent = startOf(member.key) - from;
  if (text.slice(from, startOf(member.key)) !== ' '.repeat(indent)) return undefined;
  return { start: from, end: lineAfter(text, memberEnd(member)), indent };
}

/** How the text ends its lines. */
export function lineEnd(text: string): '\n' | '\r\n' {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** A value on one line, which may stand in a flow collection as well. */
export function inline(value: unknown): string {
  const listed = stringify([value], {
    ...{ collectionStyle: 'flow', lineWidth: 0, compat: 'yaml-1.1' },
    ...{ flowCollectionPadding: false, aliasDuplicateObjects: false },
  });
  return listed.trim().slice(1, -1);
}

/** The lines of a value in block style, each indented by `indent` spaces, with a line break behind each. */
export function blockLines(value: unknown, indent: number, eol: string): string {
  const written = stringify(value, {
    ...{ indent: 2, lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false },
  });
  return written
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? eol : `${' '.repeat(indent)}${line}${eol}`))
    .join('');
}
