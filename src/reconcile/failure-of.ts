import { describeFailure } from '../diagnosis/describe-failure.ts';
import type { Failure } from '../diagnosis/failure.ts';
import { IssuanceError } from '../issuers/issuer.ts';
import type { CertopsError } from '../lib/errors.ts';

/** What an error of an attempt, or of setting an issuer up, leaves to be diagnosed. */
export function failureOf(error: CertopsError): Failure {
  return describeFailure(error, error instanceof IssuanceError ? error.facts : undefined);
}
