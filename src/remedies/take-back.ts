import { isDeepStrictEqual } from 'node:util';
import { formatObjectName } from '../api/names.ts';
import { isQuicklyRead, readManifestFile } from '../api/read-manifests.ts';
import type { YamlDocument } from '../lib/yaml-read.ts';
import { splitYaml } from '../lib/yaml-split.ts';
import { documentOf, objectIn, replaceDocument } from './manifest-edit.ts';
import type { Remedy, RemedyInput, SourceFile } from './remedy.ts';
import { remedyOf } from './wording.ts';

/** Puts the document of an invalid manifest back as it was when it was last accepted; nothing else in its file. */
export function takeBack({ subject }: RemedyInput): Remedy | undefined {
  if (subject?.lastAccepted === undefined) return undefined;
  const { file, kind, name, lastAccepted } = subject;
  if (kind === 'File') return takeBackFile(file, lastAccepted);
  const now = documentOf(file, subject);
  const before = documentOf({ path: file.path, text: lastAccepted }, subject);
  if (now === undefined || before === undefined || objectIn(before.text, subject) === undefined)
    return undefined;
  const edited = replaceDocument(file, now, fitted(before.text, now.text));
  if (edited === undefined || !isAlone(file, edited, now)) return undefined;
  return remedyOf(
    'take-back',
    [edited],
    'take back the last edit',
    `Merging puts the manifest of ${kind} ${formatObjectName(name)} back as it was when certops last accepted it, which ` +
      'is what is in force still. This pull request closes at the next look.',
  );
}

/** A file of which nothing can be told apart, as it was when all that it declared was accepted. */
function takeBackFile(file: SourceFile, lastAccepted: string): Remedy | undefined {
  if (!isQuicklyRead(Buffer.from(lastAccepted, 'utf8'))) return undefined;
  const { problems } = readManifestFile(Buffer.from(lastAccepted, 'utf8'));
  if (lastAccepted === file.text || problems.some(({ severity }) => severity === 'error')) return undefined;
  return remedyOf(
    'take-back',
    [{ path: file.path, text: lastAccepted }],
    'take back the last edit',
    'Merging puts the whole file back as it was when certops last accepted it, which is what is in force still. This ' +
      'pull request closes at the next look.',
  );
}

/** A document's text with what the place of another asks for: the line of dashes before it, the line end behind it. */
function fitted(text: string, place: string): string {
  const eol = place.includes('\r\n') ? '\r\n' : '\n';
  const marked = /^---(?=\s)/m.test(place) && !/^---(?=\s)/m.test(text) ? `---${eol}${text}` : text;
  return place.endsWith('\n') && !marked.endsWith('\n') ? marked + eol : marked;
}

/** Whether every other document of the file is as it was. */
function isAlone(before: SourceFile, after: SourceFile, document: YamlDocument): boolean {
  const others = (text: string): readonly string[] =>
    splitYaml(text.replace(/^\ufeff/, ''))
      .filter(({ index }) => index !== document.index)
      .map(({ text: chunk }) => chunk);
  return isDeepStrictEqual(others(before.text), others(after.text));
}
