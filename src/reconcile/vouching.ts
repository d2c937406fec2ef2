import { CertopsError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import type { OutputPaths } from '../status/paths.ts';
import { isStoreError } from './error-kinds.ts';
import type { BlobChange, ChangeSet, FileChange, Precondition, RepositoryStore } from './ports.ts';

const OUTPUT_MAX_BYTES = 4 << 20;

/** An output that somebody else changed; `before` is what we had written, null where we had nothing. */
export type Drift = BlobChange;

/**
 * Knows which outputs are ours. A signed commit of ours vouches for the whole output tree; what others
 * changed since then is put back before anything is signed over it, and is never answered with an order.
 * A Secret that somebody deleted stays deleted: that asks for a new one.
 */
export class Vouching {
  readonly #store: RepositoryStore;
  readonly #log: Log;
  readonly #isSigning: boolean;
  #examined: string | null = null;

  constructor(store: RepositoryStore, log: Log, isSigning: boolean) {
    this.#store = store;
    this.#log = log;
    this.#isSigning = isSigning;
  }

  /** Fails a commit that would be built on a tip with outputs that nobody has examined. */
  precondition(pathsAt: (commit: string) => Promise<OutputPaths>): Precondition {
    return {
      what: 'the outputs of the newest tip are ours',
      holds: async ({ base }) => (await this.examine(base, await pathsAt(base))).length === 0,
    };
  }

  /**
   * What others changed among the outputs up to `tip`. Empty: all of it is vouched for.
   * Throws `reconcile.unvouched-outputs` when outputs exist that no commit of ours covers.
   */
  async examine(tip: string, paths: OutputPaths): Promise<readonly Drift[]> {
    if (!this.#isSigning || this.#examined === tip) return [];
    if (this.#examined !== null && (await this.#outputs(this.#examined, tip, paths)).length === 0) {
      this.#examined = tip;
      return [];
    }
    const vouched = await this.#newestVouched(tip);
    const drift = await this.#outputs(vouched ?? this.#examined, tip, paths);
    const foreign: Drift[] = [];
    for (const change of drift) if (await this.#isDrift(change, paths)) foreign.push(change);
    if (vouched === null && this.#examined === null && foreign.length > 0) throw unvouched(foreign);
    if (foreign.length === 0) this.#examined = tip;
    return foreign;
  }

  /** The operator's word that the outputs at `commit` are good. */
  trust(commit: string): void {
    this.#examined = commit;
  }

  /**
   * A change set that puts back what was changed up to `tip`. It is built on that very tip or not at all:
   * what came later is not examined yet, and a signed commit would vouch for it.
   */
  async restore(drift: readonly Drift[], tip: string, suffix: string): Promise<ChangeSet> {
    const files: FileChange[] = [];
    for (const { path, before } of drift) {
      this.#log.warn({ path }, 'somebody else changed an output; it is put back');
      if (before !== null) {
        const content = await this.#store.readBlob(before, OUTPUT_MAX_BYTES);
        files.push({ path, content: Buffer.from(content).toString('utf8'), isForced: true });
      } else if (!drift.some((other) => other.before !== null && isWithin(other.path, path))) {
        files.push({ path, remove: true });
      }
    }
    const [first] = drift;
    const more = drift.length > 1 ? ` and ${drift.length - 1} more` : '';
    return {
      label: 'other',
      message: renderCommitMessage({
        subject: `Restore ${first?.path ?? ''}${more}`,
        body: `Only certops writes these files. Somebody else changed them:\n${drift
          .slice(0, 50)
          .map(({ path }) => `- ${path}`)
          .join('\n')}`,
        suffix,
        trailers: { 'Certops-Reason': 'Drift' },
      }),
      files,
      preconditions: [{ what: 'nothing came since', holds: async ({ base }) => base === tip }],
    };
  }

  /** Never behind what this process has examined itself, whatever somebody merged since. */
  async #newestVouched(tip: string): Promise<string | null> {
    const vouched = await this.#store.newestVouchedCommit(tip);
    if (vouched === null || this.#examined === null) return vouched;
    return (await this.#store.isAncestor(this.#examined, vouched)) ? vouched : this.#examined;
  }

  /**
   * A Secret that is new there is somebody's credential, not an output, and one that is gone is asked for
   * anew; what people put there themselves stays theirs to change.
   */
  async #isDrift({ path, before, after }: BlobChange, paths: OutputPaths): Promise<boolean> {
    const kind = paths.classify(path)?.kind;
    if (kind === 'obstruction') return after !== null;
    if (kind !== 'secret') return true;
    if (before === null || after === null) return false;
    try {
      const content = await this.#store.readBlob(before, OUTPUT_MAX_BYTES);
      return Buffer.from(content).includes('cert-manager.io/certificate-name');
    } catch (thrown) {
      if (isStoreError(thrown)) throw thrown;
      return false; // larger than anything of ours
    }
  }

  async #outputs(before: string | null, after: string, paths: OutputPaths): Promise<readonly BlobChange[]> {
    const changes = await this.#store.changes(before, after);
    return changes.filter(({ path }) => {
      const place = paths.classify(path);
      return place !== undefined && place.kind !== 'other';
    });
  }
}

function isWithin(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function unvouched(outputs: readonly BlobChange[]): CertopsError {
  return new CertopsError(
    'reconcile.unvouched-outputs',
    {
      what: `The repository holds ${outputs.length} output files (${outputs[0]?.path}, …) and no commit signed with this signing key`,
      why: 'Nothing says that certops wrote them, so they cannot be believed',
      next: 'Start with the signing key that was used before, or name a commit whose outputs you have checked with --trust-from',
    },
    { retry: { when: 'never' } },
  );
}
