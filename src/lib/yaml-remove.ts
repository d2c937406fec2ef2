import { isScalar, type Node } from 'yaml';
import {
  endOf,
  type Item,
  type Lines,
  lineAfter,
  lineStart,
  linesOf,
  type Member,
  memberEnd,
  memberOfPair,
  type Splice,
  startOf,
} from './yaml-place.ts';

/** Whether a comment stands within a member's value, or behind it on its last line. */
export function hasComment(text: string, member: Member, lines: Lines): boolean {
  const { key, value } = member;
  const isWithin =
    value !== undefined && !isScalar(value) && text.slice(startOf(key), endOf(value)).includes('#');
  return isWithin || text.slice(memberEnd(member), lines.end).includes('#');
}

/** Takes a member out of its map; undefined where it is the only one, or comments would go that may not. */
export function removedMember(
  text: string,
  member: Member,
  withComment: boolean,
): readonly Splice[] | undefined {
  const { map, pair } = member;
  if (map.flow === true) {
    const at = map.items.indexOf(pair);
    const [before, next] = [map.items[at - 1], map.items[at + 1]];
    return removedFromFlow(text, {
      start: startOf(member.key),
      end: memberEnd(member),
      // As the composer has it: every key is a node.
      next: next && startOf(next.key as Node),
      before: before && memberEnd(memberOfPair(map, before)),
    });
  }
  const lines = linesOf(text, member);
  if (lines === undefined || map.items.length === 1) return undefined;
  if (!withComment && hasComment(text, member, lines)) return undefined;
  return [{ start: lines.start, end: lines.end, text: '' }];
}

/** Takes an item out of its list; undefined where it is the only one of a block list, as above. */
export function removedItem(
  text: string,
  { list, index, value }: Item,
  withComment: boolean,
): readonly Splice[] | undefined {
  if (list.flow === true) {
    // The composer fills lists with nodes.
    const [before, next] = [list.items[index - 1], list.items[index + 1]] as (Node | undefined)[];
    return removedFromFlow(text, {
      start: startOf(value),
      end: endOf(value),
      next: next && startOf(next),
      before: before && endOf(before),
    });
  }
  if (list.items.length === 1) return undefined;
  const from = lineStart(text, startOf(value));
  const column = startOf(list) - lineStart(text, startOf(list));
  const dash = `${' '.repeat(column)}-`;
  // Only an item whose dash stands alone before it, in the column of the list.
  if (!/^ *- *$/.test(text.slice(from, startOf(value))) || !text.startsWith(dash, from)) return undefined;
  const end = lineAfter(text, endOf(value));
  const isTold = isScalar(value)
    ? text.slice(endOf(value), end).includes('#')
    : text.slice(from, end).includes('#');
  if (isTold && !withComment) return undefined;
  return [{ start: from, end, text: '' }];
}

/** Where something stands in a flow collection, and its neighbours. */
interface InFlow {
  readonly start: number;
  readonly end: number;
  readonly next: number | undefined;
  readonly before: number | undefined;
}

function removedFromFlow(text: string, { start, end, next, before }: InFlow): readonly Splice[] | undefined {
  const [from, to] = next !== undefined ? [start, next] : [before ?? start, end];
  if (!/[#\n]/.test(text.slice(from, start) + text.slice(end, to)))
    return [{ start: from, end: to, text: '' }];
  const lines = { start: lineStart(text, start), end: lineAfter(text, end) };
  // Alone on its lines, with its comma and its own comment: they go, and a comma before the end means nothing.
  const isAlone =
    /^[ \t]*$/.test(text.slice(lines.start, start)) &&
    /^[ \t]*,?[ \t]*(?:#.*)?$/.test(tail(text, end, lines.end));
  if (isAlone && before !== undefined && next === undefined && !text.slice(before, start).includes('#')) {
    return [{ start: before, end, text: '' }];
  }
  return isAlone ? [{ start: lines.start, end: lines.end, text: '' }] : undefined;
}

function tail(text: string, from: number, to: number): string {
  return text.slice(from, to).trimEnd();
}
