import { CertopsError } from '../lib/errors.ts';
import { printable } from '../lib/printable.ts';
import { isProposalBranch } from '../proposals/identity.ts';
import type { PullRequest } from '../proposals/pull-request.ts';
import type { Console } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { isOnForge } from './proposal-forge.ts';
import { type ProposalsOptions, type ProposalsWork, pick, withProposals } from './proposals.ts';

type Flags = Readonly<Record<string, string | boolean | undefined>>;

const MAX_ATTEMPTS = 8;

/**
 * `certops proposals accept`: on plain Git, merges the branch into the source branch by a merge commit of the person,
 * pushed with an exact lease, and takes the branch away. Exit 2 where that is done on a forge.
 */
export async function acceptProposal(
  console: Console,
  which: string | undefined,
  options: ProposalsOptions,
  flags: Flags,
  now: Date,
): Promise<ExitCode> {
  return withProposals(options, flags, now, async (work, signal) => {
    const { repository } = work;
    const one = undecided(work, which);
    const { headBranch: branch, headCommit: head } = one;
    const message = `Merge ${printable(one.title)}\n\nTakes what certops proposed on ${branch}.`;
    let { source } = work.look;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const commit = await repository.commitMerge(source, head, message, signal);
      const pushed = await repository.push({ branch: repository.branch, from: source, to: commit }, signal);
      if (pushed.outcome === 'pushed') {
        console.out(
          `Merged #${one.number} into ${repository.branch} (${commit.slice(0, 12)}): ${printable(one.title)}`,
        );
        await takeAway(console, work, one, signal);
        return EXIT.ok;
      }
      const look = await repository.look(branch, signal);
      // The person has seen one text and one edit: another is another decision.
      if (look.branches.get(branch)?.commit !== head) throw changedMeanwhile(branch);
      source = look.source;
    }
    throw new CertopsError(
      'store.contended',
      {
        what: `Others pushed to ${repository.branch} first, ${MAX_ATTEMPTS} times in a row`,
        next: 'Try again; nothing was changed',
      },
      { retry: { when: 'backoff' } },
    );
  });
}

/** `certops proposals reject`: on plain Git, deletes the branch, which is a person's no: it stays closed for 14 days. */
export async function rejectProposal(
  console: Console,
  which: string | undefined,
  options: ProposalsOptions,
  flags: Flags,
  now: Date,
): Promise<ExitCode> {
  return withProposals(options, flags, now, async (work, signal) => {
    const { repository } = work;
    const one = undecided(work, which);
    const { outcome } = await repository.push(
      { branch: one.headBranch, from: one.headCommit, to: null },
      signal,
    );
    if (outcome === 'lost') throw changedMeanwhile(one.headBranch);
    console.out(`Rejected #${one.number}: ${printable(one.title)}`);
    console.err(
      'certops: it stays closed for 14 days, unless the cause changes or the certificate in use comes within 72 hours of its end',
    );
    return EXIT.ok;
  });
}

/** The proposal that is decided about: open, on plain Git, its branch there. Throws `cli.…`. */
function undecided(work: ProposalsWork, which: string | undefined): PullRequest {
  const { forge, look, repository } = work;
  const one = pick(work, which);
  const tip = look.branches.get(one.headBranch);
  if (forge.kind !== 'git') {
    throw onForge(`This is a pull request on ${forge.kind}`, `Merge or close it at ${one.url}`);
  }
  if (tip !== undefined && isOnForge(tip.message)) {
    throw onForge(
      'This is a pull request on a forge',
      'Merge or close it there; CERTOPS_FORGE_TOKEN lets certops show where',
    );
  }
  if (one.state !== 'open' || tip === undefined) {
    throw new CertopsError(
      'cli.no-proposal',
      { what: `#${one.number} is ${one.state} already`, next: 'certops proposals list shows what is open' },
      { retry: { when: 'never' } },
    );
  }
  if (tip.commit !== one.headCommit || !isProposalBranch(repository.branch, one.headBranch))
    throw changedMeanwhile(one.headBranch);
  return one;
}

async function takeAway(
  console: Console,
  { repository }: ProposalsWork,
  { headBranch: branch, headCommit: head }: PullRequest,
  signal: AbortSignal,
): Promise<void> {
  const why = await repository.push({ branch, from: head, to: null }, signal).then(
    ({ outcome }) => (outcome === 'lost' ? 'somebody has pushed to it meanwhile' : undefined),
    (thrown: unknown) => (thrown instanceof CertopsError ? thrown.explanation.why : String(thrown)),
  );
  if (why !== undefined) console.err(`certops: its branch ${branch} stays: ${printable(why)}`);
}

function onForge(what: string, next: string): CertopsError {
  return new CertopsError('cli.on-forge', { what, next }, { retry: { when: 'never' } });
}

function changedMeanwhile(branch: string): CertopsError {
  return new CertopsError(
    'cli.proposal-changed',
    {
      what: `The branch ${branch} has changed meanwhile`,
      next: 'Look at it again with certops proposals show; nothing was changed',
    },
    { retry: { when: 'now' } },
  );
}
