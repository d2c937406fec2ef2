import { isTrue } from '../api/condition.ts';
import type { Issuer } from '../api/issuer.ts';
import type { ObjectName } from '../api/names.ts';
import type { AcceptedSource } from '../status/accepted-source.ts';
import type { IssuerStatus } from '../status/issuer-status.ts';
import type { Refusal } from './acceptance.ts';
import { credentialName, type Declared } from './desired-state.ts';
import { type IssuerKey, issuerKey } from './keys.ts';
import type { Recorded } from './recorded-state.ts';
import type { World } from './world.ts';

/** Where an issuer's credential stands: people's sealed Secret, a Secret of ours, an account key of ours. */
export interface Credential {
  readonly path: string;
  readonly blob: string;
  readonly writtenBy: 'people' | 'certops';
  /** The Secret that must be in it. */
  readonly secret: ObjectName;
}

/** One issuer with everything that is known of it at one commit. */
export interface IssuerCase {
  readonly key: IssuerKey;
  readonly issuer: Issuer;
  readonly declared: Declared<Issuer>;
  readonly refusal?: Refusal | undefined;
  readonly recorded?: Recorded<IssuerStatus> | undefined;
  /** The Secret its references mean, whether or not there is one. */
  readonly credentialSecret?: ObjectName | undefined;
  readonly credential?: Credential | undefined;
  /** Several files declare the Secret, and none of them was used before: nobody but people can choose. */
  readonly isAmbiguous: boolean;
  readonly source: AcceptedSource;
  /** Fingerprint of all that decides whether it can serve. */
  readonly hash: string;
}

export function gatherIssuerCase(
  world: World,
  declared: Declared<Issuer>,
  refusal: Refusal | undefined,
): IssuerCase {
  const { object: issuer } = declared;
  const key = issuerKey(issuer.kind, issuer.name);
  const name = credentialName(issuer);
  const namespace =
    issuer.kind === 'ClusterIssuer' ? world.settings.clusterResourceNamespace : issuer.name.namespace;
  const credentialSecret = name === undefined ? undefined : { namespace, name };
  const found = credentialSecret && findCredential(world, key, issuer, credentialSecret);
  const credential = found === 'ambiguous' ? undefined : found;
  return {
    key,
    issuer,
    declared,
    refusal,
    recorded: world.recorded.issuer(key),
    credentialSecret,
    credential,
    isAmbiguous: found === 'ambiguous',
    source: { commit: world.commit, blob: declared.blob, path: declared.path, specHash: declared.specHash },
    hash: `${declared.specHash}:${credential?.blob ?? ''}`,
  };
}

/** Whether what is on record was found out for the issuer as it is now. */
export function isSettled({ recorded, declared, credential, refusal }: IssuerCase): boolean {
  return (
    recorded !== undefined &&
    recorded.status.source?.specHash === declared.specHash &&
    recorded.status.credentialBlob === credential?.blob &&
    recorded.status.problem === refusal?.message
  );
}

/** Whether it can serve, by what Git records. */
export function isReady(target: IssuerCase): boolean {
  const { recorded } = target;
  return (
    recorded !== undefined &&
    isTrue(recorded.status.conditions, 'Ready') &&
    recorded.status.source?.specHash === target.declared.specHash &&
    recorded.status.credentialBlob === target.credential?.blob
  );
}

/**
 * Where the credential stands. The file on record goes on while it declares the Secret; what certops wrote
 * itself goes before what people add beside it; and of two files by people none is chosen for them.
 */
function findCredential(
  world: World,
  key: IssuerKey,
  issuer: Issuer,
  secret: ObjectName,
): Credential | 'ambiguous' | undefined {
  const written = findWritten(world, key, issuer, secret);
  const people = world.desired
    .secrets(secret.namespace, secret.name)
    .map(({ path, blob }): Credential => ({ path, blob, writtenBy: 'people', secret }));
  const candidates = written === undefined ? people : [written, ...people];
  const recordedPath = world.recorded.issuer(key)?.status.credentialPath;
  const onRecord = candidates.find(({ path }) => path === recordedPath);
  return onRecord ?? written ?? (people.length > 1 ? 'ambiguous' : people[0]);
}

function findWritten(
  world: World,
  key: IssuerKey,
  issuer: Issuer,
  secret: ObjectName,
): Credential | undefined {
  const isAcme = issuer.spec.type === 'acme';
  const blob = isAcme ? world.recorded.accountKeyBlob(key) : world.recorded.secretBlob(secret);
  if (blob === undefined) return undefined;
  const path = isAcme ? world.paths.accountKey(issuer.name) : world.paths.secret(secret);
  return { path, blob, writtenBy: 'certops', secret };
}
