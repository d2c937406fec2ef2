/**
 * Matches a `/`-separated path against a glob: `*` and `?` stay within one segment, `**` spans any number
 * of them, everything else is literal. Takes time proportional to pattern times path, whatever they hold.
 */
export function matchesGlob(path: string, glob: string): boolean {
  return matchesList(path.split('/'), glob.split('/'), (segment, pattern) =>
    pattern === '**' ? 'any-number' : matchesSegment(segment, pattern),
  );
}

function matchesSegment(segment: string, pattern: string): boolean {
  return matchesList([...segment], [...pattern], (character, symbol) =>
    symbol === '*' ? 'any-number' : symbol === '?' || symbol === character,
  );
}

/** Dynamic programming over both lists: `reachable[i]` says that the patterns so far can match `items[0..i)`. */
function matchesList(
  items: readonly string[],
  patterns: readonly string[],
  match: (item: string, pattern: string) => boolean | 'any-number',
): boolean {
  let reachable = [true, ...items.map(() => false)];
  for (const pattern of patterns) {
    const next = new Array<boolean>(items.length + 1).fill(false);
    const spans = match('', pattern) === 'any-number';
    for (let i = 0; i <= items.length; i += 1) {
      if (spans) {
        next[i] = reachable[i] === true || (i > 0 && next[i - 1] === true);
      } else if (i > 0 && reachable[i - 1] === true) {
        next[i] = match(items[i - 1] as string, pattern) === true;
      }
    }
    reachable = next;
  }
  return reachable[items.length] === true;
}
