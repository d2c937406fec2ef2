import { InternalError } from '../lib/errors.ts';

/**
 * GitLab carries out lines like `/close` or `/merge` of a description or a comment with the rights of whoever sends it
 * (docs.gitlab.com, "GitLab quick actions"). Texts come here already made harmless; this is the last look before one
 * leaves. Throws an InternalError where a line outside a code block begins like a quick action.
 */
export function forbidQuickActions(markdown: string): void {
  if (withoutQuickActions(markdown) !== withoutReturns(markdown)) {
    throw new InternalError('a text for GitLab holds a line that GitLab would carry out');
  }
}

/** The same text for GitLab to show and not to carry out: a backslash before what begins like a quick action. */
export function withoutQuickActions(markdown: string): string {
  let fence: string | undefined;
  const lines = withoutReturns(markdown)
    .split('\n')
    .map((line) => {
      fence = nextFence(fence, line);
      return fence === undefined && /^\/[a-z][a-z_]*(?:\s|$)/i.test(line) ? `\\${line}` : line;
    });
  return lines.join('\n');
}

/** GitLab drops carriage returns before it looks: `/clo\rse` is `/close` to it. */
function withoutReturns(text: string): string {
  return text.replaceAll('\r', '');
}

/** The fence that is open after this line (CommonMark 0.31, section 4.5), undefined outside of code. */
function nextFence(open: string | undefined, line: string): string | undefined {
  const [, marks, info = ''] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
  if (marks === undefined) return open;
  if (open === undefined) return marks.startsWith('`') && info.includes('`') ? undefined : marks;
  const closes = marks[0] === open[0] && marks.length >= open.length && info.trim() === '';
  return closes ? undefined : open;
}
