import { deadline } from '../lib/deadline.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { StoreError } from './errors.ts';
import { HttpConnections } from './http-connections.ts';
import type { Remote } from './remote.ts';

/** For a token, and for the question whether one is accepted. */
const ASKING_TIMEOUT_MS = 20_000;

/**
 * Does what talks to the remote by a Git process, with the credentials that count now. Where that fails, by
 * `store.unreachable` or as `hasFailed` says, and the server does not accept these credentials (any more), it is done
 * once again with others. Git's words do not tell why it failed, so the server is asked.
 *
 * Throws `store.unreachable` where there are no credentials, the signal's reason, and what `work` throws.
 */
export async function authorized<T>(
  remote: Remote,
  work: (header: Sensitive<string> | undefined) => Promise<T>,
  hasFailed: (outcome: T) => boolean,
  signal: AbortSignal | undefined,
): Promise<T> {
  const authorization = await remote.authorize?.(deadline(ASKING_TIMEOUT_MS, signal));
  const { header, renew } = authorization ?? {};
  if (header === undefined || renew === undefined) return work(header);
  try {
    const outcome = await work(header);
    if (!hasFailed(outcome) || !(await isRefused(remote, header, signal))) return outcome;
  } catch (thrown) {
    if (!(thrown instanceof StoreError) || thrown.code !== 'store.unreachable') throw thrown;
    if (!(await isRefused(remote, header, signal))) throw thrown;
  }
  return work((await renew(deadline(ASKING_TIMEOUT_MS, signal))).header);
}

/** Whether the server answers that it does not accept them; false where it does not answer. */
async function isRefused(
  remote: Remote,
  header: Sensitive<string>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const connections = new HttpConnections();
  try {
    const { statusCode } = await connections.client(deadline(ASKING_TIMEOUT_MS, signal)).request({
      url: `${remote.url}/info/refs?service=git-upload-pack`,
      method: 'GET',
      // Of the first version, the answer would hold every ref.
      headers: { 'Git-Protocol': 'version=2', Authorization: header.reveal() },
    });
    return statusCode === 401;
  } catch {
    return false;
  } finally {
    connections.close();
  }
}
