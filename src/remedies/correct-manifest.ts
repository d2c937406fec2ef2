import type { ManifestProblem } from '../api/manifest.ts';
import { formatObjectName } from '../api/names.ts';
import { readManifestFile } from '../api/read-manifests.ts';
import { editDocument } from '../lib/yaml-document-edit.ts';
import type { YamlEdit } from '../lib/yaml-edit.ts';
import { readYaml, type YamlDocument } from '../lib/yaml-read.ts';
import { type Correction, correctionOf, type Fault, valueAt } from './corrections.ts';
import { stepsOf } from './known-fields.ts';
import { documentOf, objectIn, replaceDocument } from './manifest-edit.ts';
import type { Remedy, RemedyInput } from './remedy.ts';
import { remedyOf, shortList } from './wording.ts';

// Each is a reading of its own; who has made more mistakes has to look at them.
const MAX_CORRECTIONS = 20;

type Corrector = (fault: Fault) => Correction | undefined;

/** A manifest made valid by corrections that leave no doubt about what was meant. */
export function correctField(input: RemedyInput): Remedy | undefined {
  const corrected = correctedSubject(input, correctionOf);
  if (corrected === undefined) return undefined;
  const { subject, file, fields } = corrected;
  return remedyOf(
    'correct-field',
    [file],
    `correct ${shortList(fields)}`,
    `Merging corrects ${shortList(fields)} of ${subject}, which makes the manifest valid; certops acts on it at once. ` +
      'This pull request closes at the next look.',
  );
}

/**
 * A manifest made valid by leaving out what cannot be put right: fields that nothing reads, and names that no
 * certificate can hold, as long as others remain. Of Certificates alone: a constraint of a policy, or a selector of an
 * issuer, that was misspelt beyond recognition would be gone, and more be allowed than was meant.
 */
export function leaveOutFaults(input: RemedyInput): Remedy | undefined {
  if (input.subject?.kind !== 'Certificate') return undefined;
  const corrected = correctedSubject(input, (fault) => correctionOf(fault) ?? omissionOf(fault));
  if (corrected === undefined) return undefined;
  const { subject, file, left } = corrected;
  const what = [
    ...(left.includes('field') ? ['what nothing reads'] : []),
    ...(left.includes('name') ? ['what cannot be a name'] : []),
  ].join(' and ');
  return remedyOf(
    left.includes('name') ? 'drop-names' : 'correct-field',
    [file],
    `drop ${what}`,
    `Merging takes ${what} out of ${subject}, which makes the manifest valid; certops acts on the rest at once. This ` +
      'pull request closes at the next look.',
  );
}

interface Corrected {
  readonly subject: string;
  readonly file: { readonly path: string; readonly text: string };
  readonly fields: readonly string[];
  /** What was left out, of what sort. */
  readonly left: readonly string[];
}

function correctedSubject({ subject }: RemedyInput, correct: Corrector): Corrected | undefined {
  const document = subject && documentOf(subject.file, subject);
  if (subject === undefined || document === undefined) return undefined;
  const fields: string[] = [];
  const left: string[] = [];
  let current: YamlDocument | undefined = document;
  for (let round = 0; round < MAX_CORRECTIONS && current !== undefined; round++) {
    const faults = faultsOf(current, subject.kind);
    if (faults.length === 0) break;
    const next = firstCorrected(current, faults, correct);
    if (next === undefined) return undefined;
    fields.push(next.correction.field);
    if (next.correction.field === '') left.push(next.sort);
    current = next.document;
  }
  if (current === undefined || objectIn(current.text, subject) === undefined) return undefined;
  const file = replaceDocument(subject.file, document, current.text);
  const named = `${subject.kind} ${formatObjectName(subject.name)}`;
  return file && { subject: named, file, fields: [...new Set(fields)].filter((field) => field !== ''), left };
}

function faultsOf(document: YamlDocument, kind: string): readonly Fault[] {
  const { problems } = readManifestFile(Buffer.from(document.text, 'utf8'));
  return problems
    .filter(({ severity }) => severity === 'error')
    .map(({ rule, field }: ManifestProblem) => ({
      ...{ kind, rule, value: document.value },
      // What has no place cannot be corrected there.
      path: stepsOf(field) ?? [],
    }));
}

interface CorrectedDocument {
  readonly document: YamlDocument;
  readonly correction: Correction;
  readonly sort: string;
}

/** One mistake can show in several places: the first that can be put right, is. */
function firstCorrected(
  document: YamlDocument,
  faults: readonly Fault[],
  correct: Corrector,
): CorrectedDocument | undefined {
  for (const fault of faults) {
    const correction = fault.path.length === 0 ? undefined : correct(fault);
    const text = correction && editDocument(document, correction.edits);
    const [read] = text === undefined ? [] : readYaml(Buffer.from(text, 'utf8')).documents;
    if (correction === undefined || read === undefined) continue;
    return { document: read, correction, sort: fault.rule === 'unknown-field' ? 'field' : 'name' };
  }
  return undefined;
}

const NAME_LISTS: readonly unknown[] = ['dnsNames', 'ipAddresses'];

/** The edit that leaves a faulty part out; its `field` is empty, since a stranger may have named it. */
function omissionOf({ rule, path, value }: Fault): Correction | undefined {
  const remove = (at: Fault['path']): readonly YamlEdit[] => [{ do: 'remove', path: at, withComment: true }];
  if (rule === 'unknown-field' && path[0] === 'spec') return { field: '', edits: remove(path) };
  const [spec, list, index, ...deeper] = path;
  const isName =
    rule === 'invalid-value' && spec === 'spec' && NAME_LISTS.includes(list) && typeof index === 'number';
  if (!isName || deeper.length > 0) return undefined;
  const names = valueAt(value, path.slice(0, -1));
  if (!Array.isArray(names)) return undefined;
  return { field: '', edits: remove(names.length === 1 ? path.slice(0, -1) : path) };
}
