import { memberOf } from '../api/manifest-identity.ts';
import { SETTINGS_FILE } from '../api/manifest-paths.ts';
import { readManifestFile } from '../api/read-manifests.ts';
import { editDocument, withDocument } from '../lib/yaml-document-edit.ts';
import { readYaml } from '../lib/yaml-read.ts';
import { writeYaml } from '../lib/yaml-write.ts';
import type { Remedy, RemedyInput, SourceFile } from './remedy.ts';
import { remedyOf } from './wording.ts';

/** Adds the id of a held plan to `spec.confirmed` of certops.yaml, which is made where it is missing. */
export function confirmPlan({ settings, heldPlanId: id }: RemedyInput): Remedy | undefined {
  if (id === undefined) return undefined;
  const edited = settings === undefined ? newSettings(id) : confirmed(settings, id);
  if (edited === undefined || !isConfirmed(edited.text, id)) return undefined;
  return remedyOf(
    'confirm-plan',
    [edited],
    `confirm plan ${id}`,
    `Merging says that plan ${id} is wanted: certops carries it out at once, as far as it is still the same. This pull ` +
      'request closes when nothing of it is held any more.',
  );
}

function newSettings(id: string): SourceFile {
  const document = {
    apiVersion: 'certops.dev/v1alpha1',
    kind: 'Repository',
    metadata: { name: 'certificates' },
    spec: { confirmed: [id] },
  };
  return { path: SETTINGS_FILE, text: writeYaml([document]) };
}

function confirmed(settings: SourceFile, id: string): SourceFile | undefined {
  const { documents } = readYaml(Buffer.from(settings.text, 'utf8'));
  const [document, ...others] = documents;
  if (document === undefined || others.length > 0) return undefined;
  const list = memberOf(memberOf(document.value, 'spec'), 'confirmed');
  const path = ['spec', 'confirmed'];
  const changed = editDocument(document, [
    Array.isArray(list) ? { do: 'append', path, value: id } : { do: 'add', path, value: [id] },
  ]);
  const text = changed === undefined ? undefined : withDocument(settings.text, document, changed);
  return text === undefined ? undefined : { path: settings.path, text };
}

function isConfirmed(text: string, id: string): boolean {
  const { objects, problems } = readManifestFile(Buffer.from(text, 'utf8'));
  const [only] = objects.map(({ object }) => object);
  return (
    problems.every(({ severity }) => severity !== 'error') &&
    only?.kind === 'Repository' &&
    only.settings.confirmed.at(-1) === id
  );
}
