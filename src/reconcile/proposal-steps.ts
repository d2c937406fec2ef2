import type { RepositorySettings } from '../api/repository.ts';
import type { Clock } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { proposalBranch, readMarker } from '../proposals/identity.ts';
import type { OpenCause } from '../proposals/open-cause.ts';
import type { PullRequest, PullRequestDraft } from '../proposals/pull-request.ts';
import {
  needsUpdate,
  type RenderedProposal,
  renderHealed,
  renderMessage,
  renderProposal,
} from '../proposals/render.ts';
import type { ProposalStep } from '../proposals/steps.ts';
import type { Remedy } from '../remedies/remedy.ts';
import type { BranchTip, ProposalPorts } from './ports.ts';
import { type ProposalEdit, proposalEdit } from './proposal-edit.ts';
import { isFree, type ProposalListing, withPullRequest, withTip } from './proposal-listing.ts';

/** Pull requests, and how they are made. */
export interface ProposalStepsParts extends ProposalPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** The repository as causes and remedies are read from it. */
  readonly world: ProposalWorld;
}

/** What of the world pull requests are made by. */
export interface ProposalWorld {
  /** The commit of the source branch that is looked at. */
  readonly commit: string;
  readonly settings: Pick<RepositorySettings, 'pullRequests'>;
}

/** How often a remedy is made anew because the source branch moves. */
const MAX_ATTEMPTS = 3;

/** Gives the remedy of a cause; undefined where nothing can be proposed. */
export type RemedyOf = (open: OpenCause) => Promise<Remedy | undefined>;

/** A step with all that it takes; carrying it out gives the listing as it is then. */
export interface ReadyStep {
  readonly branch: string;
  carryOut(listing: ProposalListing, signal: AbortSignal): Promise<ProposalListing>;
}

/** How one step is prepared and carried out. Each ends in the same state however often it is begun. */
export class ProposalSteps {
  readonly #parts: ProposalStepsParts;

  constructor(parts: ProposalStepsParts) {
    this.#parts = parts;
  }

  branchOf({ cause }: OpenCause): string {
    return proposalBranch(this.#parts.sourceBranch, cause);
  }

  /** The step, ready to be carried out; undefined where there is nothing to do (or no remedy, for `open` and `reopen`). */
  async prepare(
    step: ProposalStep,
    listing: ProposalListing,
    remedyOf: RemedyOf,
  ): Promise<ReadyStep | undefined> {
    switch (step.do) {
      case 'leave':
        return undefined;
      case 'close':
        return {
          branch: step.pullRequest.headBranch,
          carryOut: (now, signal) => this.#close(step.pullRequest, now, signal),
        };
      case 'remove-branch':
        return this.#removal(step.pullRequest, listing);
      case 'open':
      case 'reopen':
      case 'update':
        return this.#prepareText(step, listing, remedyOf);
    }
  }

  async #prepareText(
    step: Extract<ProposalStep, { readonly do: 'open' | 'reopen' | 'update' }>,
    listing: ProposalListing,
    remedyOf: RemedyOf,
  ): Promise<ReadyStep | undefined> {
    const { forge, branches, sourceBranch, clock } = this.#parts;
    const open = step.cause;
    const branch = this.branchOf(open);
    const tip = listing.tips.get(branch);
    const found = await this.#remedy(open, remedyOf);
    if (found === undefined) return undefined;
    const edit = await proposalEdit(branches, found.remedy, found.base, tip);
    if (edit === undefined) return undefined;
    const now = clock.now();
    const known = step.do === 'open' ? undefined : step.pullRequest;
    const reopenedAt = step.do === 'reopen' ? now : readMarker(known?.body ?? '')?.reopenedAt;
    const text = renderProposal({
      ...{ open, remedy: edit.remedy, diff: edit.diff, sourceBranch, now, reopenedAt },
      limits: forge.limits,
    });
    if (step.do === 'update' && known !== undefined) {
      const isWorded = needsUpdate(known, text, now);
      if (!isWorded && edit.isPublished) return undefined;
      return {
        branch,
        carryOut: (at, signal) => this.#bringUp({ branch, tip, edit, text, known }, at, signal),
      };
    }
    const isReopening = step.do === 'reopen';
    return {
      branch,
      carryOut: (at, signal) => this.#open({ branch, tip, edit, text, known }, isReopening, at, signal),
    };
  }

  /** A remedy, and the commit that it was made from. */
  async #remedy(
    open: OpenCause,
    remedyOf: RemedyOf,
  ): Promise<{ readonly remedy: Remedy; readonly base: string } | undefined> {
    const { world } = this.#parts;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const base = world.commit;
      const remedy = await remedyOf(open);
      // Where the source branch moved meanwhile it belongs to neither commit for sure.
      if (world.commit === base) return remedy === undefined ? undefined : { remedy, base };
    }
    throw movedOn();
  }

  /** The branch first, then the pull request: what is left in between is found and finished. */
  async #open(work: TextWork, isReopening: boolean, listing: ProposalListing, signal: AbortSignal) {
    const { forge, log } = this.#parts;
    const { branch, tip, known } = work;
    if (!isFree(listing, branch)) throw branchTaken(branch);
    let next = listing;
    let pullRequest: PullRequest;
    if (isReopening && tip !== undefined && forge.kind !== 'git') {
      // Forges refuse to open what has another commit than when it was closed.
      pullRequest = await forge.ensureOpen(this.#draft(work, tip.commit), known, signal);
      next = withPullRequest(next, pullRequest);
      next = await this.#publish(work, next, signal);
    } else {
      next = await this.#publish(work, next, signal);
      const commit = next.tips.get(branch)?.commit ?? '';
      pullRequest = await forge.ensureOpen(this.#draft(work, commit), known, signal);
      next = withPullRequest(next, pullRequest);
    }
    log.info(told(pullRequest), isReopening ? 'opened a pull request again' : 'opened a pull request');
    return next;
  }

  async #bringUp(work: TextWork, listing: ProposalListing, signal: AbortSignal): Promise<ProposalListing> {
    const { forge, log } = this.#parts;
    const next = await this.#publish(work, listing, signal);
    const commit = next.tips.get(work.branch)?.commit ?? '';
    const pullRequest = await forge.ensureOpen(this.#draft(work, commit), work.known, signal);
    log.info(told(pullRequest), 'brought a pull request up to date');
    return withPullRequest(next, pullRequest);
  }

  async #publish(work: TextWork, listing: ProposalListing, signal: AbortSignal): Promise<ProposalListing> {
    const { branches, forge, clock } = this.#parts;
    const { branch, tip, edit, text } = work;
    const isWhole = forge.kind === 'git';
    const message = renderMessage(text, isWhole);
    // Where a forge has the text, another subject alone is no reason to replace a commit that people may look at.
    if (tip !== undefined && edit.isPublished && !isWhole) return listing;
    const { base, remedy } = edit;
    const expected = tip?.commit ?? null;
    const { commit } = await branches.publish(
      { branch, base, files: remedy.files, message, expected },
      signal,
    );
    return withTip(listing, branch, { commit, base, message, isOurs: true, committedAt: clock.now() });
  }

  async #close(
    pullRequest: PullRequest,
    listing: ProposalListing,
    signal: AbortSignal,
  ): Promise<ProposalListing> {
    const { forge, log, clock } = this.#parts;
    const now = clock.now();
    const last = renderHealed(pullRequest.body, now);
    await forge.ensureClosed(pullRequest, last, signal);
    log.info(told(pullRequest), 'closed a pull request: its cause is gone');
    const closed: PullRequest = {
      ...pullRequest,
      ...{ state: 'closed', body: last.body, closedAt: now, updatedAt: now },
    };
    const next = withPullRequest(listing, closed);
    return forge.kind === 'git' ? withTip(next, pullRequest.headBranch, undefined) : next;
  }

  #removal({ headBranch: branch }: PullRequest, listing: ProposalListing): ReadyStep | undefined {
    const tip = listing.tips.get(branch);
    const isInUse = listing.pullRequests.some((one) => one.state === 'open' && one.headBranch === branch);
    if (tip === undefined || !isFree(listing, branch) || isInUse) return undefined;
    return {
      branch,
      carryOut: async (at, signal) => {
        await this.#parts.branches.remove(branch, tip.commit, signal);
        return withTip(at, branch, undefined);
      },
    };
  }

  #draft({ branch, text }: TextWork, headCommit: string): PullRequestDraft {
    const { labels, reviewers } = this.#parts.world.settings.pullRequests;
    const { title, body } = text;
    const baseBranch = this.#parts.sourceBranch;
    return { title, body, headBranch: branch, headCommit, baseBranch, labels, reviewers };
  }
}

interface TextWork {
  readonly branch: string;
  readonly tip: BranchTip | undefined;
  readonly edit: ProposalEdit;
  readonly text: RenderedProposal;
  /** The pull request to bring up to date or to open again. */
  readonly known: PullRequest | undefined;
}

function told({ number, url, title, headBranch }: PullRequest): Record<string, unknown> {
  return { pullRequest: number, ...(url === '' ? {} : { url }), title, branch: headBranch };
}

function branchTaken(branch: string): CertopsError {
  return new CertopsError(
    'reconcile.proposal-branch-taken',
    {
      what: `The branch ${branch} holds commits of people, and no open pull request`,
      next: 'Delete it, or open a pull request from it: certops leaves it alone',
    },
    { retry: { when: 'never' }, data: { branch } },
  );
}

function movedOn(): CertopsError {
  return new CertopsError(
    'reconcile.proposal-outdated',
    { what: 'The source branch moved while a remedy was made', next: 'It is made again at once' },
    { retry: { when: 'now' } },
  );
}
