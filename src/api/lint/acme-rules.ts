import { isIP } from 'node:net';
import type { Certificate } from '../certificate.ts';
import type { FieldPath } from '../field-error.ts';
import type { AcmeShape } from '../issuer-schema.ts';
import { formatIssuerRef } from '../names.ts';
import { caProfile } from './ca-profiles.ts';
import type { Declared } from './catalogue.ts';
import type { CrossFinding } from './finding.ts';
import { finding } from './object-rules.ts';
import { isSelected } from './solver-selector.ts';

const PROFILE_ANNOTATION = 'certops.dev/profile';

/** Rules about a Certificate and the ACME issuer that it names. `acme` is the issuer's `spec.acme` as written. */
export function checkAcmeCertificate(
  certificate: Declared<Certificate>,
  acme: AcmeShape,
): readonly CrossFinding[] {
  return [
    ...namesOf(certificate.object).flatMap((name) => validation(certificate, acme, name)),
    ...unsupported(certificate, acme),
    ...limits(certificate, acme),
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
  const isName = isNew && (isIP(commonName) !== 0 || /^(?:\*\.)?[\w-]+(?:\.[\w-]+)+$/.test(commonName));
  return isName ? [...names, { value: commonName.toLowerCase(), field: ['spec', 'commonName'] }] : names;
}

function validation(
  certificate: Declared<Certificate>,
  acme: AcmeShape,
  { value, field }: Name,
): readonly CrossFinding[] {
  const issuer = formatIssuerRef(certificate.object.spec.issuerRef);
  const solvers = (acme.solvers ?? []).filter((solver) =>
    isSelected(solver, value, certificate.object.labels),
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

/** What no ACME CA signs (cert-manager `ValidateCertificateForACMEIssuer`). */
function unsupported(certificate: Declared<Certificate>, acme: AcmeShape): readonly CrossFinding[] {
  const { isCA, subject, durationMs, uris, emailAddresses } = certificate.object.spec;
  const told: readonly (readonly [
    is: boolean,
    severity: 'error' | 'warning',
    field: FieldPath,
    message: string,
  ])[] = [
    [isCA, 'error', ['spec', 'isCA'], 'ACME does not support CA certificates'],
    [
      (subject?.organizations.length ?? 0) > 0,
      'warning',
      ['spec', 'subject', 'organizations'],
      'ACME does not support setting the organization name',
    ],
    [
      durationMs !== undefined && acme.enableDurationFeature !== true,
      'warning',
      ['spec', 'duration'],
      'ACME does not support certificate durations; the CA decides',
    ],
    [uris.length > 0, 'warning', ['spec', 'uris'], 'ACME validates DNS names and IP addresses, no URIs'],
    [emailAddresses.length > 0, 'warning', ['spec', 'emailAddresses'], 'ACME validates no email addresses'],
  ];
  return told.flatMap(([is, severity, field, message]) =>
    is ? [finding(severity, 'acme-unsupported', certificate, field, message)] : [],
  );
}

function limits(certificate: Declared<Certificate>, acme: AcmeShape): readonly CrossFinding[] {
  const { spec, annotations } = certificate.object;
  const name = annotations[PROFILE_ANNOTATION] ?? acme.profile ?? '';
  const profile = caProfile(acme.server, name);
  if (profile === undefined) return [];
  const shown = `the profile ${name === '' ? 'classic' : name} of Let's Encrypt`;
  const count = namesOf(certificate.object).length;
  const found: CrossFinding[] = [];
  const tell = (severity: 'error' | 'warning', field: FieldPath, message: string): void => {
    found.push(finding(severity, 'ca-limits', certificate, field, message));
  };
  if (count > profile.maxNames) {
    tell('error', ['spec', 'dnsNames'], `${count} names; ${shown} takes at most ${profile.maxNames}`);
  }
  if (spec.ipAddresses.length > 0 && !profile.takesIpAddresses) {
    tell('error', ['spec', 'ipAddresses'], `${shown} takes no IP addresses; shortlived does`);
  }
  if (spec.commonName !== undefined && !profile.hasCommonName) {
    tell('warning', ['spec', 'commonName'], `${shown} has no common names; it is left out`);
  }
  return found;
}
