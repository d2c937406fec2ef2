import { generateKeyPairSync } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Forge } from '../../src/forge/forge.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { type Log, silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { proposalBranch } from '../../src/proposals/identity.ts';
import type { Affected, OpenCause } from '../../src/proposals/open-cause.ts';
import { ProposalKeeper } from '../../src/reconcile/proposal-keeper.ts';
import type { ProposalWorld } from '../../src/reconcile/proposal-steps.ts';
import type { Remedy } from '../../src/remedies/remedy.ts';
import { ed25519Signer } from '../../src/store/ssh-signature.ts';
import { Store } from '../../src/store/store.ts';
import type { ForgeUnderTest, SeenPullRequest } from '../support/forges/forge-under-test.ts';
import { git } from '../support/git-repo.ts';
import { cause, openCause } from '../support/open-causes.ts';
import { makeScratch } from '../support/scratch.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
const POLL_MS = 5 * MINUTE_MS;

/** A daemon's part that keeps pull requests, with a store and a client of its own. */
export interface KeepingDaemon {
  readonly store: Store;
  readonly keeper: ProposalKeeper;
  /** Looks at the branch and keeps; gives when it wants to be called again. */
  keep(causes: readonly OpenCause[]): Promise<Date | undefined>;
}

/** A forge, a repository with Certificates `web/*.yaml` that name `old.example.com`, and a clock that tests move. */
export class ProposalScene {
  readonly forge: ForgeUnderTest;
  readonly signal: AbortSignal = new AbortController().signal;
  readonly pullRequests = { isEnabled: true, maxOpen: 10, labels: ['certops'], reviewers: [] };
  /** What daemons logged as a warning. */
  readonly warnings: string[] = [];
  readonly #begun = new Date(Math.ceil(Date.now() / 1000) * 1000);
  #now = this.#begun;
  #daemons = 0;
  readonly #stores: Store[] = [];
  readonly #scratch = makeScratch('proposals');
  readonly #signer = ed25519Signer(generateKeyPairSync('ed25519').privateKey);

  private constructor(forge: ForgeUnderTest) {
    this.forge = forge;
    // Days pass in seconds: what times out by itself lingers.
    setMaxListeners(0, this.signal);
  }

  static async start(start: () => Promise<ForgeUnderTest>, names: readonly string[]): Promise<ProposalScene> {
    const scene = new ProposalScene(await start());
    scene.forge.at(scene.now);
    await scene.forge.person.commit(
      'main',
      Object.fromEntries(names.map((name) => [`web/${name}.yaml`, manifest(name)])),
    );
    return scene;
  }

  get now(): Date {
    return this.#now;
  }

  pass(ms: number): void {
    this.#now = new Date(this.#now.getTime() + ms);
    this.forge.at(this.#now);
  }

  /** A cause of the Certificate `web/<name>` whose third attempt failed a minute ago, told from now. */
  cause(name: string, changes: Partial<OpenCause> = {}): OpenCause {
    const ago = (ms: number): Date => new Date(this.#now.getTime() - ms);
    return openCause(name, {
      ...{ cause: cause(name), since: ago(2 * DAY_MS), nextAttemptAt: ago(-DAY_MS) },
      affected: [this.inUse(name, 25)],
      lastAttempts: [{ at: ago(MINUTE_MS), object: `web/${name}`, what: 'The CA could not validate a name' }],
      ...changes,
    });
  }

  /** A certificate in use that ends so many days after the scene began. */
  inUse(name: string, daysLeft: number): Affected {
    const at = (days: number): Date => new Date(this.#begun.getTime() + days * DAY_MS);
    return {
      name: { namespace: 'web', name },
      ...{ notBefore: at(daysLeft - 90), renewalTime: at(daysLeft - 30), notAfter: at(daysLeft) },
    };
  }

  branchOf(name: string): string {
    return proposalBranch('main', cause(name));
  }

  /** Starts on a fresh data folder. `wrap` may come between it and the forge. */
  async daemon(wrap: (forge: Forge) => Forge = (forge) => forge): Promise<KeepingDaemon> {
    const { git: server } = this.forge;
    const clock: Clock = { ...systemClock(), now: () => this.#now };
    const log: Log = { ...silentLog, warn: (_fields, message) => this.warnings.push(message) };
    this.#daemons += 1;
    const store = await Store.open({
      remoteUrl: server.url,
      branch: 'main',
      dataDir: this.#scratch.path(`daemon-${this.#daemons}`),
      identity: () => ({ name: 'certops', email: 'certops@localhost' }),
      credentials: { username: server.username, token: new Sensitive(server.password) },
      ...{ signer: this.#signer, clock, faults: noFaults, log: silentLog },
    });
    this.#stores.push(store);
    let commit = store.tip.commit;
    const { pullRequests } = this;
    const world: ProposalWorld = {
      get commit() {
        return commit;
      },
      settings: { pullRequests },
    };
    const proposing = {
      forge: wrap(await this.forge.connect()),
      branches: store.branches,
      sourceBranch: 'main',
    };
    const keeper = new ProposalKeeper({ clock, log }, proposing, world);
    const remedyOf = (open: OpenCause) => this.#remedyFor(store, commit, open);
    return {
      store,
      keeper,
      keep: async (causes) => {
        if (this.#isReachable) ({ commit } = await store.refresh());
        return (await keeper.keep(causes, remedyOf, this.signal)).lookAgainAt;
      },
    };
  }

  /** Time passes until the daemon would look at the forge again by itself, and it does. */
  async poll(daemon: KeepingDaemon, causes: readonly OpenCause[]): Promise<Date | undefined> {
    this.pass(POLL_MS);
    return daemon.keep(causes);
  }

  /** Requests that a forge's API (on plain Git: the Git server) got while something was done, without those of `store.refresh`. */
  async requestsDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
    const before = this.forge.requests.length;
    await work();
    return this.forge.requests.slice(before);
  }

  /** What people see of the proposals, newest first. */
  async seen(): Promise<readonly SeenPullRequest[]> {
    return this.forge.pullRequests();
  }

  async open(): Promise<readonly SeenPullRequest[]> {
    return (await this.seen()).filter(({ state }) => state === 'open');
  }

  /** The only one that is open. */
  async theOpenOne(): Promise<SeenPullRequest> {
    const [one, ...others] = await this.open();
    if (one === undefined || others.length > 0)
      throw new Error(`${others.length + (one === undefined ? 0 : 1)} are open instead of one`);
    return one;
  }

  async inRepository(...args: readonly string[]): Promise<string> {
    return (await git(['-C', this.forge.repository, ...args])).trim();
  }

  async hasBranch(name: string): Promise<boolean> {
    return (await this.inRepository('for-each-ref', `refs/heads/${this.branchOf(name)}`)) !== '';
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
    await this.forge.close();
    this.#scratch.remove();
  }

  get #isReachable(): boolean {
    return this.forge.git.faults.status === undefined;
  }

  /** Drops the failing name; where it is gone already, asks for another attempt. */
  async #remedyFor(
    store: Store,
    commit: string,
    { cause: { subject } }: OpenCause,
  ): Promise<Remedy | undefined> {
    const path = `web/${subject.name}.yaml`;
    const file = await store.readPath(commit, path);
    if (file === null) return undefined;
    const text = Buffer.from(file.content).toString();
    const dropped = text.replace('  - old.example.com\n', '');
    if (dropped !== text) {
      return {
        kind: 'drop-names',
        files: new Map([[path, dropped]]),
        title: 'drop old.example.com',
        promise: 'The certificate is ordered without old.example.com',
      };
    }
    const at = `${this.#now.toISOString().slice(0, 19)}Z`;
    const retried = `${text.replace(/^certops.dev\/retry-requested-at: .*\n/gm, '')}certops.dev/retry-requested-at: ${at}\n`;
    return {
      kind: 'retry',
      files: new Map([[path, retried]]),
      title: 'try again',
      promise: 'It is tried again at once',
    };
  }
}

function manifest(name: string): string {
  return `name: ${name}\ndnsNames:\n  - ${name}.example.com\n  - old.example.com\nissuer: letsencrypt\n`;
}
