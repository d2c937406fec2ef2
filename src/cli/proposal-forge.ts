import { type ForgeAccess, openRepositoryForge } from '../daemon/repository-forge.ts';
import type { Forge } from '../forge/forge.ts';
import { createPlainForge } from '../forge/plain.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { proposalPrefix, readMarker } from '../proposals/identity.ts';
import type { PullRequest } from '../proposals/pull-request.ts';
import type { PersonRepository, RemoteLook } from '../store/person-repository.ts';

/** Proposals as the remote and its forge have them. */
export interface ProposalsAtHand {
  readonly forge: Forge;
  readonly look: RemoteLook;
  /** Open ones first, then the newest; those closed or merged within 30 days. */
  readonly pullRequests: readonly PullRequest[];
}

const LOOKING_BACK_MS = 30 * 86_400_000;
/** Of commits whose text stands on a forge: the key without the rest of the marker. */
const KEY_ALONE = /^Certops-Proposal: [0-9a-f]{64}$/m;

/** Looks at the proposals of the source branch. Throws `store.…`, `forge.…`. */
export async function proposalsAtHand(
  repository: PersonRepository,
  access: ForgeAccess,
  now: Date,
  signal: AbortSignal,
): Promise<ProposalsAtHand> {
  const prefix = proposalPrefix(repository.branch);
  const look = await repository.look(prefix, signal);
  const clock: Clock = { ...systemClock(), now: () => now };
  const forge = await openRepositoryForge(
    access,
    { remote: repository.url, clock, openPlain: () => readOnlyForge(repository, clock, look) },
    signal,
  );
  const since = new Date(now.getTime() - LOOKING_BACK_MS);
  const found = await forge.proposals(prefix, since, signal);
  const pullRequests = found
    .filter(({ isFork, baseBranch }) => !isFork && baseBranch === repository.branch)
    .toSorted((a, b) => Number(b.state === 'open') - Number(a.state === 'open') || b.number - a.number);
  return { forge, look, pullRequests };
}

/**
 * Plain Git as a person looks at it: what happened to branches is seen and not written down, since the state document is
 * the daemon's. Nothing can be opened or closed by it.
 */
export function readOnlyForge(repository: PersonRepository, clock: Clock, look?: RemoteLook): Forge {
  return createPlainForge({
    branches: {
      list: async () => look?.branches ?? new Map(),
      remove: async () => {},
      mergedAmong: async (commits) =>
        look ? repository.mergedAmong(commits, look.source) : new Set<string>(),
    },
    state: { read: async () => look?.state ?? {}, update: async () => {} },
    clock,
    sourceBranch: repository.branch,
  });
}

/** Whether a branch belongs to a pull request on a forge, which nobody told us how to reach. */
export function isOnForge(message: string): boolean {
  return KEY_ALONE.test(message) && readMarker(message) === undefined;
}

/** Who closed a pull request: what certops closes says that it is healed. */
export function closedBy({ state, body }: PullRequest): 'certops' | 'person' | undefined {
  if (state !== 'closed') return undefined;
  return readMarker(body)?.state === 'healed' ? 'certops' : 'person';
}
