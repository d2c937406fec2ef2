import { meansExactly, withDocument } from '../lib/yaml-document-edit.ts';
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
    if (changed === undefined || !meansExactly(changed, modern.value)) continue;
    const whole = withDocument(text, document, changed);
    if (whole === undefined) continue;
    text = whole;
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
