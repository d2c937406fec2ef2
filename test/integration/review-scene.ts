import { generateKeyPairSync } from 'node:crypto';
import { DEFAULT_SETTINGS } from '../../src/api/repository.ts';
import { createPlanner } from '../../src/daemon/planning-thread.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { type Log, silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import type { Ports } from '../../src/reconcile/ports.ts';
import { Reviewer } from '../../src/reconcile/reviewer.ts';
import { OutputPaths } from '../../src/status/paths.ts';
import { ed25519Signer } from '../../src/store/ssh-signature.ts';
import { Store } from '../../src/store/store.ts';
import type { ForgeUnderTest, SeenPullRequest } from '../support/forges/forge-under-test.ts';
import { git } from '../support/git-repo.ts';
import { makeScratch } from '../support/scratch.ts';

/** A daemon's part that reviews, with a store and a client of its own. */
export interface ReviewingDaemon {
  readonly store: Store;
  readonly reviewer: Reviewer;
  /** Looks at the branch, and reviews what there is. */
  review(): Promise<void>;
}

export const ISSUER = `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: own}
spec: {selfSigned: {}}
`;

/** Allows names under example.com. */
export const POLICY = policyFor('*.example.com');

export function policyFor(names: string): string {
  return `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata: {name: web}
spec:
  allowed:
    dnsNames: {values: ["${names}"]}
    usages: ["server auth", "digital signature", "key encipherment"]
  selector: {issuerRef: {}}
`;
}

export function certificate(name: string, dnsName = `${name}.example.com`): string {
  return `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: ${name}, namespace: web}
spec:
  secretName: ${name}-tls
  dnsNames: [${dnsName}]
  issuerRef: {kind: ClusterIssuer, name: own}
`;
}

/** A forge and a repository with an issuer, and what is given besides. */
export class ReviewScene {
  readonly forge: ForgeUnderTest;
  readonly signal: AbortSignal = new AbortController().signal;
  /** What daemons logged as a warning. */
  readonly warnings: string[] = [];
  #daemons = 0;
  readonly #stores: Store[] = [];
  readonly #scratch = makeScratch('reviews');
  readonly #signer = ed25519Signer(generateKeyPairSync('ed25519').privateKey);

  private constructor(forge: ForgeUnderTest) {
    this.forge = forge;
  }

  static async start(
    start: () => Promise<ForgeUnderTest>,
    files: Readonly<Record<string, string>> = {},
  ): Promise<ReviewScene> {
    const scene = new ReviewScene(await start());
    await scene.forge.person.commit('main', { 'issuer.yaml': ISSUER, ...files });
    return scene;
  }

  /** Starts on a fresh data folder. */
  async daemon(): Promise<ReviewingDaemon> {
    const { git: server } = this.forge;
    const clock = systemClock();
    const log: Log = { ...silentLog, warn: (fields) => void this.warnings.push(JSON.stringify(fields)) };
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
    const proposing = {
      forge: await this.forge.connect(),
      branches: store.branches,
      sourceBranch: 'main',
    };
    // The parts of the ports that reviews use.
    const ports = {
      ...{ store, clock, log, planner: createPlanner() },
      openProposing: async () => proposing,
    } as unknown as Ports;
    const reviewer = new Reviewer(
      ports,
      { paths: new OutputPaths(DEFAULT_SETTINGS.output) },
      { held: undefined },
    );
    return {
      store,
      reviewer,
      review: async () => {
        await store.refresh();
        await reviewer.runOnce(this.signal);
      },
    };
  }

  /** Somebody opens a pull request with these files. */
  open(
    files: Readonly<Record<string, string | null>>,
    { isFork = false, headBranch = 'change' } = {},
  ): Promise<SeenPullRequest> {
    return this.forge.person.open({ headBranch, title: 'A change', files, isFork });
  }

  async seen(number: number): Promise<SeenPullRequest> {
    const found = (await this.forge.pullRequests()).find((pull) => pull.number === number);
    if (found === undefined) throw new Error(`there is no pull request ${number}`);
    return found;
  }

  /** The newest status of its head: state and description. */
  async verdict(number: number): Promise<string> {
    const { headCommit } = await this.seen(number);
    const [newest] = await this.forge.statuses(headCommit);
    return newest === undefined ? 'none' : `${newest.state}: ${newest.description}`;
  }

  /** The one comment. */
  async comment(number: number): Promise<string> {
    const { comments } = await this.seen(number);
    if (comments.length !== 1) throw new Error(`there are ${comments.length} comments`);
    return comments[0] ?? '';
  }

  /** Requests that write, while something is done. */
  async writesDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
    const before = this.forge.requests.length;
    await work();
    return this.forge.requests.slice(before).filter((request) => !request.startsWith('GET '));
  }

  async inRepository(...args: readonly string[]): Promise<string> {
    return (await git(['-C', this.forge.repository, ...args])).trim();
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
    await this.forge.close();
    this.#scratch.remove();
  }
}
