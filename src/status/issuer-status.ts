import type { Condition } from '../api/condition.ts';
import type { ObjectName } from '../api/names.ts';
import { readPlainYaml, writeYaml } from '../lib/yaml-write.ts';
import { type AcceptedSource, readSource, renderSource } from './accepted-source.ts';
import { expectKind, renderConditions, statusDocument, withoutUndefined } from './document.ts';

/** `status.acme` of an Issuer, as cert-manager has it. */
export interface AcmeAccountStatus {
  readonly uri: string;
  readonly lastRegisteredEmail?: string | undefined;
  readonly lastPrivateKeyHash?: string | undefined;
}

/** `status/<namespace>/issuers/<name>.yaml` and `status/_cluster/issuers/<name>.yaml`. */
export interface IssuerStatus {
  readonly kind: 'Issuer' | 'ClusterIssuer';
  readonly name: ObjectName;
  readonly createdAt: Date;
  readonly conditions: readonly Condition[];
  readonly acme?: AcmeAccountStatus | undefined;
  readonly source?: AcceptedSource | undefined;
  /** Object id of the file whose credential was verified (a CA's key pair, a given account key). */
  readonly credentialBlob?: string | undefined;
  /** Where that file lies: while it declares the Secret, no other file takes its place. */
  readonly credentialPath?: string | undefined;
  /** Fingerprint of the files of further Secrets that it was set up with: keys for EAB and TSIG. */
  readonly providedHash?: string | undefined;
  /** The file with the key that the ACME server knows the account by; it may be one of an earlier commit. */
  readonly accountKeyBlob?: string | undefined;
  readonly accountKeyPath?: string | undefined;
  /** The age recipients that this key was ever sealed to, where certops made it. */
  readonly accountKeyRecipients?: readonly string[] | undefined;
  readonly problem?: string | undefined;
}

export function renderIssuerStatus(status: IssuerStatus): string {
  const { acme, source } = status;
  return writeYaml([
    statusDocument(status.kind, status.name, {
      createdAt: status.createdAt,
      status: {
        conditions: renderConditions(status.conditions),
        acme: acme && withoutUndefined({ ...acme }),
        certops: withoutUndefined({
          ...renderSource(source),
          credentialBlob: status.credentialBlob,
          credentialPath: status.credentialPath,
          providedHash: status.providedHash,
          accountKeyBlob: status.accountKeyBlob,
          accountKeyPath: status.accountKeyPath,
          accountKeyRecipients: status.accountKeyRecipients?.length ? status.accountKeyRecipients : undefined,
          problem: status.problem,
        }),
      },
    }),
  ]);
}

/** Reads what `renderIssuerStatus` wrote. Throws `status.malformed` or `yaml.malformed`. */
export function parseIssuerStatus(
  text: string,
  kind: 'Issuer' | 'ClusterIssuer',
  where: string,
): IssuerStatus {
  const document = expectKind(readPlainYaml(text)[0], kind, where);
  const metadata = document.child('metadata');
  const status = document.child('status');
  const certops = status.child('certops');
  const acme = status.child('acme');
  const uri = acme.text('uri');
  return {
    kind,
    name: { namespace: metadata.text('namespace') ?? '', name: metadata.requiredText('name') },
    createdAt: metadata.instant('creationTimestamp') ?? new Date(0),
    conditions: status.conditions(),
    acme:
      uri === undefined
        ? undefined
        : {
            uri,
            lastRegisteredEmail: acme.text('lastRegisteredEmail'),
            lastPrivateKeyHash: acme.text('lastPrivateKeyHash'),
          },
    source: readSource(certops),
    credentialBlob: certops.text('credentialBlob'),
    credentialPath: certops.text('credentialPath'),
    providedHash: certops.text('providedHash'),
    accountKeyBlob: certops.text('accountKeyBlob'),
    accountKeyPath: certops.text('accountKeyPath'),
    accountKeyRecipients: certops.texts('accountKeyRecipients'),
    problem: certops.text('problem'),
  };
}
