import { isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import {
  blockLines,
  endOf,
  inline,
  lineAfter,
  lineEnd,
  lineStart,
  linesOf,
  type Member,
  memberAt,
  memberEnd,
  memberOfPair,
  nodeAt,
  type Splice,
  startOf,
} from './yaml-place.ts';
import type { YamlPath } from './yaml-problem.ts';

/** Puts a member where none is, with the maps on the way to it. */
export function added(
  text: string,
  root: Node,
  path: YamlPath,
  value: unknown,
): readonly Splice[] | undefined {
  const missing = path.findIndex((_, depth) => isAbsent(nodeAt(root, path.slice(0, depth + 1))));
  if (missing === -1) return undefined;
  const [key, ...inner] = path.slice(missing).map(String);
  if (key === undefined) return undefined;
  const parent = nodeAt(root, path.slice(0, missing));
  if (!isMap(parent)) return undefined;
  const member = memberAt(root, path.slice(0, missing + 1));
  const whole = inner.reduceRight<unknown>((below, step) => ({ [step]: below }), value);
  return member === undefined ? intoMap(text, parent, key, whole) : intoEmpty(text, member, whole);
}

/** Nothing there, or a null, which Kubernetes takes for nothing. */
function isAbsent(node: Node | undefined): boolean {
  return node === undefined || (isScalar(node) && node.value === null);
}

function intoMap(text: string, map: YAMLMap, key: string, value: unknown): readonly Splice[] | undefined {
  const [first] = map.items;
  const last = map.items.at(-1);
  const end = last === undefined ? startOf(map) + 1 : memberEnd(memberOfPair(map, last));
  if (map.flow === true) {
    // As the composer has it: every key is a node.
    const isJson = first !== undefined && text[startOf(first.key as Node)] === '"';
    const written = isJson
      ? `${JSON.stringify(key)}: ${JSON.stringify(value)}`
      : `${inline(key)}: ${inline(value)}`;
    return [{ start: end, end, text: last === undefined ? written : `, ${written}` }];
  }
  if (first === undefined) return undefined;
  const column = startOf(first.key as Node) - lineStart(text, startOf(first.key as Node));
  return [insertedLines(text, end, (eol) => blockLines({ [key]: value }, column, eol))];
}

/** Below a key that has no value yet. */
function intoEmpty(text: string, member: Member, value: unknown): readonly Splice[] | undefined {
  const { value: node } = member;
  const written = node === undefined ? '' : text.slice(startOf(node), endOf(node));
  if (node !== undefined && written !== '') {
    return [{ start: startOf(node), end: endOf(node), text: inline(value) }];
  }
  const lines = member.map.flow === true ? undefined : linesOf(text, member);
  if (lines === undefined) return undefined;
  const isCollection = typeof value === 'object' && value !== null;
  if (!isCollection) {
    const colon = text.indexOf(':', endOf(member.key)) + 1;
    return [{ start: colon, end: colon, text: ` ${inline(value)}` }];
  }
  return [insertedLines(text, endOf(member.key), (eol) => blockLines(value, lines.indent + 2, eol))];
}

/** An item at the end of a list. */
export function appended(
  text: string,
  root: Node,
  path: YamlPath,
  value: unknown,
): readonly Splice[] | undefined {
  const list = nodeAt(root, path);
  if (!isSeq(list)) return undefined;
  // The composer fills lists with nodes.
  const items = list.items as (Node | null)[];
  const last = items.at(-1) ?? undefined;
  if (items.length > 0 && last === undefined) return undefined;
  if (list.flow === true) {
    const end = last === undefined ? startOf(list) + 1 : endOf(last);
    const isJson = last !== undefined && text[startOf(last)] === '"' && !isAlias(last);
    const written = isJson ? JSON.stringify(value) : inline(value);
    return [{ start: end, end, text: last === undefined ? written : `, ${written}` }];
  }
  if (last === undefined) return undefined;
  const column = startOf(list) - lineStart(text, startOf(list));
  return [insertedLines(text, endOf(last), (eol) => blockLines([value], column, eol))];
}

/** Lines behind the line on which something ends, whether or not the text ends there. */
function insertedLines(text: string, end: number, write: (eol: string) => string): Splice {
  const eol = lineEnd(text);
  const at = lineAfter(text, end);
  const lines = write(eol);
  const needsBreak = at > 0 && text[at - 1] !== '\n';
  return { start: at, end: at, text: needsBreak ? eol + lines.slice(0, -eol.length) : lines };
}
