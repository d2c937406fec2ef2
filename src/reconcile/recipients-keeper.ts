import { gitBlobId } from '../lib/git-blob-id.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import { describeHeld, type HeldEntry, renderRecipientsStatus } from '../status/recipients-status.ts';
import type { CertificateKey, IssuerKey } from './keys.ts';
import type { AcceptedRule, ChangeSet, Ports, Precondition } from './ports.ts';
import { blobIs } from './preconditions.ts';
import type { World } from './world.ts';

const SOPS_RULES_FILE = '.sops.yaml';

/**
 * Keeps whom sealed files may be shown to. What `.sops.yaml` names when certops first seals anything is accepted, and
 * stands in `status/recipients.yaml`; whom it names later waits until the operator allows them or somebody who holds an
 * identity has shown them a Secret (`certops rekey`). Whom it names no more is forgotten.
 */
export class RecipientsKeeper {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #examined: Precondition;
  readonly #isSigning: boolean;
  #accepted: readonly AcceptedRule[] | undefined;
  #recordedBlob: string | undefined;
  #rules: string | undefined;
  #told = '';

  constructor(ports: Ports, world: World, examined: Precondition, isSigning: boolean) {
    this.#ports = ports;
    this.#world = world;
    this.#examined = examined;
    this.#isSigning = isSigning;
  }

  /**
   * Makes the sealer seal to whom it may, after the view of the repository moved. Answers with the Certificates whose
   * Secret was sealed to others than it would be now, and the issuers with a key of ours.
   */
  async refresh(): Promise<readonly (CertificateKey | IssuerKey)[]> {
    const { sealer } = this.#ports;
    const { recorded, sopsRules } = this.#world;
    const isUnchanged = this.#rules === sopsRules && this.#recordedBlob === recorded.recipients?.blob;
    if (isUnchanged && (this.#accepted !== undefined || sopsRules === undefined)) return [];
    this.#rules = sopsRules;
    if (this.#recordedBlob !== recorded.recipients?.blob)
      this.#accepted = recorded.recipients?.status.accepted;
    this.#recordedBlob = recorded.recipients?.blob;
    this.#accepted ??= await this.#first();
    this.#accepted = this.#accepted && sealer.rules.narrowed(this.#accepted);
    sealer.rules.setAccepted(this.#accepted);
    this.#tell();
    return [...this.#issuers(), ...(await this.#lagging())];
  }

  /** The commit that brings `status/recipients.yaml` up to date; undefined when it is, or nothing was ever written. */
  update(): ChangeSet | undefined {
    const { recorded, paths, settings, commit } = this.#world;
    const isBlank = recorded.certificates().next().done && recorded.issuers().next().done;
    if (this.#accepted === undefined || (recorded.recipients === undefined && isBlank)) return undefined;
    const held = this.#held();
    const content = renderRecipientsStatus({ accepted: this.#accepted, held });
    if (gitBlobId(content) === recorded.recipients?.blob) return undefined;
    const before = recorded.recipients?.status.held.length ?? 0;
    const subject =
      held.length > before
        ? `Hold ${counted(held.length, 'recipient')} of .sops.yaml`
        : 'Accept the recipients of .sops.yaml';
    const body =
      held.length === 0
        ? 'Sealed files may be shown to whom it names.'
        : `Nothing is sealed to these until the daemon's configuration allows them (recipients), or somebody who holds an identity runs certops rekey:\n${held.map((entry) => `- ${describeHeld(entry)}`).join('\n')}`;
    return {
      label: 'other',
      message: renderCommitMessage({
        ...{ subject, body, suffix: settings.commit.trailer },
        trailers: { 'Certops-Reason': 'Recipients', 'Certops-Source': commit },
      }),
      files: [{ path: paths.recipients(), content }],
      preconditions: [this.#examined, blobIs(paths.recipients(), recorded.recipients?.blob ?? null)],
    };
  }

  /**
   * The list to begin with: what the rules name now, or those beside our newest commit where there is one already and
   * the list was lost.
   */
  async #first(): Promise<readonly AcceptedRule[] | undefined> {
    const { store, sealer } = this.#ports;
    const vouched = this.#isSigning ? await store.newestVouchedCommit() : null;
    const rules = vouched === null ? null : await store.readPath(vouched, SOPS_RULES_FILE);
    const then = rules && sealer.rules.named(Buffer.from(rules.content).toString('utf8'));
    return then ?? sealer.rules.named();
  }

  /** Whom their keys were sealed to says a look into each. */
  #issuers(): readonly IssuerKey[] {
    const { desired, recorded } = this.#world;
    return [...desired.issuerKeys()].filter((key) => recorded.accountKeyBlob(key) !== undefined);
  }

  async #lagging(): Promise<readonly CertificateKey[]> {
    const { recorded, paths } = this.#world;
    const lagging: CertificateKey[] = [];
    const loop = new FairLoop();
    for (const [key, { status }] of recorded.certificates()) {
      await loop.pause();
      if (status.issued === undefined) continue;
      const path = paths.secret({ namespace: status.name.namespace, name: status.issued.secretName });
      const wanted = this.#ports.sealer.recipients(path);
      if (wanted !== undefined && !isSameSet(wanted, status.issued.recipients)) lagging.push(key);
    }
    return lagging;
  }

  #held(): readonly HeldEntry[] {
    const known = this.#world.recorded.recipients?.status.held ?? [];
    return this.#ports.sealer.rules.held().map(({ pattern, recipient }) => {
      const before = known.find((entry) => entry.pattern === pattern && entry.recipient === recipient);
      return { pattern, recipient, since: before?.since ?? this.#world.commit };
    });
  }

  /** One line for each recipient that begins to wait. */
  #tell(): void {
    const held = this.#ports.sealer.rules.held();
    const told = JSON.stringify(held);
    if (told === this.#told) return;
    this.#told = told;
    for (const { pattern, recipient } of held) {
      this.#ports.log.warn(
        { recipient, pathRegex: pattern },
        'a recipient in .sops.yaml waits: nothing is sealed to it until the setting "recipients" names it or somebody runs certops rekey',
      );
    }
  }
}

/** Whether two lists of recipients hold the same ones. */
export function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((one) => right.includes(one));
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
