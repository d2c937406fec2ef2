import { isDeepStrictEqual } from 'node:util';
import { editYaml, type YamlEdit } from './yaml-edit.ts';
import { editValue } from './yaml-edit-value.ts';
import { readYaml, type YamlDocument } from './yaml-read.ts';

/**
 * The text of a document with edits made in it, every other byte as it was. Undefined where an edit cannot be made,
 * where nothing would change, or where the result would not mean exactly what was meant: it is read again.
 */
export function editDocument(document: YamlDocument, edits: readonly YamlEdit[]): string | undefined {
  if (document.problems.length > 0) return undefined;
  const changed = editYaml(document.text, edits);
  if (changed === undefined || changed === document.text) return undefined;
  return meansExactly(changed, editValue(document.value, edits)) ? changed : undefined;
}

/** The file with another text in the place of one document's; undefined where that text cannot be found in it. */
export function withDocument(file: string, document: YamlDocument, text: string): string | undefined {
  const { line } = document.positionAt(0);
  let at = file.startsWith('\ufeff') ? 1 : 0;
  for (let lines = 1; lines < line; lines++) at = file.indexOf('\n', at) + 1;
  if (document.text === '' || !file.startsWith(document.text, at)) return undefined;
  return file.slice(0, at) + text + file.slice(at + document.text.length);
}

/** Whether a text is one document without fault that means this. */
export function meansExactly(text: string, value: unknown): boolean {
  const { documents, problems } = readYaml(Buffer.from(text, 'utf8'));
  const [document, ...others] = documents;
  return (
    problems.length === 0 &&
    others.length === 0 &&
    document?.problems.length === 0 &&
    isDeepStrictEqual(document.value, value)
  );
}
