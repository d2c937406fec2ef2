import type { Condition } from '../api/condition.ts';
import { CERT_MANAGER_GROUP, type IssuerRef, type ObjectName } from '../api/names.ts';
import { formatInstant } from '../lib/clock.ts';
import { readPlainYaml, writeYaml } from '../lib/yaml-write.ts';
import { type AcceptedSource, readSource, renderSource } from './accepted-source.ts';
import {
  expectKind,
  renderConditions,
  type StatusReader,
  statusDocument,
  withoutUndefined,
} from './document.ts';

/** Facts of the certificate in the Secret, as they were when it was issued. */
export interface IssuedFacts {
  readonly revision: number;
  readonly serialNumber: string;
  readonly fingerprintSHA256: string;
  readonly issuerRef: IssuerRef;
  readonly dnsNames: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Undefined where time never makes it due (`renewal.policy: Disabled`). */
  readonly renewalTime?: Date | undefined;
  readonly secretName: string;
  /** Object id of the sealed Secret as we wrote it: another id at its path means that somebody else did. */
  readonly secretBlob: string;
  /** Fingerprint of the specification's part that the request was made from. */
  readonly requestHash: string;
  /** When it was committed: the loop guard counts from here. */
  readonly issuedAt: Date;
  /** What tells one server behind an issuer from another (`acme https://…`), as it was then. */
  readonly issuerIdentity?: string | undefined;
  /** Fingerprint of what the Secret holds besides certificate and key: keystores, extra formats. */
  readonly contentHash?: string | undefined;
  /** The age recipients that the Secret was sealed to. */
  readonly recipients: readonly string[];
  /** RFC 9773 identifier of an ACME certificate, for `replaces`. */
  readonly certificateId?: string | undefined;
  /** The value of `certops.dev/renew-requested-at` that this certificate answers. */
  readonly renewRequestedAt?: Date | undefined;
  /** The certificate before this one, by blob: it is put back where the specification goes back to it. */
  readonly previous?: PreviousCertificate | undefined;
}

/** Where an earlier certificate stands in Git: object ids of its three files. */
export interface PreviousCertificate {
  readonly secretBlob: string;
  readonly statusBlob: string;
  readonly requestBlob: string;
}

/** What the CA says about when to renew (RFC 9773, section 4.2). */
export interface SuggestedWindow {
  readonly start: Date;
  readonly end: Date;
  readonly explanationUrl?: string | undefined;
}

/** `status/<namespace>/certificates/<name>.yaml`. */
export interface CertificateStatus {
  readonly name: ObjectName;
  readonly createdAt: Date;
  readonly conditions: readonly Condition[];
  readonly issued?: IssuedFacts | undefined;
  readonly lastFailureTime?: Date | undefined;
  readonly failedIssuanceAttempts?: number | undefined;
  readonly nextPrivateKeySecretName?: string | undefined;
  /** `status.acme.ari` as cert-manager has it, without the times of polls. */
  readonly suggestedWindow?: SuggestedWindow | undefined;
  readonly source?: AcceptedSource | undefined;
  /** Why the newest revision of the manifest is not in force, with its place. */
  readonly problem?: string | undefined;
}

export function renderCertificateStatus(status: CertificateStatus): string {
  const { issued, source } = status;
  return writeYaml([
    statusDocument('Certificate', status.name, {
      createdAt: status.createdAt,
      status: {
        conditions: renderConditions(status.conditions),
        notBefore: issued && formatInstant(issued.notBefore),
        notAfter: issued && formatInstant(issued.notAfter),
        renewalTime: issued?.renewalTime && formatInstant(issued.renewalTime),
        revision: issued?.revision,
        nextPrivateKeySecretName: status.nextPrivateKeySecretName,
        lastFailureTime: status.lastFailureTime && formatInstant(status.lastFailureTime),
        failedIssuanceAttempts: status.failedIssuanceAttempts || undefined,
        acme: status.suggestedWindow && { ari: renderWindow(status.suggestedWindow) },
        certops: withoutUndefined({
          serialNumber: issued?.serialNumber,
          fingerprintSHA256: issued?.fingerprintSHA256,
          issuerRef: issued && { ...issued.issuerRef },
          dnsNames: issued?.dnsNames,
          secretName: issued?.secretName,
          secretBlob: issued?.secretBlob,
          requestHash: issued?.requestHash,
          issuedAt: issued && formatInstant(issued.issuedAt),
          issuerIdentity: issued?.issuerIdentity,
          contentHash: issued?.contentHash,
          recipients: issued === undefined || issued.recipients.length === 0 ? undefined : issued.recipients,
          certificateId: issued?.certificateId,
          renewRequestedAt: issued?.renewRequestedAt && formatInstant(issued.renewRequestedAt),
          previous: issued?.previous && { ...issued.previous },
          ...renderSource(source),
          problem: status.problem,
        }),
      },
    }),
  ]);
}

function renderWindow({ start, end, explanationUrl }: SuggestedWindow) {
  return withoutUndefined({
    suggestedWindow: { start: formatInstant(start), end: formatInstant(end) },
    explanationURL: explanationUrl,
  });
}

function readWindow(ari: StatusReader): SuggestedWindow | undefined {
  const start = ari.child('suggestedWindow').instant('start');
  const end = ari.child('suggestedWindow').instant('end');
  return start === undefined || end === undefined
    ? undefined
    : { start, end, explanationUrl: ari.text('explanationURL') };
}

function readPrevious(previous: StatusReader): PreviousCertificate | undefined {
  const secretBlob = previous.text('secretBlob');
  const statusBlob = previous.text('statusBlob');
  const requestBlob = previous.text('requestBlob');
  return secretBlob === undefined || statusBlob === undefined || requestBlob === undefined
    ? undefined
    : { secretBlob, statusBlob, requestBlob };
}

/** Reads what `renderCertificateStatus` wrote. Throws `status.malformed` or `yaml.malformed`. */
export function parseCertificateStatus(text: string, where: string): CertificateStatus {
  const document = expectKind(readPlainYaml(text)[0], 'Certificate', where);
  const metadata = document.child('metadata');
  const status = document.child('status');
  const certops = status.child('certops');
  const revision = status.count('revision');
  return {
    name: { namespace: metadata.requiredText('namespace'), name: metadata.requiredText('name') },
    createdAt: metadata.instant('creationTimestamp') ?? new Date(0),
    conditions: status.conditions(),
    issued:
      revision === undefined
        ? undefined
        : {
            revision,
            serialNumber: certops.requiredText('serialNumber'),
            fingerprintSHA256: certops.requiredText('fingerprintSHA256'),
            issuerRef: {
              kind: certops.child('issuerRef').requiredText('kind'),
              name: certops.child('issuerRef').requiredText('name'),
              group: certops.child('issuerRef').text('group') ?? CERT_MANAGER_GROUP,
            },
            dnsNames: certops.texts('dnsNames'),
            notBefore: status.instant('notBefore') ?? new Date(0),
            notAfter: status.instant('notAfter') ?? new Date(0),
            renewalTime: status.instant('renewalTime'),
            secretName: certops.requiredText('secretName'),
            secretBlob: certops.requiredText('secretBlob'),
            requestHash: certops.requiredText('requestHash'),
            issuedAt: certops.instant('issuedAt') ?? new Date(0),
            issuerIdentity: certops.text('issuerIdentity'),
            contentHash: certops.text('contentHash'),
            recipients: certops.texts('recipients'),
            certificateId: certops.text('certificateId'),
            renewRequestedAt: certops.instant('renewRequestedAt'),
            previous: readPrevious(certops.child('previous')),
          },
    lastFailureTime: status.instant('lastFailureTime'),
    failedIssuanceAttempts: status.count('failedIssuanceAttempts'),
    nextPrivateKeySecretName: status.text('nextPrivateKeySecretName'),
    suggestedWindow: readWindow(status.child('acme').child('ari')),
    source: readSource(certops),
    problem: certops.text('problem'),
  };
}
