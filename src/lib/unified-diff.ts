/** What a diff shows at most. */
export interface DiffLimits {
  /** Lines, headers included; what is left out is named in a last line. */
  readonly maxLines: number;
}

interface Edit {
  readonly kind: ' ' | '-' | '+';
  readonly line: string;
}

const CONTEXT_LINES = 3;
/** Beyond this many differences the changed part is shown as replaced: the search for the least grows with its square. */
const MAX_DIFFERENCES = 200;
const NO_FINAL_NEWLINE = '\\ No newline at end of file';

/**
 * The difference of two texts as `diff -u` and Git write it, with `a/` and `b/` before the path; undefined is a file
 * that is not there. Empty where they are the same. Time and length are bounded; lines are given as they are.
 */
export function unifiedDiff(
  path: string,
  before: string | undefined,
  after: string | undefined,
  limits: DiffLimits = { maxLines: 400 },
): string {
  if (before === after) return '';
  const header = [
    `--- ${before === undefined ? '/dev/null' : quotedPath(`a/${path}`)}`,
    `+++ ${after === undefined ? '/dev/null' : quotedPath(`b/${path}`)}`,
  ];
  const lines = [...header, ...hunks(editsBetween(splitLines(before ?? ''), splitLines(after ?? '')))];
  if (lines.length <= limits.maxLines) return `${lines.join('\n')}\n`;
  const shown = lines.slice(0, Math.max(header.length, limits.maxLines - 1));
  return `${shown.join('\n')}\n… and ${lines.length - shown.length} more lines\n`;
}

/** Lines with their ends; the last one may have none. */
function splitLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The shortest way from one list of lines to the other, without what is the same at both ends. */
function editsBetween(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return [
    ...before.slice(0, start).map((line): Edit => ({ kind: ' ', line })),
    ...middleEdits(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map((line): Edit => ({ kind: ' ', line })),
  ];
}

/** Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), section 4, given up where it gets long. */
function middleEdits(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const [n, m] = [before.length, after.length];
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: ReadonlyMap<number, number>[] = [];
  const at = (frontier: ReadonlyMap<number, number>, k: number): number => frontier.get(k) ?? -1;
  const isDown = (frontier: ReadonlyMap<number, number>, k: number, d: number): boolean =>
    k === -d || (k !== d && at(frontier, k - 1) < at(frontier, k + 1));
  for (let d = 0; d <= Math.min(n + m, MAX_DIFFERENCES); d++) {
    trace.push(new Map(furthest));
    for (let k = -d; k <= d; k += 2) {
      let x = isDown(furthest, k, d) ? at(furthest, k + 1) : at(furthest, k - 1) + 1;
      while (x < n && x - k < m && before[x] === after[x - k]) x += 1;
      furthest.set(k, x);
      if (x < n || x - k < m) continue;
      return backtrack(before, after, trace, isDown);
    }
  }
  return [
    ...before.map((line): Edit => ({ kind: '-', line })),
    ...after.map((line): Edit => ({ kind: '+', line })),
  ];
}

function backtrack(
  before: readonly string[],
  after: readonly string[],
  trace: readonly ReadonlyMap<number, number>[],
  isDown: (frontier: ReadonlyMap<number, number>, k: number, d: number) => boolean,
): readonly Edit[] {
  const edits: Edit[] = [];
  let [x, y] = [before.length, after.length];
  for (let d = trace.length - 1; d >= 0; d--) {
    const frontier = trace[d] ?? new Map<number, number>();
    const k = x - y;
    const previousK = isDown(frontier, k, d) ? k + 1 : k - 1;
    const previousX = d === 0 ? 0 : (frontier.get(previousK) ?? 0);
    const previousY = d === 0 ? 0 : previousX - previousK;
    while (x > previousX && y > previousY) {
      x -= 1;
      y -= 1;
      edits.push({ kind: ' ', line: before[x] ?? '' });
    }
    if (d === 0) break;
    if (x > previousX) edits.push({ kind: '-', line: before[--x] ?? '' });
    else if (y > previousY) edits.push({ kind: '+', line: after[--y] ?? '' });
  }
  return edits.reverse();
}

function hunks(edits: readonly Edit[]): readonly string[] {
  const lines: string[] = [];
  let [beforeLine, afterLine] = [1, 1];
  let index = 0;
  while (index < edits.length) {
    const first = edits.findIndex(({ kind }, at) => at >= index && kind !== ' ');
    if (first < 0) break;
    const from = Math.max(index, first - CONTEXT_LINES);
    beforeLine += from - index;
    afterLine += from - index;
    const to = hunkEnd(edits, first);
    const part = edits.slice(from, to);
    const removed = part.filter(({ kind }) => kind !== '+').length;
    const added = part.filter(({ kind }) => kind !== '-').length;
    lines.push(`@@ -${range(beforeLine, removed)} +${range(afterLine, added)} @@`);
    for (const { kind, line } of part) {
      lines.push(kind + line.replace(/\n$/, ''));
      if (!line.endsWith('\n')) lines.push(NO_FINAL_NEWLINE);
    }
    beforeLine += removed;
    afterLine += added;
    index = to;
  }
  return lines;
}

/** Where a hunk that begins its changes at `first` ends: two changes with little between them stand together. */
function hunkEnd(edits: readonly Edit[], first: number): number {
  let last = first;
  for (let at = first; at < edits.length && at - last <= CONTEXT_LINES * 2; at++)
    if (edits[at]?.kind !== ' ') last = at;
  return Math.min(edits.length, last + CONTEXT_LINES + 1);
}

function range(start: number, count: number): string {
  return count === 1 ? `${start}` : `${count === 0 ? start - 1 : start},${count}`;
}

/** Git quotes what could be mistaken; a quoted path also stays on its line. */
function quotedPath(path: string): string {
  return /^[\x20-\x7e]*$/.test(path) && !/["\\]/.test(path) ? path : JSON.stringify(path);
}
