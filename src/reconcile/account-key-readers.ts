import { CertopsError } from '../lib/errors.ts';
import { isStoreError } from './error-kinds.ts';
import { type IssuerCase, isReady } from './issuer-case.ts';
import type { Ports } from './ports.ts';
import type { World } from './world.ts';

const SEALED_MAX_BYTES = 1 << 20;
const MAX_REMEMBERED = 1_000;

/** Knows who could ever open the ACME account keys that certops made. */
export class AccountKeyReaders {
  readonly #ports: Pick<Ports, 'store' | 'sealer'>;
  readonly #world: Pick<World, 'paths'>;
  /** Whom a file is sealed to, by blob. */
  readonly #sealedTo = new Map<string, readonly string[]>();

  constructor(ports: Pick<Ports, 'store' | 'sealer'>, world: Pick<World, 'paths'>) {
    this.#ports = ports;
    this.#world = world;
  }

  /** Whom the file with the issuer's key is sealed to; empty for a key that is not ours. Throws store errors only. */
  async sealedTo({ credential, issuer }: IssuerCase): Promise<readonly string[]> {
    if (issuer.spec.type !== 'acme' || credential?.writtenBy !== 'certops') return [];
    const { blob, path } = credential;
    const known = this.#sealedTo.get(blob);
    if (known !== undefined) return known;
    const { store, sealer } = this.#ports;
    let recipients: readonly string[];
    try {
      const text = Buffer.from(await store.readBlob(blob, SEALED_MAX_BYTES)).toString('utf8');
      recipients = sealer.sealedTo(text, path);
    } catch (thrown) {
      if (isStoreError(thrown) || !(thrown instanceof CertopsError)) throw thrown;
      return []; // whoever needs the key says what is wrong with it
    }
    if (this.#sealedTo.size >= MAX_REMEMBERED) this.#sealedTo.clear();
    this.#sealedTo.set(blob, recipients);
    return recipients;
  }

  /**
   * Everybody who could open the key since it was made: sealing it anew takes nothing back from who read it before.
   * Throws store errors only.
   */
  async of(target: IssuerCase): Promise<readonly string[]> {
    const recorded = target.recorded?.status.accountKeyRecipients ?? [];
    return [...new Set([...(await this.sealedTo(target)), ...recorded])];
  }

  /** Those of them whom the rule for the key names no more. Throws store errors only. */
  async lost(target: IssuerCase): Promise<readonly string[]> {
    const { credentialSecret } = target;
    const readers = await this.of(target);
    if (readers.length === 0 || credentialSecret === undefined) return [];
    const named = this.#ports.sealer.rules.namedRecipients(this.#world.paths.secret(credentialSecret));
    // Where nothing can be sealed now, nobody has been taken away: that is another trouble.
    return named === undefined ? [] : readers.filter((reader) => !named.includes(reader));
  }

  /**
   * Whether the key is to be replaced, because somebody who lost access knows it: one that is ours to make, and that
   * the CA knows the account by, or no account yet. Throws store errors only.
   */
  async mustBeReplaced(target: IssuerCase): Promise<boolean> {
    const { credential, recorded, issuer } = target;
    if (issuer.spec.type !== 'acme' || issuer.spec.disableAccountKeyGeneration) return false;
    if (credential?.writtenBy !== 'certops') return false;
    if (recorded?.status.acme !== undefined) {
      const known = recorded.status.accountKeyBlob ?? recorded.status.credentialBlob;
      // What is under way comes to its end first; of an account that is in trouble nothing more is asked.
      if (!isReady(target) || known !== credential.blob) return false;
    }
    return (await this.lost(target)).length > 0;
  }
}
