import type { YamlPosition } from './yaml-problem.ts';

/** One document's text within a stream. */
export interface YamlChunk {
  /** Its position in the stream, from 0. */
  readonly index: number;
  readonly text: string;
  /** Lines of the stream before it. */
  readonly linesBefore: number;
}

/**
 * Cuts a YAML stream into documents at `---` and `...` in the first column (YAML 1.1, 4.3.2: they end a
 * document even inside a quoted scalar). Doing it before parsing keeps one broken document from
 * swallowing the next. Directives and comments go with the document that follows them.
 */
export function splitYaml(text: string): readonly YamlChunk[] {
  const chunks: YamlChunk[] = [];
  let chunkStart = 0;
  let lines = 0;
  let linesAtStart = 0;
  let counted = 0;

  const close = (end: number, atMarker: boolean): void => {
    const body = text.slice(chunkStart, end);
    // Only comments and directives so far: they belong to the document that begins here.
    if (atMarker && isPrologue(body)) return;
    if (!isPrologue(body)) chunks.push({ index: chunks.length, text: body, linesBefore: linesAtStart });
    lines += countNewlines(text, counted, end);
    counted = end;
    chunkStart = end;
    linesAtStart = lines;
  };

  for (let at = 0; at !== -1 && at < text.length; at = nextLine(text, at)) {
    if (isMarker(text, at, '---')) close(at, true);
    else if (isMarker(text, at, '...')) {
      const end = nextLine(text, at);
      close(end === -1 ? text.length : end, false);
    }
  }
  close(text.length, false);
  return chunks;
}

/** The start of the next line that could be a marker, or -1. */
function nextLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  return newline === -1 ? -1 : newline + 1;
}

function isMarker(text: string, at: number, marker: '---' | '...'): boolean {
  if (!text.startsWith(marker, at)) return false;
  const after = text[at + 3];
  return after === undefined || after === '\n' || after === '\r' || after === ' ' || after === '\t';
}

/** Whether a text holds nothing but blank lines, comments, directives and end marks. */
function isPrologue(body: string): boolean {
  for (let at = 0; at !== -1 && at < body.length; at = nextLine(body, at)) {
    let first = at;
    while (body[first] === ' ' || body[first] === '\t' || body[first] === '\r') first++;
    const character = body[first];
    if (character === undefined || character === '\n' || character === '#') continue;
    if (first === at && (character === '%' || isMarker(body, at, '...'))) continue;
    return false;
  }
  return true;
}

function countNewlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** The place in the whole stream of an offset within one document's text. */
export function positionIn(chunk: YamlChunk, offset: number): YamlPosition {
  const lines = countNewlines(chunk.text, 0, offset);
  const lineStart = offset === 0 ? 0 : chunk.text.lastIndexOf('\n', offset - 1) + 1;
  return { line: chunk.linesBefore + lines + 1, column: offset - lineStart + 1 };
}
