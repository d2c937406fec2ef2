import type { Certificate, SubjectSpec } from '../api/certificate.ts';
import { CERT_MANAGER_GROUP, type ObjectName } from '../api/names.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { strictBase64 } from './sops/encrypted-value.ts';
import type { OpenedDocument } from './sops/open.ts';
import { SopsError } from './sops/sops-error.ts';

/** What to put into a `kubernetes.io/tls` Secret. */
export interface TlsSecretContent {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Key to plain value; base64 is done here. Strings are UTF-8. */
  readonly data: Readonly<Record<string, Sensitive<string> | Sensitive<Uint8Array> | string>>;
}

/** What the issued leaf says, for cert-manager's annotations on the Secret. */
export interface CertificateFacts {
  readonly commonName?: string | undefined;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly subject?: SubjectSpec | undefined;
}

/** A Secret's facts that stand in clear, verified by the MAC unless that covers encrypted values only. */
export interface SecretFacts {
  readonly name: ObjectName;
  /** `Opaque` where the manifest names none. */
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What of a Secret stands in clear and is ours to say. */
export interface SecretMetadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The label by which cert-manager finds what it wrote (`cmapi.PartOfCertManagerControllerLabelKey`). */
export const CERTIFICATE_SECRET_LABELS: Readonly<Record<string, string>> = {
  'controller.cert-manager.io/fao': 'true',
};

/**
 * A `v1` Secret of type `kubernetes.io/tls`, ready to be sealed. Labels, annotations and data are sorted by key, so
 * that equal content makes equal documents; empty labels and annotations are left out.
 *
 * The result holds key material in base64: hand it to `Sealer.seal` and nowhere else.
 */
export function tlsSecretDocument(content: TlsSecretContent): Record<string, unknown> {
  const { name, namespace, labels, annotations } = content;
  const data = Object.entries(content.data).map(([key, value]): [string, string] => {
    const plain = value instanceof Sensitive ? value.reveal() : value;
    return [key, (typeof plain === 'string' ? Buffer.from(plain) : Buffer.from(plain)).toString('base64')];
  });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      ...(Object.keys(labels).length === 0 ? {} : { labels: sorted(Object.entries(labels)) }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations: sorted(Object.entries(annotations)) }),
    },
    type: 'kubernetes.io/tls',
    data: sorted(data),
  };
}

/**
 * Labels and annotations of a Certificate's Secret: those of `secretTemplate`, and over them cert-manager's own, which
 * tell what the certificate in it says.
 */
export function certificateSecretMetadata(certificate: Certificate, facts: CertificateFacts): SecretMetadata {
  return metadataOf(certificate, {
    ...factAnnotations(facts),
    ...nameAnnotations(certificate),
  });
}

/** The same while nothing but a stand-in is in it: as with cert-manager, it is no issuer's. */
export function temporarySecretMetadata(certificate: Certificate, facts: CertificateFacts): SecretMetadata {
  return metadataOf(certificate, {
    ...factAnnotations(facts),
    [CERTIFICATE_NAME]: certificate.name.name,
  });
}

/** The same for a Secret whose certificate stays: what tells of that is taken from the annotations it has now. */
export function restatedSecretMetadata(
  certificate: Certificate,
  current: Readonly<Record<string, unknown>>,
): SecretMetadata {
  const kept = Object.entries(current).flatMap(([name, value]): [string, string][] =>
    FACT_ANNOTATIONS.includes(name) && typeof value === 'string' ? [[name, value]] : [],
  );
  return metadataOf(certificate, { ...Object.fromEntries(kept), ...nameAnnotations(certificate) });
}

function metadataOf({ spec }: Certificate, annotations: Readonly<Record<string, string>>): SecretMetadata {
  return {
    labels: { ...spec.secretTemplate?.labels, ...CERTIFICATE_SECRET_LABELS },
    annotations: { ...spec.secretTemplate?.annotations, ...annotations },
  };
}

/**
 * cert-manager's annotations on a Certificate's Secret (`AnnotationsForCertificate`): names of Certificate and
 * issuer; common name, DNS, IP and URI names even when empty; e-mail addresses and subject fields when set; lists as
 * one line of CSV.
 */
export function certificateSecretAnnotations(
  certificate: Certificate,
  facts: CertificateFacts,
): Record<string, string> {
  return sorted(Object.entries({ ...factAnnotations(facts), ...nameAnnotations(certificate) }));
}

const CERTIFICATE_NAME = 'cert-manager.io/certificate-name';

function nameAnnotations({ name, spec: { issuerRef } }: Certificate): Record<string, string> {
  return {
    [CERTIFICATE_NAME]: name.name,
    'cert-manager.io/issuer-name': issuerRef.name,
    'cert-manager.io/issuer-kind': issuerRef.kind || 'Issuer',
    'cert-manager.io/issuer-group': issuerRef.group || CERT_MANAGER_GROUP,
  };
}

function factAnnotations(facts: CertificateFacts): Record<string, string> {
  const { subject } = facts;
  const optional: Record<string, string> = {
    'cert-manager.io/email-sans': csvLine(facts.emailAddresses),
    'cert-manager.io/subject-organizations': csvLine(subject?.organizations),
    'cert-manager.io/subject-organizationalunits': csvLine(subject?.organizationalUnits),
    'cert-manager.io/subject-countries': csvLine(subject?.countries),
    'cert-manager.io/subject-provinces': csvLine(subject?.provinces),
    'cert-manager.io/subject-localities': csvLine(subject?.localities),
    'cert-manager.io/subject-postalcodes': csvLine(subject?.postalCodes),
    'cert-manager.io/subject-streetaddresses': csvLine(subject?.streetAddresses),
    'cert-manager.io/subject-serialnumber': subject?.serialNumber ?? '',
  };
  return {
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== '')),
    'cert-manager.io/common-name': facts.commonName ?? '',
    'cert-manager.io/alt-names': csvLine(facts.dnsNames),
    'cert-manager.io/ip-sans': csvLine(facts.ipAddresses),
    'cert-manager.io/uri-sans': csvLine(facts.uris),
  };
}

/** The annotations that `factAnnotations` can give. */
const FACT_ANNOTATIONS: readonly string[] = [
  ...['common-name', 'alt-names', 'ip-sans', 'uri-sans', 'email-sans'],
  ...['organizations', 'organizationalunits', 'countries', 'provinces', 'localities', 'postalcodes'].map(
    (field) => `subject-${field}`,
  ),
  ...['subject-streetaddresses', 'subject-serialnumber'],
].map((name) => `cert-manager.io/${name}`);

/**
 * What an opened Secret holds: `data` (base64; line breaks allowed, as Kubernetes does) with `stringData` over it.
 *
 * @param where names the file in errors.
 * @throws SopsError `sops.secret-invalid`, naming the key and never the value.
 */
export function readSecretData(
  opened: OpenedDocument,
  where = 'the Secret',
): Sensitive<ReadonlyMap<string, Buffer>> {
  return opened.document.map((document) => {
    const merged = new Map<string, Buffer>();
    for (const [key, value] of entriesOf(document.data, 'data', where)) {
      const bytes = strictBase64(value.replace(/[\r\n]/g, ''));
      if (bytes === undefined) throw secretInvalid(where, `data.${key} is not base64`);
      merged.set(key, bytes);
    }
    for (const [key, value] of entriesOf(document.stringData, 'stringData', where)) {
      merged.set(key, Buffer.from(value));
    }
    return merged;
  });
}

/**
 * The clear facts of an opened Secret.
 *
 * @throws SopsError `sops.secret-invalid` when it is no `v1` Secret with a name.
 */
export function readSecretFacts(opened: OpenedDocument, where = 'the Secret'): SecretFacts {
  const document = opened.document.reveal();
  if (document.apiVersion !== 'v1' || document.kind !== 'Secret')
    throw secretInvalid(where, 'it is no v1 Secret');
  const { metadata, type } = document;
  if (!isRecord(metadata)) throw secretInvalid(where, 'it has no metadata');
  const { name, namespace } = metadata;
  if (typeof name !== 'string' || name === '') throw secretInvalid(where, 'metadata.name is no text');
  if (namespace !== undefined && typeof namespace !== 'string') {
    throw secretInvalid(where, 'metadata.namespace is no text');
  }
  if (type !== undefined && typeof type !== 'string') throw secretInvalid(where, 'type is no text');
  return {
    name: { namespace: namespace || 'default', name },
    type: type || 'Opaque',
    labels: Object.fromEntries(entriesOf(metadata.labels, 'metadata.labels', where)),
    annotations: Object.fromEntries(entriesOf(metadata.annotations, 'metadata.annotations', where)),
  };
}

/** The error for what opens and is no usable Secret. */
export function secretInvalid(where: string, why: string): SopsError {
  return new SopsError(
    'sops.secret-invalid',
    { what: `${where} is not a usable Secret`, why, next: 'Edit it with sops' },
    { where },
  );
}

function entriesOf(value: unknown, field: string, where: string): readonly (readonly [string, string])[] {
  if (value === undefined || value === null) return [];
  if (!isRecord(value)) throw secretInvalid(where, `${field} is no map`);
  return Object.entries(value).map(([key, item]) => {
    if (typeof item !== 'string') throw secretInvalid(where, `${field}.${key} is no text`);
    return [key, item];
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(entries: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** One record of Go's `encoding/csv` writer, which cert-manager joins lists with. */
function csvLine(values: readonly string[] | undefined): string {
  return (values ?? [])
    .map((value) =>
      value === '\\.' || /[",\r\n]|^\s/u.test(value) ? `"${value.replaceAll('"', '""')}"` : value,
    )
    .join(',');
}
