import type { Condition } from '../api/condition.ts';
import { CERT_MANAGER_GROUP, type IssuerRef, type ObjectName } from '../api/names.ts';
import { formatInstant } from '../lib/clock.ts';
import { readPlainYaml, writeYaml } from '../lib/yaml-write.ts';
import { type AcceptedSource, readSource, renderSource } from './accepted-source.ts';
import { expectKind, renderConditions, statusDocument, withoutUndefined } from './document.ts';

/** Facts of the certificate in the Secret, as they were when it was issued. */
export interface IssuedFacts {
  readonly revision: number;
  readonly serialNumber: string;
  readonly fingerprintSHA256: string;
  readonly issuerRef: IssuerRef;
  readonly dnsNames: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly renewalTime: Date;
  readonly secretName: string;
  /** Object id of the sealed Secret as we wrote it: another id at its path means that somebody else did. */
  readonly secretBlob: string;
  /** Fingerprint of the specification's part that the request was made from. */
  readonly requestHash: string;
  /** When it was committed: the loop guard counts from here. */
  readonly issuedAt: Date;
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
        renewalTime: issued && formatInstant(issued.renewalTime),
        revision: issued?.revision,
        nextPrivateKeySecretName: status.nextPrivateKeySecretName,
        lastFailureTime: status.lastFailureTime && formatInstant(status.lastFailureTime),
        failedIssuanceAttempts: status.failedIssuanceAttempts || undefined,
        certops: withoutUndefined({
          serialNumber: issued?.serialNumber,
          fingerprintSHA256: issued?.fingerprintSHA256,
          issuerRef: issued && { ...issued.issuerRef },
          dnsNames: issued?.dnsNames,
          secretName: issued?.secretName,
          secretBlob: issued?.secretBlob,
          requestHash: issued?.requestHash,
          issuedAt: issued && formatInstant(issued.issuedAt),
          ...renderSource(source),
          problem: status.problem,
        }),
      },
    }),
  ]);
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
            renewalTime: status.instant('renewalTime') ?? new Date(0),
            secretName: certops.requiredText('secretName'),
            secretBlob: certops.requiredText('secretBlob'),
            requestHash: certops.requiredText('requestHash'),
            issuedAt: certops.instant('issuedAt') ?? new Date(0),
          },
    lastFailureTime: status.instant('lastFailureTime'),
    failedIssuanceAttempts: status.count('failedIssuanceAttempts'),
    nextPrivateKeySecretName: status.text('nextPrivateKeySecretName'),
    source: readSource(certops),
    problem: certops.text('problem'),
  };
}
