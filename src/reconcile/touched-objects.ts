import type { OutputPath } from '../status/paths.ts';
import { secretKey } from './desired-state.ts';
import { type CertificateKey, certificateKey, type IssuerKey } from './keys.ts';
import type { World } from './world.ts';

/** Secrets (`namespace/name`) among the paths that head takes away. */
export function takenAway(gone: readonly string[], { paths }: World): readonly string[] {
  return gone.flatMap((path) => {
    const place = paths.classify(path);
    return place?.kind === 'secret' ? [certificateKey(place.name)] : [];
  });
}

/** Objects that a change may be about. */
export interface TouchedObjects {
  readonly secrets: Set<string>;
  readonly certificates: Set<CertificateKey>;
  readonly issuers: Set<IssuerKey>;
}

/** What may be another matter at head: by what is declared, by its issuer, by who shares its Secret. */
export function touchedObjects(
  base: World,
  head: World,
  isEverything: boolean,
  missing: readonly string[],
): TouchedObjects {
  const isIssuer = (key: string) => key.includes(':');
  const worlds = [base.desired, head.desired];
  const rejected = worlds.flatMap((desired) => [...desired.rejectedKeys()]);
  const declared = worlds.flatMap((desired) => [...desired.certificateKeys()]);
  const issuerKeys = new Set([
    ...worlds.flatMap((desired) => [...desired.issuerKeys()]),
    ...rejected.filter(isIssuer),
  ]);
  const isAll = isEverything || !base.paths.hasSameFolders(head.paths);
  const certificates = new Set(
    [...declared, ...rejected.filter((key) => !isIssuer(key))].filter(
      (key) => isAll || printOf(base, key, false) !== printOf(head, key, false),
    ),
  );
  const issuers = new Set(
    [...issuerKeys].filter((key) => printOf(base, key, true) !== printOf(head, key, true)),
  );
  for (const issuer of issuers) {
    for (const desired of worlds) for (const key of desired.dependents(issuer)) certificates.add(key);
  }
  const secrets = new Set(missing);
  for (const desired of worlds) {
    for (const { object } of desired.allSecrets()) secrets.add(certificateKey(object.name));
    for (const key of certificates) {
      for (const { object } of desired.certificates(key)) secrets.add(secretKey(object));
    }
  }
  for (const secret of secrets) {
    for (const desired of worlds) for (const key of desired.claimants(secret)) certificates.add(key);
  }
  return { certificates, issuers, secrets };
}

function printOf({ desired }: World, key: string, isIssuer: boolean): string {
  const declared = isIssuer ? desired.issuers(key) : desired.certificates(key);
  return JSON.stringify([
    declared.map(({ path, specHash }) => [path, specHash]),
    desired.rejections(key).map(({ path, problem }) => [path, problem.rule, problem.field, problem.message]),
  ]);
}

/** Whether a record is one of what is touched, or of the issuers that it names. */
export function isWantedRecord(
  { certificates, issuers, secrets }: TouchedObjects,
  place: OutputPath,
): boolean {
  switch (place.kind) {
    case 'certificate-status':
      return certificates.has(certificateKey(place.name));
    case 'secret':
      return secrets.has(certificateKey(place.name));
    case 'request':
      return certificates.has(`${place.namespace}/${place.file.replace(/-\d+$/, '')}`);
    case 'issuer-status': {
      const kind = place.name.namespace === '' ? 'ClusterIssuer' : 'Issuer';
      return certificates.size > 0 || issuers.has(`${kind}:${place.name.namespace}/${place.name.name}`);
    }
    default:
      return false;
  }
}
