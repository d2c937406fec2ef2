import type { YamlProblem } from './yaml-problem.ts';
import { positionIn, type YamlChunk } from './yaml-split.ts';

/** A file's text. `isLossy`: some bytes are not UTF-8 and stand as U+FFFD. */
export interface DecodedYaml {
  readonly text: string;
  readonly isLossy: boolean;
}

/** Decodes UTF-8, with or without a byte order mark; UTF-16 is refused by name. */
export function decodeYaml(bytes: Uint8Array): DecodedYaml | { readonly problem: YamlProblem } {
  const [first, second] = bytes;
  const isUtf16 =
    (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || first === 0 || second === 0;
  if (isUtf16 && bytes.byteLength > 1) {
    const message = 'the file is not UTF-8 but looks like UTF-16; save it as UTF-8';
    return { problem: { rule: 'yaml-encoding', position: { line: 1, column: 1 }, path: [], message } };
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), isLossy: false };
  } catch {
    return { text: new TextDecoder('utf-8').decode(bytes), isLossy: true };
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for (YAML 1.1, 5.1).
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/**
 * What is wrong with the text of documents before they are parsed, by index: a conflict that Git left,
 * bytes that are no UTF-8, control characters. Such a document is not worth parsing.
 */
export function problemsOfText(
  chunks: readonly YamlChunk[],
  decoded: DecodedYaml,
): ReadonlyMap<number, YamlProblem> {
  const found = new Map<number, YamlProblem>();
  const hasConflict = /^(?:<{7}|>{7})(?: |\r?$)/m.test(decoded.text);
  const hasControl = CONTROL.test(decoded.text);
  if (!hasConflict && !hasControl && !decoded.isLossy) return found;

  // Documents between the two ends of a conflict are neither side's, even when whole.
  let isInConflict = false;
  for (const chunk of chunks) {
    const markers = hasConflict ? [...chunk.text.matchAll(/^([<>])\1{6}(?: |\r?$)/gm)] : [];
    const [marker] = markers;
    if (marker !== undefined || isInConflict) {
      const message = 'Git left a merge conflict here; decide it and take the markers out';
      found.set(chunk.index, {
        rule: 'merge-conflict',
        position: positionIn(chunk, marker?.index ?? 0),
        path: [],
        message,
      });
      const last = markers.at(-1);
      if (last !== undefined) isInConflict = last[1] === '<';
      continue;
    }
    const control = hasControl ? chunk.text.search(CONTROL) : -1;
    const lost = decoded.isLossy ? chunk.text.indexOf('\ufffd') : -1;
    if (lost !== -1) {
      const message = 'a byte here is not UTF-8 (Latin-1?); save the file as UTF-8';
      found.set(chunk.index, { rule: 'yaml-encoding', position: positionIn(chunk, lost), path: [], message });
    } else if (control !== -1) {
      const message = 'a control character stands here';
      found.set(chunk.index, {
        rule: 'yaml-syntax',
        position: positionIn(chunk, control),
        path: [],
        message,
      });
    }
  }
  return found;
}
