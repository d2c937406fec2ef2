import { hasStatus } from './errors.ts';
import type { CommitStatus } from './forge.ts';
import { COMMIT_STATUS, MERGE_REQUEST } from './gitlab-answers.ts';
import { type GitlabClient, readPages } from './gitlab-client.ts';

/** GitLab's words for states; it has none for an error that is no failure. */
const STATES = { pending: 'pending', success: 'success', failure: 'failed', error: 'failed' } as const;

type GitlabState = (typeof STATES)[keyof typeof STATES];

/** A commit has one status of a name for each of its pipelines: more than these are not made by hand. */
const MAX_PAGES = 10;

/**
 * Sets the status of a commit, unless its newest one of this name says the same.
 *
 * Without a `ref` GitLab puts it into the newest pipeline of the commit, which is the one that the merge request shows,
 * or makes a pipeline for the first branch that holds the commit. No branch holds the head of a fork: that takes the
 * merge request's own ref (the fork's pipeline, not this one, decides whether such a merge request can be merged).
 */
export async function ensureCommitStatus(
  client: GitlabClient,
  project: string,
  commit: string,
  status: CommitStatus,
): Promise<void> {
  const state = STATES[status.state];
  if (saysAlready(await newestStatus(client, project, commit, status.context), state, status.description))
    return;
  const post = async (ref?: string): Promise<void> => {
    await client.commits.editStatus(project, commit, state, {
      name: status.context,
      description: status.description,
      ...(ref === undefined ? {} : { ref }),
    });
  };
  try {
    await post();
  } catch (thrown) {
    if (hasStatus(thrown, 400)) {
      // A status cannot be moved to the state it is in: somebody was faster, or it waits already.
      const now = await newestStatus(client, project, commit, status.context);
      if (isInState(now?.status, state)) return;
    }
    const ref = hasStatus(thrown, 404) ? await refOfHead(client, project, commit) : undefined;
    if (ref === undefined) throw thrown;
    await post(ref);
  }
}

async function newestStatus(
  client: GitlabClient,
  project: string,
  commit: string,
  name: string,
): Promise<{ readonly status: string; readonly description: string } | undefined> {
  const found = await readPages(COMMIT_STATUS, 'GET statuses', MAX_PAGES, (paging) =>
    client.commits.allStatuses(project, commit, { name, ...paging }),
  );
  // In no promised order; ids go up.
  const [newest] = found.filter((one) => one.name === name).toSorted((a, b) => b.id - a.id);
  return newest === undefined ? undefined : { status: newest.status, description: newest.description ?? '' };
}

async function refOfHead(client: GitlabClient, project: string, commit: string): Promise<string | undefined> {
  const found = await readPages(MERGE_REQUEST, 'GET merge_requests of a commit', 1, (paging) =>
    client.commits.allMergeRequests(project, commit, paging),
  );
  const heads = found.filter(({ state, sha }) => state === 'opened' && sha === commit);
  const [newest] = heads.toSorted((a, b) => b.iid - a.iid);
  return newest === undefined ? undefined : `refs/merge-requests/${newest.iid}/head`;
}

function isInState(found: string | undefined, wanted: GitlabState): boolean {
  // `running` is what a waiting status becomes at a runner, or at anybody's request.
  return found === wanted || (wanted === 'pending' && found === 'running');
}

function saysAlready(
  newest: { readonly status: string; readonly description: string } | undefined,
  wanted: GitlabState,
  description: string,
): boolean {
  if (newest === undefined || !isInState(newest.status, wanted)) return false;
  // What waits cannot be described anew: GitLab refuses to move it to the state it is in.
  return wanted === 'pending' || newest.description === description;
}
