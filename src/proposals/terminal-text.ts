/** With the four columns by which `git log` moves a message to the right, and some to spare: 80. */
const WIDTH = 74;
const INDENT = '  ';
/** A code span (CommonMark 0.31, section 6.1), or strong emphasis, as the sections write them. */
const INLINE = /(?<!`)(?<fence>`+)(?!`)(?<code>.*?)(?<!`)\k<fence>(?!`)|\*\*/gs;

/**
 * The Markdown of a proposal as a terminal shows it best: headings at the margin, everything else indented, so that no
 * stranger's word begins a line; wrapped; without fenced blocks, without the marker. `footer` takes the place of the
 * text's own. Knows only the Markdown that the sections write.
 */
export function terminalText(markdown: string, footer: string): string {
  const out: string[] = [];
  let fence: string | undefined;
  let table: string[][] = [];
  for (const line of [...markdown.split('\n'), '']) {
    if (fence !== undefined) {
      if (line === fence) fence = undefined;
      continue;
    }
    if (line.startsWith('| ')) {
      table.push(cellsOf(line));
      continue;
    }
    out.push(...alignedTable(table));
    table = [];
    if (line.startsWith('```')) fence = /^`+/.exec(line)?.[0];
    else out.push(...linesOf(line, footer));
  }
  return out
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/^\n+|\n+$/g, '');
}

function linesOf(line: string, footer: string): readonly string[] {
  if (line.startsWith('<!-- ') || line === '</details>') return [];
  if (line.startsWith('<sub>')) return ['', ...wrapped(footer, '', '')];
  const heading = /^### (?<text>.*)$/.exec(line) ?? /^<details><summary>(?<text>.*)<\/summary>$/.exec(line);
  if (heading !== null) return ['', plainInline(heading.groups?.text ?? '')];
  const {
    indent = '',
    mark = '',
    text = '',
  } = /^(?<indent> *)(?<mark>(?:- |> )?)(?<text>.*)$/.exec(line)?.groups ?? {};
  if (text === '') return [''];
  const first = `${INDENT}${indent}${mark === '> ' ? '    ' : mark}`;
  return wrapped(plainInline(text), first, ' '.repeat(first.length));
}

/** Aligned columns; the line of dashes is left out. */
function alignedTable(rows: readonly (readonly string[])[]): readonly string[] {
  const shown = rows.filter((cells) => !cells.every((cell) => /^-+$/.test(cell)));
  const widths = (shown[0] ?? []).map((_, column) =>
    Math.max(...shown.map((cells) => cells[column]?.length ?? 0)),
  );
  return shown.map((cells) =>
    `${INDENT}${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}

function cellsOf(line: string): string[] {
  return line
    .slice(2, -2)
    .split(' | ')
    .map((cell) => plainInline(cell.trim()).replaceAll('\\|', '|'));
}

/** Strangers' words of several stand in quotation marks; one word speaks for itself. */
function plainInline(markdown: string): string {
  return markdown.replace(INLINE, (found: string, _fence: string | undefined, code: string | undefined) => {
    if (found === '**') return '';
    const text = (code ?? '').replace(/^ (.*[^ ].*) $/s, '$1');
    // An address by itself stays one that can be opened.
    return text.includes(' ') ? `“${disarmed(text).replace(/:\/\/(?=\S)/g, ':// ')}”` : disarmed(text);
  });
}

/**
 * A forge reads commit messages, too, and has no code spans there: what would mention, refer or close gets a space in
 * it.
 */
function disarmed(text: string): string {
  return text.replace(/([@#!~%&$])(?=[\p{L}\p{N}_"{])/gu, '$1 ').replace(/\b(GH-)(?=\d)/gi, '$1 ');
}

function wrapped(text: string, first: string, rest: string): readonly string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ').filter((part) => part !== '')) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
