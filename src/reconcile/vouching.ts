import { CertopsError } from '../lib/errors.ts';
import type { OutputPaths } from '../status/paths.ts';
import { answerChange, type ForeignChange } from './foreign-change.ts';
import { certificateNameIn, ForeignSecrets } from './foreign-secrets.ts';
import type { BlobChange, ChangeSet, FileChange, Ports, Precondition } from './ports.ts';

const OUTPUT_MAX_BYTES = 4 << 20;

export type VouchingPorts = Pick<Ports, 'store' | 'sealer' | 'readManifests' | 'clock' | 'log'>;

/**
 * Knows which outputs are ours. A signed commit of ours vouches for the whole output tree; what others
 * changed since then is told apart and answered before anything is signed over it, and never with an order.
 * A Secret that somebody deleted stays deleted, unless many went at once: that asks for a new one.
 */
export class Vouching {
  readonly #ports: VouchingPorts;
  readonly #isSigning: boolean;
  readonly #pathsAt: (commit: string) => Promise<OutputPaths>;
  #examined: string | null = null;

  /** `pathsAt`: where outputs lie by the settings of a commit; throws `reconcile.settings` where nobody can tell. */
  constructor(ports: VouchingPorts, isSigning: boolean, pathsAt: (commit: string) => Promise<OutputPaths>) {
    this.#ports = ports;
    this.#pathsAt = pathsAt;
    this.#isSigning = isSigning;
  }

  /** Fails a commit that would be built on a tip with outputs that nobody has examined. */
  precondition(): Precondition {
    return {
      what: 'the outputs of the newest tip are ours',
      holds: async ({ base }) => (await this.examine(base)).length === 0,
    };
  }

  /**
   * What others changed among the outputs up to `tip`, and has to be answered. Empty: all of it is vouched for.
   * Throws `reconcile.unvouched-outputs` when outputs exist that no commit of ours covers, and `reconcile.settings`.
   */
  async examine(tip: string): Promise<readonly ForeignChange[]> {
    if (!this.#isSigning || this.#examined === tip) return [];
    // By the settings of that very commit: on a first look the view of the repository knows none yet.
    const paths = await this.#pathsAt(tip);
    if (this.#examined !== null && (await this.#outputs(this.#examined, tip, paths)).length === 0) {
      this.#examined = tip;
      return [];
    }
    const vouched = await this.#newestVouched(tip);
    const base = vouched ?? this.#examined;
    const changes = await this.#outputs(base, tip, paths);
    const foreign =
      base === null ? await this.#unknown(changes, paths) : await this.#tell(changes, base, tip, paths);
    if (base === null && foreign.length > 0) throw unvouched(foreign);
    if (foreign.length === 0) this.#examined = tip;
    return foreign;
  }

  /** The operator's word that the outputs at `commit` are good. */
  trust(commit: string): void {
    this.#examined = commit;
  }

  /** A change set that answers what was changed up to `tip`: it puts back what does not stand. */
  async answer(changes: readonly ForeignChange[], tip: string, suffix: string): Promise<ChangeSet> {
    const { store, log } = this.#ports;
    const restored: FileChange[] = [];
    for (const { path, before, kind } of changes) {
      if (kind === 'resealed' || kind === 'reverted') {
        log.info({ path, kind }, 'somebody else changed an output; it stands');
        continue;
      }
      log.warn({ path, kind }, 'somebody else changed an output; it is put back');
      if (before !== null) {
        const content = await store.readBlob(before, OUTPUT_MAX_BYTES);
        restored.push({ path, content: Buffer.from(content).toString('utf8'), isForced: true });
      } else if (!changes.some((other) => other.before !== null && isWithin(other.path, path))) {
        restored.push({ path, remove: true });
      }
    }
    return answerChange(changes, restored, tip, suffix);
  }

  /** Never behind what this process has examined itself, whatever somebody merged since. */
  async #newestVouched(tip: string): Promise<string | null> {
    const { store } = this.#ports;
    const vouched = await store.newestVouchedCommit(tip);
    if (vouched === null || this.#examined === null) return vouched;
    return (await store.isAncestor(this.#examined, vouched)) ? vouched : this.#examined;
  }

  async #tell(
    changes: readonly BlobChange[],
    base: string,
    tip: string,
    paths: OutputPaths,
  ): Promise<readonly ForeignChange[]> {
    const secrets = new ForeignSecrets(this.#ports, { base, tip, paths });
    const { told, settled } = await secrets.tell(changes);
    const drift: ForeignChange[] = [];
    for (const change of changes) {
      if (settled.has(change.path) || !(await this.#isDrift(change, paths))) continue;
      drift.push({ ...change, kind: 'drift', follows: [] });
    }
    return [...told, ...drift].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async #unknown(changes: readonly BlobChange[], paths: OutputPaths): Promise<readonly ForeignChange[]> {
    const foreign: ForeignChange[] = [];
    for (const change of changes) {
      if (await this.#isDrift(change, paths)) foreign.push({ ...change, kind: 'drift', follows: [] });
    }
    return foreign;
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
    return (await certificateNameIn(this.#ports, before)) !== undefined;
  }

  async #outputs(before: string | null, after: string, paths: OutputPaths): Promise<readonly BlobChange[]> {
    const { store } = this.#ports;
    const changes = (await store.changes(before, after)).filter(({ path }) => isOutput(path, paths));
    const former = before === null ? undefined : await this.#formerPaths(before);
    if (former === undefined || former.hasSameFolders(paths)) return changes;
    // The folders are other ones now: what lay there before was no output, and no commit of ours says that it is.
    const appeared = (await store.changes(null, after)).filter(
      ({ path }) => isOutput(path, paths) && !isOutput(path, former),
    );
    return [...changes.filter(({ path }) => isOutput(path, former)), ...appeared];
  }

  /** Undefined where the settings of then cannot be read: those of the newest commit have to do. */
  async #formerPaths(commit: string): Promise<OutputPaths | undefined> {
    try {
      return await this.#pathsAt(commit);
    } catch (thrown) {
      if (thrown instanceof CertopsError && thrown.code === 'reconcile.settings') return undefined;
      throw thrown;
    }
  }
}

function isOutput(path: string, paths: OutputPaths): boolean {
  const place = paths.classify(path);
  return place !== undefined && place.kind !== 'other';
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
