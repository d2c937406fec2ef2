import assert from 'node:assert/strict';
import type { Certificate } from '../../../src/api/certificate.ts';
import type { Issuer } from '../../../src/api/issuer.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import type { Cause, CauseCode } from '../../../src/diagnosis/cause.ts';
import type { Finding } from '../../../src/diagnosis/failure.ts';
import type { Patient, RemedyInput } from '../../../src/remedies/remedy.ts';

/** The moment of every situation. */
export const NOW = new Date('2026-11-22T05:06:07.890Z');
/** Stands wherever strangers write; it must stand in no file and no title. */
export const STRANGER = 'fremdwort-4711';

/** A cause of a code, with names that fail and what was seen of names. */
export function causeOf(
  code: CauseCode,
  details: Partial<Cause> & {
    readonly failing?: readonly string[];
    readonly seen?: readonly (readonly [name: string, finding: Finding])[];
  } = {},
): Cause {
  const { failing = [], seen = [], ...rest } = details;
  const problem = { type: 'unauthorized', detail: `${STRANGER} detail` };
  return {
    key: '0'.repeat(64),
    class: 'environment',
    scope: 'certificate',
    subject: { kind: 'Certificate', namespace: 'web', name: 'www' },
    code,
    title: 'the name does not answer',
    explanation: { what: `what ${STRANGER}` },
    otherCures: [],
    problem,
    identifiers: failing.map((identifier) => ({ identifier, problem })),
    observations: seen.map(([identifier, finding]) => ({
      ...{ kind: 'dns' as const, identifier, asked: STRANGER, found: STRANGER, finding },
    })),
    ...rest,
  };
}

/** Every Certificate in a text, each as one that was never issued. */
export function patientsIn(
  text: string,
  path = 'web/www.yaml',
  facts: Partial<Patient> = {},
): readonly Patient[] {
  const { objects } = readManifestFile(Buffer.from(text));
  return objects.flatMap(({ object }) =>
    object.kind === 'Certificate'
      ? [{ certificate: object, file: { path, text }, isNearEnd: false, ...facts }]
      : [],
  );
}

/** The first Issuer or ClusterIssuer in a text. */
export function issuerIn(text: string, path = 'issuers.yaml'): NonNullable<RemedyInput['issuer']> {
  const { objects, problems } = readManifestFile(Buffer.from(text));
  const issuer = objects
    .map(({ object }) => object)
    .find((object): object is Issuer => object.kind === 'Issuer' || object.kind === 'ClusterIssuer');
  assert.ok(issuer !== undefined, JSON.stringify(problems));
  return { issuer, file: { path, text } };
}

/** What a remedy is chosen by, with nothing at hand but what is given. */
export function situation(given: Partial<RemedyInput> & Pick<RemedyInput, 'cause'>): RemedyInput {
  return {
    ...{ patients: [], readyIssuers: [], takenSecretNames: [], ownRecipients: [], lostSecrets: [], now: NOW },
    ...given,
  };
}

/** The one valid Certificate in a text. */
export function onlyCertificate(text: string): Certificate {
  const [patient] = patientsIn(text);
  assert.ok(patient !== undefined, text);
  return patient.certificate;
}
