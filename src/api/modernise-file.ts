import { isDeepStrictEqual } from 'node:util';
import { editYaml } from '../lib/yaml-edit.ts';
import { readYaml, type YamlDocument } from '../lib/yaml-read.ts';
import { identify } from './manifest-identity.ts';
import { treatmentOf } from './manifest-kinds.ts';
import { type Modernised, modernise } from './old-versions.ts';

/** A file after `certops lint --fix`. */
export interface ModernisedFile {
  readonly bytes: Uint8Array;
  /** Indices of the documents that were edited. */
  readonly documents: readonly number[];
}

/**
 * Edits the documents of old API versions in a file to v1, and leaves every other byte alone. A document is
 * left as it is where something stands in the way (`spec.acme` of a v1alpha1 Certificate, an alias across the
 * edit), or where the edited text would not mean exactly what the conversion means. Undefined where nothing
 * was edited. Never throws.
 */
export function moderniseFile(bytes: Uint8Array): ModernisedFile | undefined {
  const file = readYaml(bytes, { isWanted: (text) => /cert-?manager\.(?:k8s\.)?io\//.test(text) });
  const old = file.documents.flatMap((document) => {
    const modern = modernOf(document);
    return modern === undefined ? [] : [{ document, modern }];
  });
  let text = Buffer.from(bytes).toString('utf8');
  // Bytes that are no UTF-8 would come out as others.
  if (old.length === 0 || !Buffer.from(text, 'utf8').equals(bytes)) return undefined;
  const edited: number[] = [];
  // From the last to the first, so that lines before keep their place.
  for (const { document, modern } of old.reverse()) {
    const changed = document.text === '' ? undefined : editYaml(document.text, modern.edits);
    const at = changed === undefined ? -1 : placeOf(text, document);
    if (changed === undefined || at === -1 || !means(changed, modern.value)) continue;
    text = text.slice(0, at) + changed + text.slice(at + document.text.length);
    edited.unshift(document.index);
  }
  return edited.length === 0 ? undefined : { bytes: Buffer.from(text, 'utf8'), documents: edited };
}

function modernOf(document: YamlDocument): Modernised | undefined {
  if (document.problems.length > 0) return undefined;
  const identity = identify(document.value, document.text);
  const treatment = treatmentOf(identity, document.value);
  if (treatment.do !== 'convert') return undefined;
  const modern = modernise(document.value, treatment.version, treatment.kind);
  return modern.obstacles.length > 0 ? undefined : modern;
}

/** Where a document's text begins in the file, or -1. */
function placeOf(text: string, document: YamlDocument): number {
  const { line } = document.positionAt(0);
  let at = text.startsWith('\ufeff') ? 1 : 0;
  for (let lines = 1; lines < line; lines++) at = text.indexOf('\n', at) + 1;
  return text.startsWith(document.text, at) ? at : -1;
}

/** Whether an edited text is one document without fault that means this. */
function means(text: string, value: unknown): boolean {
  const { documents, problems } = readYaml(Buffer.from(text, 'utf8'));
  const [document, ...others] = documents;
  return (
    problems.length === 0 &&
    others.length === 0 &&
    document?.problems.length === 0 &&
    isDeepStrictEqual(document.value, value)
  );
}
