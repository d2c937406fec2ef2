import type { Certificate } from '../certificate.ts';
import type { FieldPath } from '../field-error.ts';
import type { Issuer } from '../issuer.ts';
import type { ManifestObject } from '../manifest.ts';
import {
  CERT_MANAGER_GROUP,
  formatObjectName,
  type IssuerRef,
  issuerName,
  type ObjectName,
} from '../names.ts';
import type { RepositorySettings } from '../repository.ts';
import { type Catalogue, type Declared, objectKey } from './catalogue.ts';
import type { CrossFinding } from './finding.ts';

/** Rules about what objects make of each other, whatever the issuers are. */
export function checkObjects(objects: Catalogue, settings: RepositorySettings): readonly CrossFinding[] {
  return [
    ...objects.repeated.flatMap((declarations) => repeatedObject(declarations)),
    ...[...objects.claims.values()].flatMap((claims) => sharedSecret(claims)),
    ...objects.certificates.flatMap((certificate) => certificateAmongOthers(certificate, objects, settings)),
    ...[...objects.issuers.values()].flatMap((issuer) => caSecret(issuer, objects, settings)),
  ];
}

type Severity = CrossFinding['severity'];

/** A finding about one field of a declared object. */
export function finding(
  severity: Severity,
  rule: string,
  { object, file, document }: Declared<ManifestObject>,
  field: FieldPath,
  message: string,
): CrossFinding {
  return { severity, rule, file, document, kind: object.kind, name: object.name, field, message };
}

/** Where people find a declaration: its file, and which document of it where there are several. */
function place({ file, document }: Declared<ManifestObject>): string {
  return document === 0 ? file : `${file} (document ${document + 1})`;
}

function repeatedObject(declarations: readonly Declared<ManifestObject>[]): readonly CrossFinding[] {
  const [first, ...others] = declarations;
  if (first === undefined) return [];
  const message = `this object is declared in ${place(first)} already; the daemon stays with the one it has on record`;
  return others.map((other) => finding('error', 'duplicate-object', other, ['metadata', 'name'], message));
}

const SECRET_NAME: FieldPath = ['spec', 'secretName'];

function sharedSecret(claims: readonly Declared<Certificate>[]): readonly CrossFinding[] {
  const [first, ...others] = claims;
  if (first === undefined) return [];
  const owner = `Certificate ${formatObjectName(first.object.name)} (${place(first)})`;
  return others.map((other) =>
    finding(
      'error',
      'duplicate-secret-name',
      other,
      SECRET_NAME,
      `${owner} asks for the same Secret; one of them waits`,
    ),
  );
}

/** The issuer that a Certificate means, where it is declared and valid. */
export function issuerOf(certificate: Certificate, objects: Catalogue): Declared<Issuer> | undefined {
  const { issuerRef } = certificate.spec;
  if (issuerRef.group !== CERT_MANAGER_GROUP) return undefined;
  return objects.issuers.get(issuerKey(issuerRef, certificate.name.namespace));
}

function issuerKey(ref: IssuerRef, namespace: string): string {
  return objectKey(ref.kind, issuerName(ref, namespace));
}

/** The namespace in which an issuer looks for its Secrets. */
function credentialNamespace({ kind, name }: Issuer, settings: RepositorySettings): string {
  return kind === 'ClusterIssuer' ? settings.clusterResourceNamespace : name.namespace;
}

function certificateAmongOthers(
  certificate: Declared<Certificate>,
  objects: Catalogue,
  settings: RepositorySettings,
): readonly CrossFinding[] {
  const { spec, name } = certificate.object;
  const findings: CrossFinding[] = [];
  const sealed = objects.secrets.get(`${name.namespace}/${spec.secretName}`);
  if (sealed !== undefined) {
    const message = `${place(sealed)} holds a Secret of this name, which people wrote; it is never overwritten`;
    findings.push(finding('error', 'secret-not-owned', certificate, SECRET_NAME, message));
  }
  const issuer = issuerOf(certificate.object, objects);
  if (issuer !== undefined) {
    const own = issuer.object.spec.type === 'ca' ? issuer.object.spec.secretName : undefined;
    if (own === spec.secretName && credentialNamespace(issuer.object, settings) === name.namespace) {
      const message = 'this is the Secret of the CA that is to sign the certificate';
      findings.push(finding('error', 'secret-of-issuer', certificate, SECRET_NAME, message));
    }
    return findings;
  }
  const { issuerRef } = spec;
  const key = issuerKey(issuerRef, name.namespace);
  if (issuerRef.group !== CERT_MANAGER_GROUP || objects.rejected.has(key)) return findings;
  const message = `no manifest declares ${key}${elsewhere(issuerRef, name, objects)}`;
  return [...findings, finding('warning', 'issuer-not-found', certificate, ['spec', 'issuerRef'], message)];
}

/** What is there under the same name, which may be what was meant. */
function elsewhere({ kind, name }: IssuerRef, certificate: ObjectName, objects: Catalogue): string {
  if (kind === 'Issuer' && objects.issuers.has(objectKey('ClusterIssuer', { namespace: '', name }))) {
    return '; there is a ClusterIssuer of this name (kind: ClusterIssuer)';
  }
  const beside = { namespace: certificate.namespace, name };
  if (kind === 'ClusterIssuer' && objects.issuers.has(objectKey('Issuer', beside))) {
    return '; there is an Issuer of this name (kind: Issuer)';
  }
  return '';
}

const CA_SECRET: FieldPath = ['spec', 'ca', 'secretName'];

function caSecret(
  issuer: Declared<Issuer>,
  objects: Catalogue,
  settings: RepositorySettings,
): readonly CrossFinding[] {
  const { spec } = issuer.object;
  if (spec.type !== 'ca') return [];
  const secret = `${credentialNamespace(issuer.object, settings)}/${spec.secretName}`;
  if (objects.secrets.has(secret)) return [];
  const [claim] = objects.claims.get(secret) ?? [];
  if (claim?.object.spec.isCA === true) return [];
  if (claim !== undefined) {
    const message = `Certificate ${formatObjectName(claim.object.name)}, which makes this Secret, has no isCA: true`;
    return [finding('warning', 'ca-secret-not-a-ca', issuer, CA_SECRET, message)];
  }
  const message = `no Certificate and no sealed Secret makes the Secret ${secret}`;
  return [finding('warning', 'ca-secret-not-found', issuer, CA_SECRET, message)];
}
