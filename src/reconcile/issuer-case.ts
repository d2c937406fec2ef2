import { isTrue } from '../api/condition.ts';
import { fingerprint } from '../api/fingerprint.ts';
import type { Issuer } from '../api/issuer.ts';
import type { ObjectName } from '../api/names.ts';
import type { AcceptedSource } from '../status/accepted-source.ts';
import type { IssuerStatus } from '../status/issuer-status.ts';
import type { Refusal } from './acceptance.ts';
import { credentialName, type Declared, providedSecrets } from './desired-state.ts';
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
  /** ACME: the file with a key that certops made for another Secret, before `privateKeySecretRef` was renamed. */
  readonly retiredKeyBlob?: string | undefined;
  /** The files of the Secrets that people provide for it, by name of the Secret; several of one name: nobody's. */
  readonly provided: ReadonlyMap<string, readonly Credential[]>;
  /** Fingerprint of those files; undefined where the issuer needs none. */
  readonly providedHash?: string | undefined;
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
  const provided = new Map(
    providedSecrets(issuer).map(({ name: secret }) => [
      secret,
      world.desired.secrets(namespace, secret).map(
        ({ path, blob }): Credential => ({
          ...{ path, blob, writtenBy: 'people' },
          secret: { namespace, name: secret },
        }),
      ),
    ]),
  );
  const providedHash =
    provided.size === 0
      ? undefined
      : fingerprint([...provided].map(([secret, files]) => [secret, files.map(({ blob }) => blob)]));
  return {
    key,
    issuer,
    declared,
    refusal,
    recorded: world.recorded.issuer(key),
    credentialSecret,
    credential,
    retiredKeyBlob: findRetiredKey(world, key, issuer, credentialSecret),
    provided,
    providedHash,
    isAmbiguous: found === 'ambiguous',
    source: { commit: world.commit, blob: declared.blob, path: declared.path, specHash: declared.specHash },
    hash: [declared.specHash, credential?.blob ?? '', providedHash ?? ''].filter(Boolean).join(':'),
  };
}

/** Whether what is on record was found out for the issuer as it is now. */
export function isSettled(target: IssuerCase): boolean {
  return isAsFound(target) && target.recorded?.status.problem === target.refusal?.message;
}

/** Whether it can serve, by what Git records. */
export function isReady(target: IssuerCase): boolean {
  return isTrue(target.recorded?.status.conditions ?? [], 'Ready') && isAsFound(target);
}

/** Whether manifest, credential and further Secrets are those that the record speaks of. */
function isAsFound({ recorded, declared, credential, providedHash }: IssuerCase): boolean {
  return (
    recorded !== undefined &&
    recorded.status.source?.specHash === declared.specHash &&
    recorded.status.credentialBlob === credential?.blob &&
    recorded.status.providedHash === providedHash
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
  if (findRetiredKey(world, key, issuer, secret) !== undefined) return undefined;
  const isAcme = issuer.spec.type === 'acme';
  const blob = isAcme ? world.recorded.accountKeyBlob(key) : world.recorded.secretBlob(secret);
  if (blob === undefined) return undefined;
  const path = isAcme ? world.paths.accountKey(issuer.name) : world.paths.secret(secret);
  return { path, blob, writtenBy: 'certops', secret };
}

/**
 * As in cert-manager, another name means another Secret, and so another key: it is how people part with one (of an
 * account that was deactivated, say). The account is moved to the new key where the CA allows it.
 */
function findRetiredKey(
  { recorded }: World,
  key: IssuerKey,
  issuer: Issuer,
  secret: ObjectName | undefined,
): string | undefined {
  if (issuer.spec.type !== 'acme') return undefined;
  const madeFor = recorded.accountKeySecret(key);
  return madeFor === undefined || madeFor === secret?.name ? undefined : recorded.accountKeyBlob(key);
}
