import type { YamlDocument } from '../lib/yaml-read.ts';
import { formatFieldPath } from './field-error.ts';
import type { ManifestProblem } from './manifest.ts';
import type { Identity } from './manifest-identity.ts';
import { CERT_MANAGER_V1 } from './names.ts';
import { describeEdits, type Modernised, modernise, type OldVersion, oldPath } from './old-versions.ts';
import { type ReadDocument, readObject } from './read-document.ts';

/**
 * Reads a document of an old API version as the one of v1 that it would be, and tells what to edit. Problems
 * name fields of v1 and point to where the old ones stand.
 */
export function readOldObject(
  document: YamlDocument,
  identity: Identity,
  kind: 'Certificate' | 'Issuer' | 'ClusterIssuer',
  version: OldVersion,
): ReadDocument {
  const modern = modernise(document.value, version, kind);
  const told = problemsOfConversion(document, identity, modern);
  const read = readObject(modernDocument(document, modern), kind);
  const isRefused = modern.obstacles.some(({ severity }) => severity === 'error');
  return {
    object: isRefused ? undefined : read.object,
    problems: [...told, ...read.problems],
    isReadable: read.isReadable,
  };
}

/** The document as v1 would have it: fields are found under their new names. */
export function modernDocument(document: YamlDocument, { value, edits }: Modernised): YamlDocument {
  return {
    ...document,
    value,
    locate: (path, key) => {
      if (key === undefined) return document.locate(oldPath(edits, path));
      const whole = oldPath(edits, [...path, key]);
      return document.locate(whole.slice(0, -1), String(whole.at(-1)));
    },
  };
}

function problemsOfConversion(
  document: YamlDocument,
  { apiVersion = '', kind, name }: Identity,
  { edits, obstacles }: Modernised,
): readonly ManifestProblem[] {
  const what = `"${apiVersion}" is deprecated and read as ${CERT_MANAGER_V1}`;
  const how =
    obstacles.length > 0
      ? 'what this document alone cannot say is told beside this'
      : `certops lint --fix makes the edit: ${describeEdits(edits)}`;
  const deprecated: ManifestProblem = {
    severity: 'warning',
    rule: 'deprecated-api-version',
    position: document.locate(['apiVersion']),
    kind,
    name,
    field: 'apiVersion',
    message: `apiVersion: ${what}; ${how}`,
    document: document.index,
  };
  return [
    deprecated,
    ...obstacles.map(
      ({ severity, path, message }): ManifestProblem => ({
        severity,
        rule: 'deprecated-field',
        position: document.locate(path),
        kind,
        name,
        field: formatFieldPath(path),
        message,
        document: document.index,
      }),
    ),
  ];
}
