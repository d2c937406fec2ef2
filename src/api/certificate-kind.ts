import { parseGoDuration } from '../lib/go-duration.ts';
import {
  type Certificate,
  type CertificateSpec,
  DEFAULT_USAGES,
  type PrivateKeySpec,
  type SubjectSpec,
} from './certificate.ts';
import { checkCertificateAnnotations } from './certificate-annotations.ts';
import { checkCertificateSpec } from './certificate-rules.ts';
import type { CertificateShape, CertificateSpecShape } from './certificate-schema.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import { checkPathLength, longestPath } from './kubernetes-names.ts';
import { CERT_MANAGER_GROUP, type ObjectName } from './names.ts';

/** A Certificate without the positions of its unserved fields, and the paths of those. */
export interface ReadCertificate {
  readonly certificate: Omit<Certificate, 'unserved'>;
  readonly unserved: readonly FieldPath[];
}

/** Validates a Certificate of the right shape and applies cert-manager's defaults. */
export function readCertificate(
  errors: FieldErrors,
  shape: CertificateShape,
  name: ObjectName,
): ReadCertificate {
  const { spec, metadata } = shape;
  const { labels = {}, annotations = {} } = metadata;
  checkPathLength(errors, ['metadata', 'name'], name.name, longestPath('Certificate', name));
  const unservedAnnotations = checkCertificateAnnotations(errors, annotations);
  checkCertificateSpec(errors, spec, name.namespace);
  return {
    certificate: { kind: 'Certificate', name, labels, annotations, spec: defaulted(spec) },
    unserved: [...unservedAnnotations, ...unservedFields(spec)],
  };
}

function unservedFields(spec: CertificateSpecShape): readonly FieldPath[] {
  const group = spec.issuerRef.group ?? '';
  const isUnserved: readonly (readonly [FieldPath, boolean])[] = [
    [['issuerRef', 'group'], group !== '' && group !== CERT_MANAGER_GROUP],
    [['literalSubject'], (spec.literalSubject ?? '') !== ''],
    [['otherNames'], (spec.otherNames ?? []).length > 0],
    [['nameConstraints'], spec.nameConstraints !== undefined],
    [['keystores', 'jks'], spec.keystores?.jks?.create === true],
    [['keystores', 'pkcs12'], spec.keystores?.pkcs12?.create === true],
    [['additionalOutputFormats'], (spec.additionalOutputFormats ?? []).length > 0],
    [['renewal'], spec.renewal !== undefined],
    [['signatureAlgorithm'], spec.signatureAlgorithm !== undefined],
  ];
  return isUnserved.flatMap(([path, is]) => (is ? [['spec', ...path]] : []));
}

function defaulted(spec: CertificateSpecShape): CertificateSpec {
  return {
    secretName: spec.secretName,
    issuerRef: {
      name: spec.issuerRef.name,
      kind: spec.issuerRef.kind || 'Issuer',
      group: spec.issuerRef.group || CERT_MANAGER_GROUP,
    },
    ...(spec.commonName ? { commonName: spec.commonName } : {}),
    ...(spec.subject === undefined ? {} : { subject: subjectOf(spec.subject) }),
    // DNS names are the same in any case (RFC 4343), and CAs answer in lower case.
    dnsNames: (spec.dnsNames ?? []).map((name) => name.toLowerCase()),
    ipAddresses: spec.ipAddresses ?? [],
    uris: spec.uris ?? [],
    emailAddresses: spec.emailAddresses ?? [],
    ...(spec.duration === undefined ? {} : { durationMs: parseGoDuration(spec.duration) }),
    ...(spec.renewBefore === undefined ? {} : { renewBeforeMs: parseGoDuration(spec.renewBefore) }),
    ...(spec.renewBeforePercentage === undefined
      ? {}
      : { renewBeforePercentage: spec.renewBeforePercentage }),
    usages: spec.usages === undefined || spec.usages.length === 0 ? DEFAULT_USAGES : spec.usages,
    encodeUsagesInRequest: spec.encodeUsagesInRequest ?? true,
    isCA: spec.isCA ?? false,
    privateKey: privateKeyOf(spec.privateKey ?? {}),
    ...(spec.secretTemplate === undefined
      ? {}
      : {
          secretTemplate: {
            labels: spec.secretTemplate.labels ?? {},
            annotations: spec.secretTemplate.annotations ?? {},
          },
        }),
    revisionHistoryLimit: spec.revisionHistoryLimit ?? 1,
  };
}

const DEFAULT_SIZES = { RSA: 2048, ECDSA: 256, Ed25519: 0 } as const;

function privateKeyOf(key: NonNullable<CertificateSpecShape['privateKey']>): PrivateKeySpec {
  const algorithm = key.algorithm ?? 'RSA';
  return {
    algorithm,
    // cert-manager ignores the size of an Ed25519 key, and takes 0 for its default.
    size: algorithm === 'Ed25519' ? 0 : key.size || DEFAULT_SIZES[algorithm],
    encoding: key.encoding ?? 'PKCS1',
    rotationPolicy: key.rotationPolicy ?? 'Always',
  };
}

function subjectOf(subject: NonNullable<CertificateSpecShape['subject']>): SubjectSpec {
  return {
    organizations: subject.organizations ?? [],
    countries: subject.countries ?? [],
    organizationalUnits: subject.organizationalUnits ?? [],
    localities: subject.localities ?? [],
    provinces: subject.provinces ?? [],
    streetAddresses: subject.streetAddresses ?? [],
    postalCodes: subject.postalCodes ?? [],
    ...(subject.serialNumber ? { serialNumber: subject.serialNumber } : {}),
  };
}
