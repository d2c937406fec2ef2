import type { GitOutcome } from './git-process.ts';

/** What one push moves; absent parts stay as they are. The branch always moves forward. */
export interface PushRequest {
  readonly branch?: { readonly from: string; readonly to: string } | undefined;
  /** `from` null: the ref must not exist yet. */
  readonly state?: { readonly from: string | null; readonly to: string } | undefined;
}

export type PushVerdict =
  | { readonly kind: 'pushed' }
  /** The server was reached and a ref did not move: a lost race, or its rules. The refs tell which. */
  | { readonly kind: 'rejected'; readonly why: string }
  /** Nothing is known: the refs tell whether it arrived. */
  | { readonly kind: 'failed'; readonly why: string };

/** Arguments for `git push`: atomic, each ref with the exact value that it must still have. */
export function pushArguments(
  url: string,
  [branchRef, stateRef]: readonly [string, string],
  request: PushRequest,
): readonly string[] {
  const moves = [
    ...(request.branch === undefined ? [] : [{ ref: branchRef, ...request.branch }]),
    ...(request.state === undefined ? [] : [{ ref: stateRef, ...request.state }]),
  ];
  return [
    'push',
    '--porcelain',
    '--progress',
    '--atomic',
    '--no-verify',
    '--no-signed',
    '--recurse-submodules=no',
    ...moves.map(({ ref, from }) => `--force-with-lease=${ref}:${from ?? ''}`),
    '--end-of-options',
    url,
    ...moves.map(({ ref, to }) => `${to}:${ref}`),
  ];
}

/** Reads `git push --porcelain`: one line a ref, `<flag>\t<from>:<to>\t<summary>`. */
export function readPushOutcome(outcome: GitOutcome): PushVerdict {
  const refused = outcome.stdout.split('\n').filter((line) => line.startsWith('!\t'));
  if (refused.length > 0) {
    const summaries = refused.map((line) => line.split('\t')[2] ?? '');
    const remarks = outcome.stderr.split('\n').filter((line) => line.startsWith('remote: '));
    return { kind: 'rejected', why: [...new Set([...summaries, ...remarks])].join('; ').slice(0, 500) };
  }
  if (outcome.exitCode === 0) return { kind: 'pushed' };
  const reasons = outcome.stderr.split('\n').filter((line) => /^(fatal|error): /.test(line));
  return { kind: 'failed', why: (reasons.at(-1) ?? 'Git gave no reason').slice(0, 300) };
}
