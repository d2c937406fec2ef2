import type { GithubClient } from './github-client.ts';
import { COMMENTS, type GithubComment } from './github-shapes.ts';

/** A closing comment of the same words that is younger than this is the one whose answer got lost. */
const LOST_ANSWER_MS = 24 * 3_600_000;

/** Comments of ours on a pull request, oldest first. A comment is ours by its author, whatever it says. */
async function ownComments(
  client: GithubClient,
  number: number,
  signal: AbortSignal,
): Promise<readonly GithubComment[]> {
  const login = await client.login(signal);
  const route = 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments';
  const found: GithubComment[] = [];
  for await (const page of client.pages(COMMENTS, route, { issue_number: number }, signal)) {
    found.push(...page.filter(({ user }) => user?.login === login));
  }
  return found;
}

/** One comment of ours with `marker` in it; written where there is none, or another text. */
export async function ensureGithubComment(
  client: GithubClient,
  number: number,
  comment: { readonly marker: string; readonly body: string },
  signal: AbortSignal,
): Promise<void> {
  const { marker, body } = comment;
  const own = await ownComments(client, number, signal);
  const present = own.find((one) => one.body?.includes(marker));
  if (present === undefined) await addComment(client, number, body, signal);
  else if (present.body !== body) {
    const route = 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}';
    await client.tell(route, { comment_id: present.id, body }, signal);
  }
}

/** One comment with these words, once; `now` is the time by the forge's reckoning or near it. */
export async function ensureLastComment(
  client: GithubClient,
  number: number,
  body: string,
  context: { readonly now: Date; readonly signal: AbortSignal },
): Promise<void> {
  const own = await ownComments(client, number, context.signal);
  const last = own.at(-1);
  const isThere = last?.body === body && context.now.getTime() - Date.parse(last.created_at) < LOST_ANSWER_MS;
  if (!isThere) await addComment(client, number, body, context.signal);
}

async function addComment(
  client: GithubClient,
  number: number,
  body: string,
  signal: AbortSignal,
): Promise<void> {
  const route = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
  await client.tell(route, { issue_number: number, body }, signal);
}
