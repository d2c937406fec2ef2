import { formatGoDuration } from '../lib/go-duration.ts';
import { DEFAULT_DURATION_MS } from './certificate.ts';
import {
  checkNames,
  checkSubjectText,
  dnsNameFault,
  emailFault,
  ipAddressFault,
  uriFault,
} from './certificate-names.ts';
import { type CertificateSpecShape, SIGNATURE_ALGORITHMS } from './certificate-schema.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import { checkAnnotations, checkLabels, checkName, checkPathLength, secretPath } from './kubernetes-names.ts';
import { readLiteralSubject } from './literal-subject.ts';
import { checkNameConstraints } from './name-constraint-rules.ts';
import { CERT_MANAGER_GROUP } from './names.ts';
import { isObjectIdentifier } from './object-identifier.ts';
import { checkDuration, checkRenewal } from './renewal-rules.ts';

const MIN_DURATION_MS = 3_600_000;
const MIN_RENEW_BEFORE_MS = 300_000;
const MAX_COMMON_NAME_BYTES = 64;
const MAX_SUBJECT_VALUES = 100;
// X.520 upper bounds are not enforced by cert-manager; this only keeps a subject from being a document.
const MAX_SUBJECT_BYTES = 1024;

/**
 * What cert-manager's webhook checks of a Certificate's spec
 * (`internal/apis/certmanager/validation/certificate.go`), and beyond it what no issuer could serve.
 */
export function checkCertificateSpec(
  errors: FieldErrors,
  spec: CertificateSpecShape,
  namespace: string,
): void {
  checkSecretName(errors, spec.secretName, namespace);
  checkIssuerRef(errors, spec.issuerRef);
  checkSubject(errors, spec);
  checkAllNames(errors, spec);
  checkTimes(errors, spec);
  checkPrivateKey(errors, spec);
  checkNameConstraints(errors, spec.nameConstraints, spec.isCA === true);
  checkRenewal(errors, spec.renewal);
  checkSecretContent(errors, spec);
}

function checkSecretName(errors: FieldErrors, secretName: string, namespace: string): void {
  const path: FieldPath = ['spec', 'secretName'];
  checkName(errors, path, secretName);
  if (secretName === 'kustomization') {
    errors.invalid(path, secretName, 'its file would be read as a Kustomization');
  }
  checkPathLength(errors, path, secretName, secretPath(namespace, secretName));
}

function checkIssuerRef(errors: FieldErrors, ref: CertificateSpecShape['issuerRef']): void {
  const path: FieldPath = ['spec', 'issuerRef'];
  checkName(errors, [...path, 'name'], ref.name);
  const group = ref.group ?? '';
  if (group !== '' && group !== CERT_MANAGER_GROUP) return;
  const kind = ref.kind ?? '';
  if (kind !== '' && kind !== 'Issuer' && kind !== 'ClusterIssuer') {
    const hint = group === '' ? ' (did you forget to set spec.issuerRef.group?)' : '';
    errors.invalid([...path, 'kind'], kind, `must be one of Issuer or ClusterIssuer${hint}`);
  }
}

function checkSubject(errors: FieldErrors, spec: CertificateSpecShape): void {
  const { commonName = '', literalSubject = '', subject = {} } = spec;
  const path: FieldPath = ['spec', 'subject'];
  let hasSubject = false;
  for (const [name, value] of Object.entries(subject)) {
    if (value === undefined) continue;
    const values = typeof value === 'string' ? [value] : value;
    hasSubject ||= values.some((each) => each !== '');
    if (values.length > MAX_SUBJECT_VALUES)
      errors.tooMany([...path, name], values.length, MAX_SUBJECT_VALUES);
    for (const [index, each] of values.entries()) {
      const at = typeof value === 'string' ? [...path, name] : [...path, name, index];
      checkSubjectText(errors, at, each);
      if (Buffer.byteLength(each) > MAX_SUBJECT_BYTES) errors.tooLong(at, MAX_SUBJECT_BYTES);
    }
  }
  checkSubjectText(errors, ['spec', 'commonName'], commonName);
  if (Buffer.byteLength(commonName) > MAX_COMMON_NAME_BYTES) {
    errors.tooLong(['spec', 'commonName'], MAX_COMMON_NAME_BYTES);
  }
  if (literalSubject === '') return;
  checkLiteralSubject(errors, literalSubject);
  if (commonName !== '') {
    const detail = 'When providing a `LiteralSubject` no `commonName` may be provided.';
    errors.invalid(['spec', 'commonName'], commonName, detail);
  }
  if (hasSubject) {
    errors.invalid(path, '', 'When providing a `LiteralSubject` no `Subject` properties may be provided.');
  }
}

function checkLiteralSubject(errors: FieldErrors, text: string): void {
  const path: FieldPath = ['spec', 'literalSubject'];
  checkSubjectText(errors, path, text);
  const { commonName, fault } = readLiteralSubject(text);
  if (fault !== undefined) errors.invalid(path, text, fault);
  // cert-manager names the field that a literal subject stands in for.
  else if (Buffer.byteLength(commonName) > MAX_COMMON_NAME_BYTES) {
    errors.tooLong(['spec', 'commonName'], MAX_COMMON_NAME_BYTES);
  }
}

function checkAllNames(errors: FieldErrors, spec: CertificateSpecShape): void {
  const { dnsNames = [], ipAddresses = [], uris = [], emailAddresses = [], otherNames = [] } = spec;
  const hasCommonName =
    (spec.commonName ?? '') !== '' || readLiteralSubject(spec.literalSubject ?? '').commonName !== '';
  if (
    !hasCommonName &&
    [dnsNames, ipAddresses, uris, emailAddresses, otherNames].every((names) => names.length === 0)
  ) {
    const detail =
      'at least one of commonName (from the commonName field or from a literalSubject), dnsNames, ' +
      'emailSANs, ipAddresses, otherNames, or uriSANs must be set';
    errors.invalid(['spec'], '', detail);
  }
  const lower = (name: string): string => name.toLowerCase();
  checkNames(errors, ['spec', 'dnsNames'], dnsNames, dnsNameFault, lower);
  checkNames(errors, ['spec', 'ipAddresses'], ipAddresses, ipAddressFault, canonicalAddress);
  checkNames(errors, ['spec', 'uris'], uris, uriFault);
  checkNames(errors, ['spec', 'emailAddresses'], emailAddresses, emailFault);
  for (const [index, other] of otherNames.entries()) {
    const path: FieldPath = ['spec', 'otherNames', index];
    if (!isObjectIdentifier(other.oid ?? '')) {
      errors.invalid([...path, 'oid'], other.oid ?? '', 'invalid oid syntax');
    }
    if ((other.utf8Value ?? '') === '') {
      errors.required([...path, 'utf8Value'], 'must be set to a valid non-empty UTF8 string');
    }
  }
}

/** One spelling of an IPv6 address; anything else as it is. */
function canonicalAddress(address: string): string {
  return address.includes(':') && URL.canParse(`http://[${address}]`)
    ? new URL(`http://[${address}]`).hostname
    : address;
}

function checkTimes(errors: FieldErrors, spec: CertificateSpecShape): void {
  const written = checkDuration(errors, ['spec', 'duration'], spec.duration);
  const durationMs = written ?? DEFAULT_DURATION_MS;
  if (durationMs < MIN_DURATION_MS) {
    errors.invalid(['spec', 'duration'], spec.duration, 'certificate duration must be greater than 1h0m0s');
  }
  const renewBeforePath: FieldPath = ['spec', 'renewBefore'];
  const percentagePath: FieldPath = ['spec', 'renewBeforePercentage'];
  const { renewBefore, renewBeforePercentage: percentage } = spec;
  if (renewBefore !== undefined && percentage !== undefined) {
    const detail = 'renewBefore and renewBeforePercentage are mutually exclusive and cannot both be set';
    errors.invalid(renewBeforePath, renewBefore, detail);
    errors.invalid(percentagePath, percentage, detail);
  }
  const renewBeforeMs = checkDuration(errors, renewBeforePath, renewBefore);
  if (renewBeforeMs !== undefined && renewBeforeMs < MIN_RENEW_BEFORE_MS) {
    errors.invalid(renewBeforePath, renewBefore, 'certificate renewBefore must be greater than 5m0s');
  }
  if (renewBeforeMs !== undefined && renewBeforeMs >= durationMs) {
    const [whole, part] = [formatGoDuration(durationMs), formatGoDuration(renewBeforeMs)];
    errors.invalid(
      renewBeforePath,
      renewBefore,
      `certificate duration ${whole} must be greater than renewBefore ${part}`,
    );
  }
  if (percentage === undefined) return;
  if (percentage < 1 || percentage > 99) {
    errors.invalid(percentagePath, percentage, 'must be between 1 and 99');
  } else if ((durationMs * percentage) / 100 < MIN_RENEW_BEFORE_MS) {
    const detail = 'certificate renewBeforePercentage must result in a renewBefore greater than 5m0s';
    errors.invalid(percentagePath, percentage, detail);
  }
}

function checkPrivateKey(errors: FieldErrors, spec: CertificateSpecShape): void {
  const { algorithm = 'RSA', size = 0 } = spec.privateKey ?? {};
  const path: FieldPath = ['spec', 'privateKey', 'size'];
  if (size < 0) errors.invalid(path, size, 'must not be negative');
  else if (algorithm === 'RSA' && size > 0 && (size < 2048 || size > 8192)) {
    errors.invalid(path, size, 'must be between 2048 and 8192 for rsa keyAlgorithm');
  } else if (algorithm === 'ECDSA' && size > 0 && size !== 256 && size !== 384 && size !== 521) {
    errors.notSupported(path, size, ['256', '384', '521']);
  }
  const { signatureAlgorithm } = spec;
  const allowed: readonly string[] = SIGNATURE_ALGORITHMS[algorithm];
  if (signatureAlgorithm !== undefined && !allowed.includes(signatureAlgorithm)) {
    const detail = `for key algorithm ${algorithm} the allowed signature algorithms are [${allowed.join(' ')}]`;
    errors.invalid(['spec', 'signatureAlgorithm'], signatureAlgorithm, detail);
  }
}

function checkSecretContent(errors: FieldErrors, spec: CertificateSpecShape): void {
  const template: FieldPath = ['spec', 'secretTemplate'];
  const { labels = {}, annotations = {} } = spec.secretTemplate ?? {};
  checkLabels(errors, [...template, 'labels'], labels);
  checkAnnotations(errors, [...template, 'annotations'], annotations);
  for (const key of Object.keys(annotations)) {
    if (key.startsWith('cert-manager.io/') && key !== 'cert-manager.io/allow-direct-injection') {
      const detail = 'cert-manager.io/* annotations are not allowed';
      errors.invalidEntry([...template, 'annotations'], key, key, detail);
    }
  }
  const { revisionHistoryLimit } = spec;
  if (revisionHistoryLimit !== undefined && revisionHistoryLimit < 1) {
    errors.invalid(['spec', 'revisionHistoryLimit'], revisionHistoryLimit, 'must not be less than 1');
  }
  const formats = new Set<string>();
  for (const [index, { type }] of (spec.additionalOutputFormats ?? []).entries()) {
    if (formats.has(type)) errors.duplicate(['spec', 'additionalOutputFormats', index, 'type'], type);
    formats.add(type);
  }
  checkKeystore(errors, ['spec', 'keystores', 'jks'], 'JKS', spec.keystores?.jks);
  checkKeystore(errors, ['spec', 'keystores', 'pkcs12'], 'PKCS#12', spec.keystores?.pkcs12);
}

interface KeystoreShape {
  readonly password?: string | undefined;
  readonly passwordSecretRef?: { readonly name?: string | undefined } | undefined;
}

function checkKeystore(
  errors: FieldErrors,
  path: FieldPath,
  kind: string,
  keystore: KeystoreShape | undefined,
): void {
  if (keystore === undefined) return;
  const hasPassword = keystore.password !== undefined;
  const hasReference = (keystore.passwordSecretRef?.name ?? '') !== '';
  if (hasPassword && hasReference) {
    const detail = `exactly one of passwordSecretRef and password must be provided for ${kind} keystores; cannot set both`;
    errors.forbidden(path, detail);
  } else if (!hasPassword && !hasReference) {
    errors.forbidden(path, `must set exactly one of passwordSecretRef and password for ${kind} keystores`);
  }
  if (keystore.password === '') {
    errors.forbidden([...path, 'password'], `literal password cannot be empty if set on ${kind} keystores`);
  }
}
