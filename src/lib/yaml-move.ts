import { isMap, isScalar, type Node, type YAMLMap } from 'yaml';
import {
  endOf,
  type Lines,
  lineEnd,
  linesOf,
  type Member,
  memberAt,
  type Splice,
  startOf,
} from './yaml-place.ts';
import type { YamlPath } from './yaml-problem.ts';
import { removedMember } from './yaml-remove.ts';

/** Puts a member into a map beside it, which is made where it is missing; `to` is where it comes to stand. */
export function moved(text: string, member: Member, root: Node, to: YamlPath): readonly Splice[] | undefined {
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
    const shown = value === undefined ? '' : text.slice(startOf(value), endOf(value));
    return [{ start: startOf(from), end: endOf(value ?? from), text: `${outer}: {${key}: ${shown}}` }];
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
  const shown = text.slice(startOf(value), endOf(value));
  const taken = removedMember(text, member, false);
  if (taken === undefined || shown.includes('\n')) return undefined;
  const last = map.items.at(-1);
  const at = last === undefined ? startOf(map) + 1 : endOf((last.value ?? last.key) as Node);
  return [...taken, { start: at, end: at, text: `${last === undefined ? '' : ', '}${key}: ${shown}` }];
}

/** Lines of a member under another key and with another indentation. */
function reindented(text: string, { key: old }: Member, lines: Lines, key: string, indent: number): string {
  const renamed = text.slice(lines.start, startOf(old)) + key + text.slice(endOf(old), lines.end);
  const shift = indent - lines.indent;
  return renamed
    .split('\n')
    .map((line) => (line.trim() === '' ? line : shift >= 0 ? ' '.repeat(shift) + line : line.slice(-shift)))
    .join('\n');
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
