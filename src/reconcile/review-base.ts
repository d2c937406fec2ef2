import { createHash } from 'node:crypto';
import { filesOf, type TreeFiles, withChanges } from './merged-tree.ts';
import type { HeldChange } from './planned-hold.ts';
import type { RepositoryStore } from './ports.ts';
import type { SafetyRail } from './safety-rail.ts';

/** What pull requests are planned against. */
export interface ReviewBase {
  readonly commit: string;
  readonly files: TreeFiles;
  /** Fingerprint of what people wrote there: the same in every process, whatever certops has recorded since. */
  readonly hash: string;
  /** What of it waits for a confirmation. */
  readonly held?: HeldChange | undefined;
}

/** The tip of the source branch with its files, kept up to date by what differs. */
export class ReviewBases {
  readonly #store: Pick<RepositoryStore, 'tip' | 'changes'>;
  readonly #isOutput: (path: string) => boolean;
  readonly #rail: Pick<SafetyRail, 'held'>;
  #last: ReviewBase | undefined;

  /** `isOutput` tells the files that certops writes. */
  constructor(
    store: Pick<RepositoryStore, 'tip' | 'changes'>,
    isOutput: (path: string) => boolean,
    rail: Pick<SafetyRail, 'held'>,
  ) {
    this.#rail = rail;
    this.#store = store;
    this.#isOutput = isOutput;
  }

  async newest(): Promise<ReviewBase> {
    const base = await this.#tip();
    const { held } = this.#rail;
    if (held === undefined) return base;
    const { id, words, files } = held;
    return { ...base, hash: `${base.hash}-${id}`, held: { id, words, files } };
  }

  async #tip(): Promise<ReviewBase> {
    const { commit } = this.#store.tip;
    const last = this.#last;
    if (last?.commit === commit) return last;
    const changes = last === undefined ? [] : await this.#store.changes(last.commit, commit);
    const files = last === undefined ? await filesOf(this.#store, commit) : withChanges(last.files, changes);
    const isSame = last !== undefined && !changes.some(({ path }) => this.#isRelevant(path));
    this.#last = { commit, files, hash: isSame ? last.hash : this.#hashOf(files) };
    return this.#last;
  }

  #isRelevant(path: string): boolean {
    return /\.ya?ml$/.test(path) && !this.#isOutput(path);
  }

  #hashOf(files: TreeFiles): string {
    const hash = createHash('sha256');
    const lines = [...files].flatMap(([path, oid]) => (this.#isRelevant(path) ? [`${oid} ${path}\0`] : []));
    for (const line of lines.sort()) hash.update(line);
    return hash.digest('hex').slice(0, 16);
  }
}
