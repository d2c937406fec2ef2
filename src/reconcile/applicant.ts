import type { Certificate } from '../api/certificate.ts';
import type { Issuer } from '../api/issuer.ts';
import { chooseSolver, possibleTypes } from '../api/solver-selection.ts';
import { reached } from '../lib/clock.ts';
import { type CertificateKey, certificateKey, type IssuerKey, issuerKeyOf } from './keys.ts';
import type { World } from './world.ts';

/** A Certificate that is about to ask its issuer, as far as others that ask the same way share its luck. */
export interface Applicant {
  readonly key: CertificateKey;
  readonly issuer: IssuerKey;
  /** Fingerprint of all that decides whether its issuer can serve; undefined where it was not looked for. */
  readonly issuerHash?: string | undefined;
  /** When its issuer was last found ready after it was not. */
  readonly issuerReadySince?: Date | undefined;
  /** Whether its issuer answers later and counts what is asked of it. */
  readonly isAcme: boolean;
  /** Solvers that its names would get, as `solvers[0] dns-01`; empty but for ACME. */
  readonly solvers: readonly string[];
  /** DNS names and IP addresses, wildcards with their `*.`. */
  readonly names: readonly string[];
  /** The certificate in use is in the last third of its renewal window, or has ended. */
  readonly isNearEnd: boolean;
  /** The `certops.dev/retry-requested-at` that is not in the future. */
  readonly retryRequestedAt?: Date | undefined;
}

/** When a certificate in use, due at `renewalTime`, comes near its end: with a third of that window left. */
export function nearEnd(notAfter: Date, renewalTime: Date | undefined): Date {
  const windowMs = Math.max(0, notAfter.getTime() - (renewalTime ?? notAfter).getTime());
  return new Date(notAfter.getTime() - windowMs / 3);
}

export function describeApplicant(
  certificate: Certificate,
  issuerKey: IssuerKey,
  issuer: Issuer | undefined,
  times: { readonly notAfter?: Date | undefined; readonly renewalTime?: Date | undefined },
  now: Date,
): Applicant {
  const { spec, labels, directives } = certificate;
  const names = [...spec.dnsNames, ...spec.ipAddresses];
  const solvers = new Set<string>();
  if (issuer?.spec.type === 'acme') {
    const offered = issuer.spec.solvers;
    for (const name of names) {
      const solver = chooseSolver(offered, { name, labels, types: possibleTypes(name) });
      if (solver !== undefined) solvers.add(`solvers[${offered.indexOf(solver)}] ${solver.type}`);
    }
  }
  const { notAfter, renewalTime } = times;
  return {
    key: certificateKey(certificate.name),
    issuer: issuerKey,
    isAcme: issuer?.spec.type === 'acme',
    solvers: [...solvers].sort(),
    names,
    isNearEnd: notAfter !== undefined && now >= nearEnd(notAfter, renewalTime),
    retryRequestedAt: reached(directives.retryRequestedAt, now),
  };
}

/** The same for one that is known by its key alone, as its newest manifest has it; undefined for one that is suspended. */
export function declaredApplicant(
  { desired, recorded }: World,
  key: CertificateKey,
  now: Date,
): Applicant | undefined {
  const [declared] = desired.certificates(key);
  if (declared === undefined) return undefined;
  const { name, spec, directives } = declared.object;
  const { suspend } = directives;
  if (suspend !== undefined && (suspend.until === undefined || suspend.until > now)) return undefined;
  const issuer = issuerKeyOf(spec.issuerRef, name.namespace);
  const times = recorded.certificate(key)?.status.issued ?? {};
  return describeApplicant(declared.object, issuer, desired.issuers(issuer)[0]?.object, times, now);
}
