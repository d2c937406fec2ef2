import type { Certificate } from '../api/certificate.ts';
import type { Issuer } from '../api/issuer.ts';
import type { Cause } from '../diagnosis/cause.ts';
import { diagnoseFailure } from '../diagnosis/diagnose-failure.ts';
import type { CertopsError } from '../lib/errors.ts';
import { failureOf } from './failure-of.ts';

/** Why an attempt at a Certificate failed; `solvers` are those that its names get. */
export function diagnoseAttempt(
  error: CertopsError,
  certificate: Certificate,
  issuer: Issuer,
  solvers: readonly string[],
): Cause {
  const { namespace, name } = certificate.name;
  return diagnoseFailure(failureOf(error), {
    certificate: { namespace, name },
    issuer: issuerFacts(issuer),
    ...(solvers.length === 1 ? { solverName: solvers[0] } : {}),
  });
}

/** Why an issuer could not be set up. */
export function diagnoseRegistration(error: CertopsError, issuer: Issuer): Cause {
  return diagnoseFailure(failureOf(error), { issuer: issuerFacts(issuer) });
}

function issuerFacts({ kind, name, spec }: Issuer) {
  return { kind, namespace: name.namespace, name: name.name, type: spec.type };
}
