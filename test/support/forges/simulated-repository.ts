import type { SeenPullRequest } from './forge-under-test.ts';
import { type SimulatedGit, startSimulatedGit } from './simulated-git.ts';

/** A comment on a pull request, or on its conversation as the forge calls it. */
export interface StoredComment {
  readonly id: number;
  readonly author: string;
  body: string;
  readonly createdAt: Date;
  updatedAt: Date;
}

/** A pull request as a forge keeps it. Whoever changes one says so with `touch`. */
export interface StoredPull {
  /** Of the whole server; `number` is the repository's. */
  readonly id: number;
  readonly number: number;
  readonly author: string;
  readonly headBranch: string;
  /** Login of the fork's owner; undefined: the branch lies in the repository itself. */
  readonly forkOwner: string | undefined;
  readonly createdAt: Date;
  headCommit: string;
  baseBranch: string;
  title: string;
  body: string;
  isDraft: boolean;
  state: 'open' | 'closed' | 'merged';
  updatedAt: Date;
  closedAt: Date | undefined;
  mergeCommit: string | undefined;
  readonly labels: Set<string>;
  readonly reviewers: Set<string>;
  readonly comments: StoredComment[];
}

/** A commit's check; the newest stands last. */
export interface StoredStatus {
  readonly id: number;
  readonly commit: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly author: string;
  readonly createdAt: Date;
}

/** What distinguishes the forges here. */
export interface RepositoryManners {
  /** The ref of a pull request's head: `refs/pull/7/head`. */
  readonly headRef: (number: number) => string;
  /** An open pull request is closed when its branch is deleted (GitHub, Gitea; not GitLab). */
  readonly closesWithBranch: boolean;
}

/** Login of the person who does what `ForgeUnderTest.person` does. */
export const PERSON_LOGIN = 'alice';
/** Who can be asked for a review. */
export const COLLABORATORS: readonly string[] = ['alice', 'bob'];
/** Owner of the fork. */
export const FORK_OWNER = 'mallory';

/**
 * The repository `team/certificates` of a simulated forge: pull requests, comments and statuses over real Git. It knows
 * no API: paths, shapes and errors are the simulators'. `sync` takes over what was pushed; call it before each answer.
 */
export class SimulatedRepository {
  readonly git: SimulatedGit;
  readonly owner = 'team';
  readonly name = 'certificates';
  readonly pulls: StoredPull[] = [];
  readonly statuses: StoredStatus[] = [];
  readonly #manners: RepositoryManners;
  #clockOffsetMs = 0;
  #lastId = 1000;
  #lastNumber = 0;

  private constructor(git: SimulatedGit, manners: RepositoryManners) {
    this.git = git;
    this.#manners = manners;
  }

  static async start(manners: RepositoryManners): Promise<SimulatedRepository> {
    return new SimulatedRepository(await startSimulatedGit(), manners);
  }

  /** The forge's clock: the machine's, until `at` sets it. It goes on from there. */
  now(): Date {
    return new Date(Date.now() + this.#clockOffsetMs);
  }

  at(instant: Date): void {
    this.#clockOffsetMs = instant.getTime() - Date.now();
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  find(number: number): StoredPull | undefined {
    return this.pulls.find((pull) => pull.number === number);
  }

  touch(pull: StoredPull): void {
    pull.updatedAt = this.now();
  }

  /** Takes over what was pushed: heads of open pull requests, their refs, branches that went away. */
  async sync(): Promise<void> {
    const branches = await this.git.branches();
    for (const pull of this.pulls) {
      if (pull.state !== 'open' || pull.forkOwner !== undefined) continue;
      const commit = branches.get(pull.headBranch);
      if (commit === undefined) {
        if (this.#manners.closesWithBranch) this.close(pull);
      } else if (commit !== pull.headCommit) {
        pull.headCommit = commit;
        await this.git.setRef(this.#manners.headRef(pull.number), commit);
        this.touch(pull);
      }
    }
  }

  /** Makes a pull request; that it may be made was checked before. */
  async add(draft: {
    readonly author: string;
    readonly headBranch: string;
    readonly headCommit: string;
    readonly baseBranch: string;
    readonly title: string;
    readonly body: string;
    readonly isDraft?: boolean | undefined;
    readonly forkOwner?: string | undefined;
  }): Promise<StoredPull> {
    this.#lastNumber += 1;
    const now = this.now();
    const pull: StoredPull = {
      ...draft,
      id: this.nextId(),
      number: this.#lastNumber,
      isDraft: draft.isDraft ?? false,
      forkOwner: draft.forkOwner,
      state: 'open',
      createdAt: now,
      updatedAt: now,
      closedAt: undefined,
      mergeCommit: undefined,
      labels: new Set(),
      reviewers: new Set(),
      comments: [],
    };
    // Before anything is awaited: of two that ask at once, one comes second.
    this.pulls.push(pull);
    await this.git.setRef(this.#manners.headRef(pull.number), pull.headCommit);
    return pull;
  }

  comment(pull: StoredPull, author: string, body: string): StoredComment {
    const now = this.now();
    const comment = { id: this.nextId(), author, body, createdAt: now, updatedAt: now };
    pull.comments.push(comment);
    this.touch(pull);
    return comment;
  }

  close(pull: StoredPull): void {
    pull.state = 'closed';
    pull.closedAt = this.now();
    this.touch(pull);
  }

  /** Why a closed pull request cannot be opened again; undefined: it can. */
  async reopenObstacle(
    pull: StoredPull,
  ): Promise<'merged' | 'branch-gone' | 'branch-rewritten' | 'other-open' | undefined> {
    if (pull.state === 'merged') return 'merged';
    const isTaken = this.pulls.some(
      (other) =>
        other !== pull &&
        other.state === 'open' &&
        other.headBranch === pull.headBranch &&
        other.forkOwner === pull.forkOwner &&
        other.baseBranch === pull.baseBranch,
    );
    if (isTaken) return 'other-open';
    if (pull.forkOwner !== undefined) return undefined;
    const commit = (await this.git.branches()).get(pull.headBranch);
    if (commit === undefined) return 'branch-gone';
    return (await this.git.isAncestor(pull.headCommit, commit)) ? undefined : 'branch-rewritten';
  }

  /** Opens a closed one again; the head follows with the next `sync`. */
  reopen(pull: StoredPull): void {
    pull.state = 'open';
    pull.closedAt = undefined;
    this.touch(pull);
  }

  async merge(pull: StoredPull): Promise<void> {
    pull.mergeCommit = await this.git.merge(
      pull.baseBranch,
      pull.headCommit,
      `Merge pull request #${pull.number}`,
    );
    pull.state = 'merged';
    pull.closedAt = this.now();
    this.touch(pull);
  }

  addStatus(status: Omit<StoredStatus, 'id' | 'createdAt'>): StoredStatus {
    const stored = { ...status, id: this.nextId(), createdAt: this.now() };
    this.statuses.push(stored);
    return stored;
  }

  /** As people see it; `url` is the page. */
  seen(pull: StoredPull, url: string): SeenPullRequest {
    return {
      number: pull.number,
      url,
      state: pull.state,
      title: pull.title,
      body: pull.body,
      headBranch: pull.headBranch,
      headCommit: pull.headCommit,
      baseBranch: pull.baseBranch,
      isFork: pull.forkOwner !== undefined,
      isDraft: pull.isDraft,
      author: pull.author,
      labels: [...pull.labels],
      createdAt: pull.createdAt,
      updatedAt: pull.updatedAt,
      closedAt: pull.closedAt,
      comments: pull.comments.map(({ body }) => body),
      reviewers: [...pull.reviewers],
    };
  }

  async stop(): Promise<void> {
    await this.git.close();
  }
}
