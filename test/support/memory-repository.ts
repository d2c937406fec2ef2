import { createHash } from 'node:crypto';
import { gitBlobId } from '../../src/lib/git-blob-id.ts';
import type { BlobChange, ChangeSet, RepositoryStore, StateDocument } from '../../src/reconcile/ports.ts';
import { mirrorDamaged, PreconditionError } from '../../src/store/errors.ts';

type Files = Readonly<Record<string, string>>;

/**
 * A repository as a few maps: commits are whole trees, ids of blobs are Git's own. Who commits says whether
 * the commit is vouched for (`ours`).
 */
export class MemoryRepository implements RepositoryStore {
  readonly #commits = new Map<
    string,
    { readonly files: Files; readonly parent: string | null; readonly ours: boolean }
  >();
  readonly #blobs = new Map<string, Buffer>();
  /** Blobs that were read, by path-independent id: what a look costs. */
  readonly reads: string[] = [];
  readonly messages: string[] = [];
  tip = { commit: '' };
  state: StateDocument = {};

  /** Commits these files on top of the tip; null removes one. Returns the commit's id. */
  add(files: Readonly<Record<string, string | null>>, who: 'ours' | 'person' = 'person'): string {
    const next: Record<string, string> = { ...this.#commits.get(this.tip.commit)?.files };
    for (const [path, content] of Object.entries(files)) {
      if (content === null) delete next[path];
      else next[path] = content;
    }
    for (const content of Object.values(next)) this.#blobs.set(gitBlobId(content), Buffer.from(content));
    const commit = createHash('sha1')
      .update(JSON.stringify([this.tip.commit, next, who]))
      .digest('hex');
    this.#commits.set(commit, { files: next, parent: this.tip.commit || null, ours: who === 'ours' });
    this.tip = { commit };
    return commit;
  }

  files(commit = this.tip.commit): Files {
    return this.#commits.get(commit)?.files ?? {};
  }

  async changes(before: string | null, after: string): Promise<readonly BlobChange[]> {
    const [from, to] = [before === null ? {} : this.files(before), this.files(after)];
    const oid = (files: Files, path: string) => (files[path] === undefined ? null : gitBlobId(files[path]));
    return [...new Set([...Object.keys(from), ...Object.keys(to)])]
      .sort()
      .map((path) => ({ path, before: oid(from, path), after: oid(to, path) }))
      .filter((change) => change.before !== change.after);
  }

  async readBlob(oid: string, maxBytes: number): Promise<Uint8Array> {
    this.reads.push(oid);
    const content = this.#blobs.get(oid);
    if (content === undefined) throw mirrorDamaged(`The blob ${oid} is not there`);
    if (content.length > maxBytes) throw new Error(`blob ${oid} cannot be read`);
    return content;
  }

  async blobSizes(oids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(
      oids.flatMap((oid) => {
        const blob = this.#blobs.get(oid);
        return blob === undefined ? [] : [[oid, blob.length] as const];
      }),
    );
  }

  async readPath(commit: string, path: string) {
    const content = this.files(commit)[path];
    return content === undefined ? null : { oid: gitBlobId(content), content: Buffer.from(content) };
  }

  async refresh() {
    return this.tip;
  }

  async commit(changeSet: ChangeSet) {
    const files = this.files();
    const oid = (content: string | undefined) => (content === undefined ? null : gitBlobId(content));
    const view = {
      base: this.tip.commit,
      oid: async (path: string) => oid(files[path]),
      read: async (path: string) => (files[path] === undefined ? null : Buffer.from(files[path])),
    };
    for (const { what, holds } of changeSet.preconditions) {
      if (!(await holds(view))) throw new PreconditionError(what);
    }
    this.messages.push(changeSet.message);
    if (changeSet.state !== undefined) this.state = changeSet.state(this.state);
    const changes = changeSet.files.map(
      (file) => [file.path, 'content' in file ? file.content : null] as const,
    );
    const commit = this.add(Object.fromEntries(changes), 'ours');
    this.state = { ...this.state, lastTip: commit };
    return { commit };
  }

  async readState(): Promise<StateDocument> {
    return this.state;
  }

  async updateState(change: (state: StateDocument) => StateDocument): Promise<void> {
    this.state = { ...change(this.state), lastTip: this.tip.commit };
  }

  async removedFiles(): Promise<readonly { readonly path: string; readonly blob: string }[]> {
    return [];
  }

  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    return this.#line(descendant).includes(ancestor);
  }

  async lastPushedTip(): Promise<string | undefined> {
    const { lastTip } = this.state;
    return typeof lastTip === 'string' ? lastTip : undefined;
  }

  async firstParents(from: string, until: string, limit: number): Promise<readonly string[]> {
    const line = this.#line(from);
    const end = line.indexOf(until);
    return line.slice(0, Math.min(limit, end < 0 ? line.length : end));
  }

  async newestVouchedCommit(from = this.tip.commit): Promise<string | null> {
    return this.#line(from).find((commit) => this.#commits.get(commit)?.ours === true) ?? null;
  }

  async log({ path, maxCount }: { readonly path: string; readonly maxCount: number }) {
    const touched = this.#line(this.tip.commit).filter((commit) => {
      const parent = this.#commits.get(commit)?.parent;
      return this.files(commit)[path] !== (parent ? this.files(parent)[path] : undefined);
    });
    return touched.slice(0, maxCount).map((commit) => {
      const isOurs = this.#commits.get(commit)?.ours === true;
      return { commit, signature: isOurs ? ('ours' as const) : ('none' as const) };
    });
  }

  /** A commit and all before it, newest first. */
  #line(from: string): readonly string[] {
    const line: string[] = [];
    for (let at: string | null = from; at !== null; at = this.#commits.get(at)?.parent ?? null) line.push(at);
    return line;
  }
}
