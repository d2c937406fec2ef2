/**
 * Whether `pattern`, in which `*` stands for any text, the empty one included, matches the whole of `text`
 * (approver-policy `pkg/internal/util/wildcard.go`). An empty pattern matches nothing but the empty text. Takes time
 * proportional to the product of the lengths at worst.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < text.length) {
    if (pattern[inPattern] === '*') {
      star = inPattern++;
      resumeAt = at;
    } else if (inPattern < pattern.length && pattern[inPattern] === text[at]) {
      inPattern++;
      at++;
    } else if (star !== -1) {
      // The last star takes one character more.
      inPattern = star + 1;
      at = ++resumeAt;
    } else return false;
  }
  while (pattern[inPattern] === '*') inPattern++;
  return inPattern === pattern.length;
}

/** Whether at least one of the patterns matches. */
export function matchesAnyWildcard(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matchesWildcard(pattern, text));
}
