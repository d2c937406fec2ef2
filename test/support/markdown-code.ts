/**
 * What of a Markdown text is left outside code: fenced blocks and code spans (CommonMark 0.31, sections 4.5 and 6.1) are
 * replaced by `▮`. Written apart from the code that quotes; block by block, as a span never leaves its block.
 */
export function outsideCode(markdown: string): string {
  const blocks: string[] = [];
  let fence = '';
  for (const line of markdown.split('\n')) {
    const ticks = /^ {0,3}(`{3,})/.exec(line)?.[1] ?? '';
    if (fence !== '') {
      if (ticks.length >= fence.length && line.trim() === ticks) fence = '';
    } else if (ticks !== '' && !line.slice(line.indexOf(ticks) + ticks.length).includes('`')) {
      fence = ticks;
      blocks.push('▮');
    } else {
      blocks.push(withoutSpans(line));
    }
  }
  return blocks.join('\n');
}

function withoutSpans(line: string): string {
  let out = '';
  let at = 0;
  while (at < line.length) {
    const run = /^`+/.exec(line.slice(at))?.[0];
    if (run === undefined) {
      out += line[at];
      at += 1;
      continue;
    }
    const close = closing(line, at + run.length, run.length);
    out += close === undefined ? run : '▮';
    at = close ?? at + run.length;
  }
  return out;
}

/** Where the first run of exactly `length` backticks from `from` on ends. */
function closing(line: string, from: number, length: number): number | undefined {
  for (const run of line.slice(from).matchAll(/`+/g)) {
    if (run[0].length === length) return from + run.index + length;
  }
  return undefined;
}
