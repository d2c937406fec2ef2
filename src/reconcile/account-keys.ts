import type { IssuerReadiness } from '../issuers/issuer.ts';
import type { IssuerStatus } from '../status/issuer-status.ts';
import { issuerHash } from './desired-state.ts';
import type { IssuerCase } from './issuer-case.ts';
import { issuerMessage } from './issuer-message.ts';
import type { Ports, Precondition } from './ports.ts';
import { blobIs, manifestStands } from './preconditions.ts';
import type { World } from './world.ts';

/** cert-manager makes RSA account keys and takes no others. */
const ACCOUNT_KEY = { algorithm: 'RSA', size: 2048, encoding: 'PKCS1', rotationPolicy: 'Never' } as const;

const FIRST_KEY = 'A key for its ACME account, sealed. The account is registered with it next.';

/**
 * What became of a wish for another account key. `not-ours`: people provide the key, and only they can replace it;
 * `under-way`: the last change has not been told to the CA yet, and must be before another.
 */
export type AccountKeyRotation = 'rotated' | 'not-ours' | 'under-way';

/** Makes and replaces the sealed keys of ACME accounts: each is in the remote before the CA ever hears of it. */
export class AccountKeys {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #examined: Precondition;

  constructor(ports: Ports, world: World, examined: Precondition) {
    this.#ports = ports;
    this.#world = world;
    this.#examined = examined;
  }

  /** Commits a new key, in place of the one that is there. Throws `sops.…` and store errors. */
  async make(target: IssuerCase, signal: AbortSignal, body = FIRST_KEY): Promise<void> {
    const { sealer, pki, faults, secrets, clock, store, readManifests } = this.#ports;
    const secret = target.credentialSecret ?? target.issuer.name;
    const rulePath = this.#world.paths.secret(secret);
    await sealer.prove(rulePath);
    const key = await pki.generatePrivateKey(ACCOUNT_KEY);
    faults.reach('account-key-made');
    const encoded = pki.encodePrivateKey(key, ACCOUNT_KEY.encoding);
    const document = secrets.keySecret(secret, 'account-key', encoded);
    const sealed = await sealer.seal(rulePath, document, clock.now());
    const path = this.#world.paths.accountKey(target.issuer.name);
    await store.commit(
      {
        label: 'account-key',
        message: issuerMessage(this.#world, target.issuer, 'ACMEAccountKey', body, 'Start'),
        files: [{ path, content: sealed }],
        preconditions: [
          this.#examined,
          manifestStands(target.declared, this.#world, readManifests, issuerHash),
          blobIs(path, target.credential?.blob ?? target.retiredKeyBlob ?? null),
        ],
      },
      signal,
    );
  }

  /**
   * Gives the issuer's account another key: the new one is sealed and in the remote first, and the registration
   * that this brings about asks the CA for the change (RFC 8555, section 7.3.5), with the old key from history.
   * `why` is told in the commit. Throws `sops.…` and store errors.
   */
  async rotate(target: IssuerCase, signal: AbortSignal, why = ''): Promise<AccountKeyRotation> {
    const { credential, recorded, issuer } = target;
    if (issuer.spec.type !== 'acme' || credential?.writtenBy !== 'certops') return 'not-ours';
    const known = recorded?.status.accountKeyBlob ?? recorded?.status.credentialBlob;
    if (recorded?.status.acme !== undefined && known !== credential.blob) return 'under-way';
    const body = `Another key for its ACME account, sealed. The CA is told of it next.\n${why}`.trimEnd();
    await this.make(target, signal, body);
    return 'rotated';
  }
}

/** Whether the issuer has no account key, and one is to be made for it. */
export function needsAccountKey({ issuer: { spec }, credential }: IssuerCase): boolean {
  return spec.type === 'acme' && credential === undefined && !spec.disableAccountKeyGeneration;
}

/** A file with another key counts only when the CA knows it: until then the account is reached by the former. */
export function accountKeyOf(
  { credential, recorded, issuer }: IssuerCase,
  { ready, acme }: IssuerReadiness,
): Pick<IssuerStatus, 'accountKeyBlob' | 'accountKeyPath'> {
  if (issuer.spec.type !== 'acme') return {};
  if (ready && acme !== undefined) {
    return { accountKeyBlob: credential?.blob, accountKeyPath: credential?.path };
  }
  const { status } = recorded ?? {};
  if (status?.acme === undefined) return {};
  return {
    accountKeyBlob: status.accountKeyBlob ?? status.credentialBlob,
    accountKeyPath: status.accountKeyPath ?? status.credentialPath,
  };
}
