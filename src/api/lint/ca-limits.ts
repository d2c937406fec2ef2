import type { Certificate, CertificateSpec } from '../certificate.ts';
import type { FieldPath } from '../field-error.ts';
import type { AcmeShape } from '../issuer-schema.ts';
import { type CaFacts, type CaProfile, caProfile, profileFault } from '../known-cas.ts';
import type { Declared } from './catalogue.ts';
import type { CrossFinding } from './finding.ts';
import { finding } from './object-rules.ts';

export const PROFILE_FIELD: FieldPath = ['metadata', 'annotations', 'certops.dev/profile'];

const DAY_MS = 86_400_000;
/** Below this Let's Encrypt advises renewal at half of the life, above at a third. */
const SHORT_LIFE_MS = 10 * DAY_MS;

type Limit = readonly [severity: 'error' | 'warning', field: FieldPath, message: string];

/** What the CA behind an ACME issuer and its profile allow a Certificate. */
export function checkCaLimits(
  certificate: Declared<Certificate>,
  acme: AcmeShape,
  ca: CaFacts,
): readonly CrossFinding[] {
  const { spec, directives } = certificate.object;
  const name = directives.profile ?? acme.profile ?? '';
  const fault = directives.profile === undefined ? undefined : profileFault(ca, directives.profile);
  const found: CrossFinding[] =
    fault === undefined ? [] : [finding('error', 'unknown-profile', certificate, PROFILE_FIELD, fault)];
  const tell = (rule: string, limits: readonly Limit[]): void => {
    for (const [severity, field, message] of limits) {
      found.push(finding(severity, rule, certificate, field, message));
    }
  };
  tell('ca-limits', keyLimits(ca, spec));
  if (spec.durationMs !== undefined && acme.enableDurationFeature === true) {
    const message = `${ca.name} refuses an order that asks for a duration (enableDurationFeature)`;
    tell('ca-limits', [['error', ['spec', 'duration'], message]]);
  }
  const profile = caProfile(ca, name);
  if (profile === undefined) return found;
  const shown = `the profile ${name === '' ? ca.defaultProfile : name} of ${ca.name}`;
  tell('ca-limits', nameLimits(profile, shown, spec));
  tell('renew-before-of-profile', renewalLimits(profile, shown, spec));
  return found;
}

function nameLimits(profile: CaProfile, shown: string, spec: CertificateSpec): readonly Limit[] {
  const { dnsNames, ipAddresses, commonName } = spec;
  const names = new Set([
    ...dnsNames,
    ...ipAddresses,
    ...(commonName === undefined ? [] : [commonName.toLowerCase()]),
  ]);
  const limits: Limit[] = [];
  if (names.size > profile.maxNames) {
    const message = `${names.size} names; ${shown} takes at most ${profile.maxNames}`;
    limits.push(['error', ['spec', 'dnsNames'], message]);
  }
  if (ipAddresses.length > 0 && !profile.takesIpAddresses) {
    limits.push([
      'error',
      ['spec', 'ipAddresses'],
      `${shown} takes no IP addresses; shortlived does (certops.dev/profile: shortlived)`,
    ]);
  }
  if (commonName !== undefined && !profile.hasCommonName) {
    limits.push(['warning', ['spec', 'commonName'], `${shown} has no common names; it is left out`]);
  }
  return limits;
}

function keyLimits({ name, keySizes }: CaFacts, { privateKey }: CertificateSpec): readonly Limit[] {
  const { algorithm, size } = privateKey;
  if (algorithm === 'Ed25519') {
    return [['error', ['spec', 'privateKey', 'algorithm'], `${name} signs no Ed25519 keys`]];
  }
  const sizes = keySizes[algorithm];
  if (sizes.includes(size)) return [];
  const message = `${name} signs ${algorithm} keys of ${sizes.join(', ')} bits only`;
  return [['error', ['spec', 'privateKey', 'size'], message]];
}

function renewalLimits(profile: CaProfile, shown: string, spec: CertificateSpec): readonly Limit[] {
  const { renewBeforeMs, renewBeforePercentage } = spec;
  const { lifetimeMs, laterLifetimes } = profile;
  const field: FieldPath = ['spec', renewBeforeMs === undefined ? 'renewBeforePercentage' : 'renewBefore'];
  if (renewBeforeMs !== undefined && renewBeforeMs >= lifetimeMs) {
    const message = `certificates of ${shown} live ${inDays(lifetimeMs)}; a third of that (half of it, if below ten days) is taken instead`;
    return [['warning', field, message]];
  }
  const later = laterLifetimes.find(
    (each) => renewBeforeMs !== undefined && renewBeforeMs >= each.lifetimeMs,
  );
  if (later !== undefined) {
    const message = `certificates of ${shown} live ${inDays(later.lifetimeMs)} from ${later.from} on`;
    return [['warning', field, message]];
  }
  const remainingMs =
    renewBeforeMs ??
    (renewBeforePercentage === undefined ? undefined : (lifetimeMs * renewBeforePercentage) / 100);
  if (remainingMs !== undefined && lifetimeMs < SHORT_LIFE_MS && remainingMs < lifetimeMs / 3) {
    const message = `certificates of ${shown} live ${inDays(lifetimeMs)}, and this leaves ${inDays(remainingMs)} for every attempt; without it half of the life is left`;
    return [['warning', field, message]];
  }
  return [];
}

function inDays(ms: number): string {
  return ms < SHORT_LIFE_MS ? `${Math.round(ms / 3_600_000)} hours` : `${Math.round(ms / DAY_MS)} days`;
}
