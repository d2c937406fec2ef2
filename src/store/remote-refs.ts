import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { HttpClient } from 'isomorphic-git';
import { isAbort } from '../lib/errors.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { StoreError, unreachable } from './errors.ts';
import type { HttpConnections } from './http-connections.ts';
import type { Remote } from './remote.ts';
import { isObjectId } from './tree.ts';

/** Looks up refs at the remote without starting a process. */
export interface RefPoller {
  /** Object ids of the refs, null for those that are not there. Throws `store.unreachable`. */
  poll(refs: readonly string[], signal: AbortSignal): Promise<readonly (string | null)[]>;
  /** All refs that begin with `prefix` (`refs/heads/…/`), by their full names. Throws `store.unreachable`. */
  list(prefix: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  close(): void;
}

/** Reads the refs of a repository in the file system: its own file first, then `packed-refs`. */
export function fileRefPoller(path: string): RefPoller {
  return {
    poll: async (refs) => {
      const gitDir = await findGitDir(path);
      if (gitDir === null) throw unreachable(`There is no Git repository at ${path}`);
      return readRefs(gitDir, refs);
    },
    list: async (prefix) => {
      const gitDir = await findGitDir(path);
      if (gitDir === null) throw unreachable(`There is no Git repository at ${path}`);
      return listRefs(gitDir, prefix);
    },
    close: () => {},
  };
}

/** Asks an HTTP remote with protocol v2 (gitprotocol-v2, ls-refs) over kept connections. */
export function httpRefPoller(remote: Remote, connections: HttpConnections): RefPoller {
  const ask = async <T>(signal: AbortSignal, question: (http: HttpClient) => Promise<T>): Promise<T> => {
    try {
      return await question(connections.client(signal));
    } catch (thrown) {
      if (thrown instanceof StoreError) throw thrown;
      if (isAbort(thrown) && signal.reason === thrown && !isTimeout(thrown)) throw thrown;
      throw unreachable(whyHttpFailed(thrown), { cause: thrown });
    }
  };
  const listed = async (
    prefix: string,
    http: HttpClient,
    header: Sensitive<string> | undefined,
  ): Promise<ReadonlyMap<string, string>> => {
    const headers = header === undefined ? {} : { Authorization: header.reveal() };
    // Loaded for this alone: what only looks at a repository on disk does without it.
    const { listServerRefs } = await import('isomorphic-git');
    const found = await listServerRefs({ http, url: remote.url, prefix, headers });
    return new Map(found.filter(({ ref }) => ref.startsWith(prefix)).map(({ ref, oid }) => [ref, oid]));
  };
  const under = async (prefix: string, http: HttpClient, signal: AbortSignal) => {
    const authorization = await remote.authorize?.(signal);
    try {
      return await listed(prefix, http, authorization?.header);
    } catch (thrown) {
      if (authorization?.renew === undefined || statusOf(thrown) !== 401) throw thrown;
      return listed(prefix, http, (await authorization.renew(signal)).header);
    }
  };
  return {
    poll: (refs, signal) =>
      ask(signal, (http) =>
        Promise.all(refs.map(async (ref) => (await under(ref, http, signal)).get(ref) ?? null)),
      ),
    list: (prefix, signal) => ask(signal, (http) => under(prefix, http, signal)),
    close: () => connections.close(),
  };
}

/** The refs of a local repository. */
export async function readRefs(gitDir: string, refs: readonly string[]): Promise<readonly (string | null)[]> {
  let packed: Promise<string> | null = null;
  return Promise.all(
    refs.map(async (ref) => {
      const loose = (await readText(join(gitDir, ref)))?.trim();
      if (loose !== undefined && isObjectId(loose)) return loose;
      packed ??= readText(join(gitDir, 'packed-refs')).then((text) => text ?? '');
      const line = (await packed).split('\n').find((candidate) => candidate.slice(41) === ref);
      return line === undefined ? null : line.slice(0, 40);
    }),
  );
}

/** The refs of a local repository that begin with `prefix`, which ends in `/`. */
async function listRefs(gitDir: string, prefix: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  // Loose refs first: one that is being packed is then seen in either place.
  const loose = await readdir(join(gitDir, prefix), { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of loose) {
    if (!entry.isFile() || entry.name.endsWith('.lock')) continue;
    const file = join(entry.parentPath, entry.name);
    const oid = (await readText(file))?.trim();
    if (oid !== undefined && isObjectId(oid)) found.set(relative(gitDir, file), oid);
  }
  for (const line of ((await readText(join(gitDir, 'packed-refs'))) ?? '').split('\n')) {
    const [oid, ref] = [line.slice(0, 40), line.slice(41)];
    if (ref.startsWith(prefix) && isObjectId(oid) && !found.has(ref)) found.set(ref, oid);
  }
  return found;
}

/** The repository at `path` or in the nearest folder above it: its folder with refs and objects. */
export async function findAround(path: string): Promise<string | null> {
  for (let folder = path; ; folder = dirname(folder)) {
    const gitDir = await findGitDir(folder);
    if (gitDir !== null || folder === dirname(folder)) return gitDir;
  }
}

/** The folder with refs and objects for a bare repository, a work tree, or a linked work tree. */
export async function findGitDir(path: string): Promise<string | null> {
  const dotGit = join(path, '.git');
  const facts = await stat(dotGit).catch(() => null);
  if (facts?.isDirectory()) return dotGit;
  if (facts?.isFile()) {
    const target = /^gitdir: (.+)$/m.exec((await readText(dotGit)) ?? '')?.[1];
    if (target === undefined) return null;
    const linked = resolve(path, target);
    const common = (await readText(join(linked, 'commondir')))?.trim();
    return common === undefined ? linked : resolve(linked, common);
  }
  const [head, objects] = await Promise.all([
    stat(join(path, 'HEAD')).catch(() => null),
    stat(join(path, 'objects')).catch(() => null),
  ]);
  return head?.isFile() && objects?.isDirectory() ? path : null;
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'TimeoutError';
}

/** HTTP status of an answer that isomorphic-git did not take. */
function statusOf(thrown: unknown): unknown {
  return (thrown as { data?: { statusCode?: unknown } }).data?.statusCode;
}

function whyHttpFailed(thrown: unknown): string {
  const statusCode = statusOf(thrown);
  if (statusCode === 401 || statusCode === 403)
    return `The server did not accept the credentials (HTTP ${statusCode})`;
  if (typeof statusCode === 'number') return `The server answered HTTP ${statusCode}`;
  if (isTimeout(thrown)) return 'The server did not answer in time';
  const { code } = thrown as { code?: unknown };
  return typeof code === 'string' ? `Asking the server for its branches failed (${code})` : 'Asking failed';
}
