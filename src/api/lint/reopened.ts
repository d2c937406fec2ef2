import { readYaml, type YamlDocument } from '../../lib/yaml-read.ts';
import { identify } from '../manifest-identity.ts';
import { treatmentOf } from '../manifest-kinds.ts';
import { modernise } from '../old-versions.ts';
import { modernDocument } from '../read-old-document.ts';

/**
 * The documents of a file again, by index, as v1 would have them: where fields stand is not kept of every file,
 * because few of them have anything to tell.
 */
export function reopen(bytes: Uint8Array): ReadonlyMap<number, YamlDocument> {
  const { documents } = readYaml(bytes);
  return new Map(documents.map((document) => [document.index, modern(document)]));
}

function modern(document: YamlDocument): YamlDocument {
  const treatment = treatmentOf(identify(document.value, document.text), document.value);
  if (treatment.do !== 'convert') return document;
  return modernDocument(document, modernise(document.value, treatment.version, treatment.kind));
}
