import { checkShape } from '../../lib/schema.ts';
import type { YamlDocument } from '../../lib/yaml-read.ts';
import { formatFieldPath } from '../field-error.ts';
import type { Issuer } from '../issuer.ts';
import { ISSUER } from '../issuer-schema.ts';
import { caFacts } from '../known-cas.ts';
import type { ManifestProblem, PlacedObject } from '../manifest.ts';
import { SETTINGS_FILE } from '../manifest-paths.ts';
import { withoutNulls } from '../read-document.ts';
import type { RepositorySettings } from '../repository.ts';
import { checkAcmeIssuer } from './acme-issuer-rules.ts';
import { type AcmeFacts, checkAcmeCertificate, checkWithoutAcme } from './acme-rules.ts';
import { checkRates } from './ca-rates.ts';
import { type Catalogue, catalogue, type Declared, type LintedFile } from './catalogue.ts';
import { type CrossFinding, compareFindings, type Finding, findingOf } from './finding.ts';
import { checkObjects, issuerOf } from './object-rules.ts';
import { reopen } from './reopened.ts';

/**
 * Everything there is to say about the manifests of a work tree: what is wrong with each document, what is not
 * served yet, and what the objects make of each other. Pure, in the order of files and places.
 */
export function lintFiles(
  files: readonly LintedFile[],
  settings: RepositorySettings,
  objects: Catalogue = catalogueOf(files),
): readonly Finding[] {
  const sorted = inOrder(files);
  const byPath = new Map(sorted.map((file) => [file.path, file]));
  const crossing = [
    ...checkObjects(objects, settings),
    ...[...objects.issuers.values()].flatMap((issuer) => checkAcmeIssuer(issuer)),
    ...checkAcme(objects, byPath),
    ...checkRates(objects),
  ];
  const misplaced = sorted.flatMap((file) => misplacedObjects(file));
  const found = [...sorted.flatMap((file) => findingsOf(file)), ...misplaced, ...placed(crossing, byPath)];
  return found.sort(compareFindings);
}

/** The objects of a work tree; of the file with the settings there are none. */
export function catalogueOf(files: readonly LintedFile[]): Catalogue {
  return catalogue(inOrder(files).filter(({ path }) => path !== SETTINGS_FILE));
}

function inOrder(files: readonly LintedFile[]): readonly LintedFile[] {
  return files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** What is to say about one file by itself. */
export function findingsOf({ path, manifests }: Pick<LintedFile, 'path' | 'manifests'>): readonly Finding[] {
  return [
    ...manifests.problems.map((problem) => findingOf(path, problem)),
    ...manifests.objects
      .flatMap((placedObject) => unserved(placedObject))
      .map((problem) => findingOf(path, problem)),
  ];
}

/** The settings have a file of their own, in which nothing else is read. */
function misplacedObjects({ path, manifests }: LintedFile): readonly Finding[] {
  const isSettings = path === SETTINGS_FILE;
  return manifests.objects
    .filter(({ object }) => (object.kind === 'Repository') !== isSettings)
    .map(({ object: { kind, name }, document, position }) => {
      const message = isSettings
        ? `${SETTINGS_FILE} is read for the repository's settings only; move this ${kind} to another file`
        : `a Repository is only read from ${SETTINGS_FILE} at the root of the repository`;
      const rule = 'misplaced-object';
      return findingOf(path, {
        severity: 'warning',
        rule,
        position,
        kind,
        name,
        field: '',
        message,
        document,
      });
    });
}

function unserved({ object, document }: PlacedObject): readonly ManifestProblem[] {
  if (!('unserved' in object)) return [];
  return object.unserved.map(({ field, line, column }) => ({
    severity: 'warning',
    rule: 'not-served',
    position: { line, column },
    kind: object.kind,
    name: object.name,
    field,
    message: `${field}: Not served yet: ${object.kind} is not acted on while it says this`,
    document,
  }));
}

type Files = ReadonlyMap<string, LintedFile>;

function checkAcme(objects: Catalogue, files: Files): readonly CrossFinding[] {
  const facts = new Map<Declared<Issuer>, AcmeFacts | undefined>();
  return objects.certificates.flatMap((certificate) => {
    const issuer = issuerOf(certificate.object, objects);
    if (issuer === undefined) return [];
    if (issuer.object.spec.type !== 'acme') return checkWithoutAcme(certificate);
    if (!facts.has(issuer)) facts.set(issuer, acmeFacts(issuer, files));
    const acme = facts.get(issuer);
    return acme === undefined ? [] : checkAcmeCertificate(certificate, acme);
  });
}

/** By `spec.acme` as it is written: with the solvers that are not served yet. */
function acmeFacts(issuer: Declared<Issuer>, files: Files): AcmeFacts | undefined {
  const bytes = files.get(issuer.file)?.bytes;
  const document = bytes === undefined ? undefined : reopen(bytes).get(issuer.document);
  const checked = checkShape(ISSUER, withoutNulls(document?.value));
  const acme = checked.ok ? checked.value.spec.acme : undefined;
  return acme && { acme, ca: caFacts(acme.server) };
}

/** Finds out where the fields of findings stand, opening each file once. */
export function placed(findings: readonly CrossFinding[], files: Files): readonly Finding[] {
  const byFile = new Map<string, CrossFinding[]>();
  for (const each of findings) {
    const ofFile = byFile.get(each.file);
    if (ofFile === undefined) byFile.set(each.file, [each]);
    else ofFile.push(each);
  }
  return [...byFile].flatMap(([path, ofFile]) => {
    const documents = reopen(files.get(path)?.bytes ?? new Uint8Array());
    return ofFile.map((each) => placedFinding(each, documents.get(each.document)));
  });
}

function placedFinding(found: CrossFinding, document: YamlDocument | undefined): Finding {
  const field = formatFieldPath(found.field);
  const position = document?.locate(found.field) ?? { line: 1, column: 1 };
  return findingOf(found.file, {
    ...{ severity: found.severity, rule: found.rule, position, kind: found.kind, name: found.name, field },
    ...{ message: `${field}: ${found.message}`, document: found.document },
  });
}
