import type { Certificate } from '../api/certificate.ts';
import type { Issuer } from '../api/issuer.ts';
import type { ManifestObject } from '../api/manifest.ts';
import { identify } from '../api/manifest-identity.ts';
import type { ObjectName } from '../api/names.ts';
import { isQuicklyRead, readManifestFile } from '../api/read-manifests.ts';
import { editDocument, withDocument } from '../lib/yaml-document-edit.ts';
import type { YamlEdit } from '../lib/yaml-edit.ts';
import { readYaml, type YamlDocument } from '../lib/yaml-read.ts';
import type { SourceFile } from './remedy.ts';

/** An object in a file. */
export interface Target {
  readonly kind: string;
  readonly name: ObjectName;
}

// Nobody writes one object over this size by hand, and each edit is a reading of its own on the event loop.
const MAX_DOCUMENT_CHARACTERS = 16_384;

/**
 * The document of a file that declares an object; undefined where there is none, where two do (nobody knows which
 * counts), or where it is too large to be edited in passing.
 */
export function documentOf(file: SourceFile, { kind, name }: Target): YamlDocument | undefined {
  const { documents } = readYaml(Buffer.from(file.text, 'utf8'), {
    isWanted: (text) => text.includes(name.name) && isSmall(text),
  });
  const declaring = documents.filter((document) => {
    const identity = identify(document.value, document.text);
    return (
      identity.kind === kind &&
      identity.name?.name === name.name &&
      identity.name.namespace === name.namespace
    );
  });
  const [only, ...others] = declaring;
  return others.length === 0 && only !== undefined && isSmall(only.text) ? only : undefined;
}

function isSmall(text: string): boolean {
  return text.length <= MAX_DOCUMENT_CHARACTERS && isQuicklyRead(Buffer.from(text, 'utf8'));
}

/** The object that a document's text declares, where nothing is wrong with it. */
export function objectIn(text: string, { kind, name }: Target): ManifestObject | undefined {
  const { objects, problems } = readManifestFile(Buffer.from(text, 'utf8'));
  if (problems.some(({ severity }) => severity === 'error')) return undefined;
  const [only, ...others] = objects.map(({ object }) => object);
  const isIt = only?.kind === kind && only.name.name === name.name && only.name.namespace === name.namespace;
  return isIt && others.length === 0 ? only : undefined;
}

/**
 * The file with edits in the document of one object, every other byte as it was. Undefined where they cannot be made
 * there, or where the object that is read afterwards is not valid or not what was meant.
 */
function editObject(
  file: SourceFile,
  target: Target,
  editsOf: (value: unknown) => readonly YamlEdit[] | undefined,
  isMeant: (object: ManifestObject) => boolean,
): SourceFile | undefined {
  const document = documentOf(file, target);
  const edits = document && editsOf(document.value);
  const changed = document && edits && editDocument(document, edits);
  if (document === undefined || changed === undefined) return undefined;
  const object = objectIn(changed, target);
  if (object === undefined || !isMeant(object)) return undefined;
  return replaceDocument(file, document, changed);
}

/** The file with another text for one of its documents. */
export function replaceDocument(
  file: SourceFile,
  document: YamlDocument,
  changed: string,
): SourceFile | undefined {
  const text = withDocument(file.text, document, changed);
  return text === undefined || text === file.text ? undefined : { path: file.path, text };
}

/** `editObject` for a Certificate. */
export function editCertificate(
  file: SourceFile,
  name: ObjectName,
  editsOf: (value: unknown) => readonly YamlEdit[] | undefined,
  isMeant: (certificate: Certificate) => boolean,
): SourceFile | undefined {
  const target = { kind: 'Certificate', name };
  return editObject(file, target, editsOf, (object) => object.kind === 'Certificate' && isMeant(object));
}

/** `editObject` for an Issuer or a ClusterIssuer. */
export function editIssuer(
  file: SourceFile,
  { kind, name }: Pick<Issuer, 'kind' | 'name'>,
  editsOf: (value: unknown) => readonly YamlEdit[] | undefined,
  isMeant: (issuer: Issuer) => boolean,
): SourceFile | undefined {
  return editObject(
    file,
    { kind, name },
    editsOf,
    (object) => (object.kind === 'Issuer' || object.kind === 'ClusterIssuer') && isMeant(object),
  );
}
