import { createHash } from 'node:crypto';
import { parseGoDuration } from '../lib/go-duration.ts';
import { Sensitive } from '../lib/sensitive.ts';
import {
  type Certificate,
  type CertificateSpec,
  DEFAULT_USAGES,
  type KeystorePassword,
  type KeystoresSpec,
  type NameConstraintItem,
  type NameConstraints,
  type PrivateKeySpec,
  type RenewalSpec,
  type SubjectSpec,
} from './certificate.ts';
import { readDirectives } from './certificate-annotations.ts';
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
  const directives = readDirectives(errors, annotations);
  checkCertificateSpec(errors, spec, name.namespace);
  return {
    certificate: {
      kind: 'Certificate',
      name,
      labels,
      annotations,
      spec: defaulted(spec),
      directives,
    },
    unserved: unservedFields(spec),
  };
}

function unservedFields(spec: CertificateSpecShape): readonly FieldPath[] {
  const group = spec.issuerRef.group ?? '';
  const isUnserved: readonly (readonly [FieldPath, boolean])[] = [
    [['issuerRef', 'group'], group !== '' && group !== CERT_MANAGER_GROUP],
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
    ...(spec.literalSubject ? { literalSubject: spec.literalSubject } : {}),
    ...(spec.subject === undefined ? {} : { subject: subjectOf(spec.subject) }),
    // DNS names are the same in any case (RFC 4343), and CAs answer in lower case.
    dnsNames: (spec.dnsNames ?? []).map((name) => name.toLowerCase()),
    ipAddresses: spec.ipAddresses ?? [],
    uris: spec.uris ?? [],
    emailAddresses: spec.emailAddresses ?? [],
    otherNames: (spec.otherNames ?? []).map(({ oid = '', utf8Value = '' }) => ({ oid, utf8Value })),
    ...(spec.duration === undefined ? {} : { durationMs: parseGoDuration(spec.duration) }),
    ...(spec.renewBefore === undefined ? {} : { renewBeforeMs: parseGoDuration(spec.renewBefore) }),
    ...(spec.renewBeforePercentage === undefined
      ? {}
      : { renewBeforePercentage: spec.renewBeforePercentage }),
    ...(spec.renewal === undefined ? {} : { renewal: renewalOf(spec.renewal) }),
    usages: spec.usages === undefined || spec.usages.length === 0 ? DEFAULT_USAGES : spec.usages,
    encodeUsagesInRequest: spec.encodeUsagesInRequest ?? true,
    isCA: spec.isCA ?? false,
    ...(spec.nameConstraints === undefined ? {} : { nameConstraints: constraintsOf(spec.nameConstraints) }),
    ...(spec.signatureAlgorithm === undefined ? {} : { signatureAlgorithm: spec.signatureAlgorithm }),
    privateKey: privateKeyOf(spec.privateKey ?? {}),
    ...(spec.secretTemplate === undefined
      ? {}
      : {
          secretTemplate: {
            labels: spec.secretTemplate.labels ?? {},
            annotations: spec.secretTemplate.annotations ?? {},
          },
        }),
    keystores: keystoresOf(spec.keystores ?? {}),
    additionalOutputFormats: [...new Set((spec.additionalOutputFormats ?? []).map(({ type }) => type))],
    revisionHistoryLimit: spec.revisionHistoryLimit ?? 1,
  };
}

function renewalOf(renewal: NonNullable<CertificateSpecShape['renewal']>): RenewalSpec {
  return {
    policy: renewal.policy ?? 'RenewBefore',
    windows: (renewal.windows ?? []).map(({ cron, windowDuration, timezone }) => ({
      cron,
      windowDurationMs: parseGoDuration(windowDuration) ?? 0,
      timezone: timezone || 'UTC',
    })),
  };
}

type ConstraintsShape = NonNullable<CertificateSpecShape['nameConstraints']>;

function constraintsOf({ critical, permitted, excluded }: ConstraintsShape): NameConstraints {
  return {
    critical: critical ?? false,
    ...(permitted === undefined ? {} : { permitted: constraintItemOf(permitted) }),
    ...(excluded === undefined ? {} : { excluded: constraintItemOf(excluded) }),
  };
}

function constraintItemOf(item: NonNullable<ConstraintsShape['permitted']>): NameConstraintItem {
  const { dnsDomains = [], ipRanges = [], emailAddresses = [], uriDomains = [] } = item;
  return { dnsDomains, ipRanges, emailAddresses, uriDomains };
}

type KeystoresShape = NonNullable<CertificateSpecShape['keystores']>;

function keystoresOf({ jks, pkcs12 }: KeystoresShape): KeystoresSpec {
  const jksPassword = jks?.create === true ? passwordOf(jks) : undefined;
  const pkcs12Password = pkcs12?.create === true ? passwordOf(pkcs12) : undefined;
  return {
    ...(jksPassword === undefined
      ? {}
      : { jks: { alias: jks?.alias || 'certificate', password: jksPassword } }),
    ...(pkcs12Password === undefined
      ? {}
      : { pkcs12: { profile: pkcs12?.profile ?? 'LegacyRC2', password: pkcs12Password } }),
  };
}

/** Undefined where neither is given, which the rules have refused. */
function passwordOf({
  password,
  passwordSecretRef: ref,
}: NonNullable<KeystoresShape['jks']>): KeystorePassword | undefined {
  if (password !== undefined) {
    const digest = createHash('sha256').update(password).digest('hex');
    return { kind: 'literal', value: new Sensitive(password), digest };
  }
  return ref === undefined ? undefined : { kind: 'secret', ref: { name: ref.name, key: ref.key ?? '' } };
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
