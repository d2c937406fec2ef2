import pLimit from 'p-limit';
import { formatObjectName } from '../api/names.ts';
import { asCertopsError } from '../lib/errors.ts';
import { gitBlobId } from '../lib/git-blob-id.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import { type CertificateStatus, renderCertificateStatus } from '../status/certificate-status.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import { AccountKeyReaders } from './account-key-readers.ts';
import { isLostPrecondition, isStoreError } from './error-kinds.ts';
import { gatherIssuerCase } from './issuer-case.ts';
import type { ChangeSet, Ports, Precondition } from './ports.ts';
import { blobIs } from './preconditions.ts';
import { isSameSet } from './recipients-keeper.ts';
import type { World } from './world.ts';

const SEALED_MAX_BYTES = 1 << 20;
/** Sealing is computing; more at once would only wait for each other. */
const AT_ONCE = 8;

interface Resealing {
  /** What is to be sealed anew, and to whom; what failed is not tried again before one of them is another. */
  readonly key: string;
  readonly path: string;
  readonly change: (now: Date) => Promise<ChangeSet>;
}

/**
 * Seals what stands once more where recipients were added and accepted: the same content, a new data key, and nothing
 * is ordered. A Secret that somebody lost access to is not its business: that one is issued again, with a new key.
 */
export class RecipientsClerk {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #examined: Precondition;
  readonly #readers: AccountKeyReaders;
  readonly #failed = new Set<string>();
  #seen: string | undefined;

  constructor(ports: Ports, world: World, examined: Precondition) {
    this.#ports = ports;
    this.#world = world;
    this.#examined = examined;
    this.#readers = new AccountKeyReaders(ports, world);
  }

  /** Brings everything that lags behind up to date; true when there was something. Throws store errors only. */
  async catchUp(signal: AbortSignal): Promise<boolean> {
    if (this.#seen === this.#world.commit) return false;
    this.#seen = this.#world.commit;
    const lagging = [...(await this.#secrets()), ...(await this.#accountKeys())];
    const limit = pLimit(AT_ONCE);
    const done = await Promise.all(lagging.map((one) => limit(() => this.#reseal(one, signal))));
    return done.includes(true);
  }

  async #reseal({ key, path, change }: Resealing, signal: AbortSignal): Promise<boolean> {
    if (this.#failed.has(key)) return false;
    try {
      signal.throwIfAborted();
      await this.#ports.store.commit(await change(this.#ports.clock.now()), signal);
      return true;
    } catch (thrown) {
      // Somebody was there first: another look is all that is needed.
      if (isLostPrecondition(thrown)) return true;
      if (isStoreError(thrown) || signal.aborted) throw thrown;
      this.#failed.add(key);
      this.#ports.log.warn(
        { path, ...asCertopsError(thrown).logFields() },
        'a file could not be sealed to its new recipients',
      );
      return false;
    }
  }

  async #secrets(): Promise<readonly Resealing[]> {
    const { recorded } = this.#world;
    const found: Resealing[] = [];
    const loop = new FairLoop();
    for (const [, { blob, status }] of recorded.certificates()) {
      await loop.pause();
      const resealing = this.#secret(blob, status);
      if (resealing !== undefined) found.push(resealing);
    }
    return found;
  }

  #secret(statusBlob: string, status: CertificateStatus): Resealing | undefined {
    const { recorded, paths } = this.#world;
    const { issued } = status;
    if (issued === undefined) return undefined;
    const name = { namespace: status.name.namespace, name: issued.secretName };
    const path = paths.secret(name);
    const wanted = this.#ports.sealer.recipients(path);
    const named = this.#ports.sealer.rules.namedRecipients(path);
    if (wanted === undefined || named === undefined || issued.recipients.length === 0) return undefined;
    const isLost = issued.recipients.some((one) => !named.includes(one));
    if (isLost || wanted.every((one) => issued.recipients.includes(one))) return undefined;
    if (recorded.secretBlob(name) !== issued.secretBlob) return undefined;
    const change = async (now: Date): Promise<ChangeSet> => {
      const content = await this.#ports.sealer.reseal(
        path,
        await this.#text(issued.secretBlob),
        path,
        name,
        now,
      );
      const statusPath = paths.certificateStatus(status.name);
      // Who could read it before has read it, whoever it is sealed to from now on.
      const recipients = [...new Set([...this.#ports.sealer.sealedTo(content, path), ...issued.recipients])];
      const sealed = { ...issued, secretBlob: gitBlobId(content), recipients };
      return {
        ...this.#frame(`Update ${formatObjectName(status.name)}`),
        files: [
          { path, content },
          { path: statusPath, content: renderCertificateStatus({ ...status, issued: sealed }) },
        ],
        preconditions: [this.#examined, blobIs(path, issued.secretBlob), blobIs(statusPath, statusBlob)],
      };
    };
    return { key: [issued.secretBlob, ...wanted].join(' '), path, change };
  }

  async #accountKeys(): Promise<readonly Resealing[]> {
    const { desired, recorded, paths } = this.#world;
    const found: Resealing[] = [];
    for (const key of desired.issuerKeys()) {
      const [declared] = desired.issuers(key);
      const blob = recorded.accountKeyBlob(key);
      if (declared === undefined || blob === undefined) continue;
      const target = gatherIssuerCase(this.#world, declared, undefined);
      const { credentialSecret: secret, issuer } = target;
      if (secret === undefined || issuer.spec.type !== 'acme') continue;
      const rulePath = paths.secret(secret);
      const path = paths.accountKey(issuer.name);
      const wanted = this.#ports.sealer.recipients(rulePath);
      const sealed = await this.#readers.sealedTo(target);
      if (wanted === undefined || sealed.length === 0 || isSameSet(wanted, sealed)) continue;
      // Whoever lost access knows this key: it is replaced, and not sealed once more.
      if (await this.#readers.mustBeReplaced(target)) continue;
      const change = async (now: Date): Promise<ChangeSet> => {
        const content = await this.#ports.sealer.reseal(rulePath, await this.#text(blob), path, secret, now);
        return {
          ...this.#frame(`Update ${issuer.kind.toLowerCase()} ${formatObjectName(issuer.name)}`),
          files: [{ path, content }],
          preconditions: [this.#examined, blobIs(path, blob)],
        };
      };
      found.push({ key: [blob, ...wanted].join(' '), path, change });
    }
    return found;
  }

  #frame(subject: string): Pick<ChangeSet, 'label' | 'message'> {
    return {
      label: 'other',
      message: renderCommitMessage({
        subject,
        body: 'The same content, sealed to the recipients that .sops.yaml names now and that are accepted.',
        suffix: this.#world.settings.commit.trailer,
        trailers: { 'Certops-Reason': 'Recipients', 'Certops-Source': this.#world.commit },
      }),
    };
  }

  async #text(blob: string): Promise<string> {
    return Buffer.from(await this.#ports.store.readBlob(blob, SEALED_MAX_BYTES)).toString('utf8');
  }
}
