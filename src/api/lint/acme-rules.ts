import { isIP } from 'node:net';
import type { Certificate, CertificateSpec, KeyUsage } from '../certificate.ts';
import type { FieldPath } from '../field-error.ts';
import type { AcmeShape } from '../issuer-schema.ts';
import type { CaFacts } from '../known-cas.ts';
import { formatIssuerRef } from '../names.ts';
import { rankSelector } from '../solver-selection.ts';
import { checkCaLimits, PROFILE_FIELD } from './ca-limits.ts';
import type { Declared } from './catalogue.ts';
import type { CrossFinding } from './finding.ts';
import { finding } from './object-rules.ts';

/** What a rule has to know of an ACME issuer, found out once for all its Certificates. */
export interface AcmeFacts {
  /** Its `spec.acme` as written. */
  readonly acme: AcmeShape;
  /** Of its CA, where that is a known one. */
  readonly ca: CaFacts | undefined;
}

/** Rules about a Certificate and the ACME issuer that it names. */
export function checkAcmeCertificate(
  certificate: Declared<Certificate>,
  { acme, ca }: AcmeFacts,
): readonly CrossFinding[] {
  return [
    ...namesOf(certificate.object).flatMap((name) => validation(certificate, acme, name)),
    ...unsupported(certificate, acme),
    ...commonName(certificate),
    ...(ca === undefined ? [] : checkCaLimits(certificate, acme, ca)),
  ];
}

interface Name {
  readonly value: string;
  readonly field: FieldPath;
}

/** What the CA will have to validate, and where it is written. */
function namesOf({ spec }: Certificate): readonly Name[] {
  const { dnsNames, ipAddresses, commonName } = spec;
  const names: readonly Name[] = [
    ...dnsNames.map((value, index) => ({ value, field: ['spec', 'dnsNames', index] })),
    ...ipAddresses.map((value, index) => ({ value, field: ['spec', 'ipAddresses', index] })),
  ];
  const isNew = commonName !== undefined && !names.some(({ value }) => value === commonName.toLowerCase());
  // A common name that is no host name is no identifier.
  return isNew && isHostName(commonName)
    ? [...names, { value: commonName.toLowerCase(), field: ['spec', 'commonName'] }]
    : names;
}

function validation(
  certificate: Declared<Certificate>,
  acme: AcmeShape,
  { value, field }: Name,
): readonly CrossFinding[] {
  const issuer = formatIssuerRef(certificate.object.spec.issuerRef);
  const solvers = (acme.solvers ?? []).filter(
    ({ selector }) => rankSelector(selector ?? {}, value, certificate.object.labels) !== undefined,
  );
  if (solvers.length === 0) {
    const message = `${issuer} has no solver for "${value}", so it can only be issued where the CA asks for no proof`;
    return [finding('warning', 'no-solver', certificate, field, message)];
  }
  if (value.startsWith('*.') && solvers.every(({ dns01 }) => dns01 === undefined)) {
    // RFC 8555, 8.3 and the CAs' rules: control over one host does not prove control over all.
    const message = `a wildcard can only be validated by DNS-01, and ${issuer} has only HTTP-01 for it`;
    return [finding('error', 'wildcard-needs-dns01', certificate, field, message)];
  }
  if (isIP(value) !== 0 && solvers.every(({ http01 }) => http01 === undefined)) {
    // RFC 8738, 7.
    const message = `an IP address cannot be validated by DNS-01, and ${issuer} has only that for it`;
    return [finding('error', 'ip-needs-http01', certificate, field, message)];
  }
  return [];
}

/** What no ACME CA signs (cert-manager `ValidateCertificateForACMEIssuer`), and what its CAs leave out. */
function unsupported(certificate: Declared<Certificate>, acme: AcmeShape): readonly CrossFinding[] {
  const { spec } = certificate.object;
  const { isCA, subject, durationMs, uris, emailAddresses, otherNames } = spec;
  const found: CrossFinding[] = [];
  // Told one by one: of most Certificates there is nothing to tell.
  const tell = (field: FieldPath, message: string, severity: 'error' | 'warning' = 'warning'): void => {
    found.push(finding(severity, 'acme-unsupported', certificate, field, message));
  };
  if (isCA) tell(['spec', 'isCA'], 'ACME does not support CA certificates', 'error');
  if (subject !== undefined && subject.organizations.length > 0) {
    tell(['spec', 'subject', 'organizations'], 'ACME does not support setting the organization name');
  }
  if (hasMoreSubject(spec)) {
    const field = spec.literalSubject === undefined ? 'subject' : 'literalSubject';
    tell(['spec', field], 'ACME validates no subject; CAs leave it out');
  }
  if (durationMs !== undefined && acme.enableDurationFeature !== true) {
    tell(['spec', 'duration'], 'ACME does not support certificate durations; the CA decides');
  }
  if (uris.length > 0) tell(['spec', 'uris'], 'ACME validates DNS names and IP addresses, no URIs');
  if (emailAddresses.length > 0) tell(['spec', 'emailAddresses'], 'ACME validates no email addresses');
  if (otherNames.length > 0) tell(['spec', 'otherNames'], 'ACME validates no other names');
  for (const [index, usage] of spec.usages.entries()) {
    if (COMMON_USAGES.includes(usage)) continue;
    const message = 'ACME has no usages; the CA decides, and CAs on the web sign for TLS servers alone';
    tell(['spec', 'usages', index], message);
  }
  return found;
}

/** What certificates for TLS servers have; Let's Encrypt's have no other since 2026-07-08. */
const COMMON_USAGES: readonly KeyUsage[] = [
  'signing',
  'digital signature',
  'key encipherment',
  'server auth',
];

/** Whether anything but a common name and an organization is asked for in the subject. */
function hasMoreSubject({ subject, literalSubject = '' }: CertificateSpec): boolean {
  if (literalSubject !== '') return /[,+;]/.test(literalSubject) || !/^\s*CN\s*=/.test(literalSubject);
  const { organizations: _, ...others } = subject ?? {};
  return Object.values(others).some((values) => values !== undefined && values.length > 0);
}

/** A common name that is not one of the names: a CA has to validate it like any other. */
function commonName(certificate: Declared<Certificate>): readonly CrossFinding[] {
  const { commonName: name, dnsNames, ipAddresses } = certificate.object.spec;
  if (name === undefined || [...dnsNames, ...ipAddresses].includes(name.toLowerCase())) return [];
  const field: FieldPath = ['spec', 'commonName'];
  if (isHostName(name)) {
    const message =
      'it is none of dnsNames and ipAddresses: certops asks the CA for it as well, cert-manager does not issue';
    return [finding('warning', 'common-name-not-listed', certificate, field, message)];
  }
  const message = 'it is no host name, and ACME CAs put nothing into a certificate that they cannot validate';
  return [finding('error', 'common-name-not-listed', certificate, field, message)];
}

function isHostName(name: string): boolean {
  return isIP(name) !== 0 || /^(?:\*\.)?[\w-]+(?:\.[\w-]+)+$/.test(name);
}

/** Of a Certificate whose issuer is not ACME: what only ACME has. */
export function checkWithoutAcme(certificate: Declared<Certificate>): readonly CrossFinding[] {
  if (certificate.object.directives.profile === undefined) return [];
  const message = 'No effect here: only ACME issuers have profiles';
  return [finding('warning', 'no-effect', certificate, PROFILE_FIELD, message)];
}
