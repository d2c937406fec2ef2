import { isScalar, type Node } from 'yaml';
import { added, appended } from './yaml-add.ts';
import { composeYaml, KUBERNETES_YAML } from './yaml-compose.ts';
import { moved } from './yaml-move.ts';
import {
  blockLines,
  endOf,
  inline,
  itemAt,
  lineEnd,
  linesOf,
  type Member,
  memberAt,
  memberEnd,
  nodeAt,
  type Splice,
  startOf,
} from './yaml-place.ts';
import { MANIFEST_LIMITS, type YamlPath } from './yaml-problem.ts';
import { hasComment, removedItem, removedMember } from './yaml-remove.ts';

/** One change of a document that leaves everything else as it is. Paths name members of maps and items of lists. */
export type YamlEdit =
  /** Another text in the place of a scalar. */
  | { readonly do: 'set'; readonly path: YamlPath; readonly value: string }
  /** Another key for a member, in the same place. */
  | { readonly do: 'rename'; readonly path: YamlPath; readonly key: string }
  /** A member into a map beside it, which is made where it is missing: `to` is one step longer than `path`. */
  | { readonly do: 'move'; readonly path: YamlPath; readonly to: YamlPath }
  /** Another member in the place of one. */
  | { readonly do: 'replace'; readonly path: YamlPath; readonly key: string; readonly value: unknown }
  /** A member that is not there yet, at the end of its map; maps on the way to it are made where they are missing. */
  | { readonly do: 'add'; readonly path: YamlPath; readonly value: unknown }
  /** An item at the end of the list that `path` leads to. */
  | { readonly do: 'append'; readonly path: YamlPath; readonly value: unknown }
  /** A member or an item goes. `withComment`: the comment on its last line belongs to it, and goes too. */
  | { readonly do: 'remove'; readonly path: YamlPath; readonly withComment?: boolean };

/**
 * Makes edits, one after the other, in the text of one document; comments, quotes, order and line ends of all
 * else stay byte for byte. Undefined where an edit cannot be made without touching more than it says (an
 * alias or a merge key in between, a comment that would have no place): then nothing is changed.
 * Whoever calls it compares what the result means with what was meant (`editDocument` does).
 */
export function editYaml(text: string, edits: readonly YamlEdit[]): string | undefined {
  let edited: string | undefined = text;
  for (const edit of edits) {
    if (edited === undefined) return undefined;
    edited = makeEdit(edited, edit);
  }
  return edited;
}

function makeEdit(text: string, edit: YamlEdit): string | undefined {
  const { root, problems } = composeYaml(
    { index: 0, text, linesBefore: 0 },
    MANIFEST_LIMITS,
    KUBERNETES_YAML,
  );
  if (root === undefined || problems.length > 0) return undefined;
  const splices = splicesOf(text, edit, root);
  if (splices === undefined) return undefined;
  const ordered = [...splices].sort((a, b) => b.start - a.start || b.end - a.end);
  return ordered.reduce(
    (done, { start, end, text: put }) => done.slice(0, start) + put + done.slice(end),
    text,
  );
}

function splicesOf(text: string, edit: YamlEdit, root: Node): readonly Splice[] | undefined {
  if (edit.do === 'add') return added(text, root, edit.path, edit.value);
  if (edit.do === 'append') return appended(text, root, edit.path, edit.value);
  if (edit.do === 'set') {
    const node = nodeAt(root, edit.path);
    return isScalar(node) ? rewritten(text, node, edit.value) : undefined;
  }
  const item = edit.do === 'remove' ? itemAt(root, edit.path) : undefined;
  if (item !== undefined) return removedItem(text, item, edit.do === 'remove' && edit.withComment === true);
  const member = memberAt(root, edit.path);
  if (member === undefined) return undefined;
  switch (edit.do) {
    case 'rename':
      return rewritten(text, member.key, edit.key);
    case 'remove':
      return removedMember(text, member, edit.withComment === true);
    case 'replace':
      return replaced(text, member, edit.key, edit.value);
    case 'move':
      return moved(text, member, root, edit.to);
  }
}

/** A scalar or key with another text, quoted as the old one is. */
function rewritten(text: string, node: Node, value: string): readonly Splice[] | undefined {
  const old = text.slice(startOf(node), endOf(node));
  if (old.includes('\n')) return undefined;
  return [{ start: startOf(node), end: endOf(node), text: quotedLike(old, value) }];
}

function quotedLike(old: string, value: string): string {
  if (old.startsWith('"')) return JSON.stringify(value);
  const isPrintable = !/[\p{C}\p{Zl}\p{Zp}]/u.test(value);
  return old.startsWith("'") && isPrintable ? `'${value.replaceAll("'", "''")}'` : inline(value);
}

function replaced(text: string, member: Member, key: string, value: unknown): readonly Splice[] | undefined {
  if (member.map.flow === true) {
    return [{ start: startOf(member.key), end: memberEnd(member), text: `${key}: ${inline(value)}` }];
  }
  const lines = linesOf(text, member);
  if (lines === undefined || hasComment(text, member, lines)) return undefined;
  const written = blockLines({ [key]: value }, lines.indent, lineEnd(text));
  const isLast = !text.slice(lines.start, lines.end).endsWith('\n');
  return [{ start: lines.start, end: lines.end, text: isLast ? written.trimEnd() : written }];
}
