import { createHash } from 'node:crypto';
import type { Cause, CauseSubject } from '../diagnosis/cause.ts';

export { type ProposalMarker, readMarker } from './marker.ts';

/** Together with a name and 8 hex digits below 200 bytes. */
const MAX_BASE_CHARACTERS = 80;
const MAX_NAME_CHARACTERS = 90;

/**
 * What the branches of all proposals of a source branch begin with: `certops/failure/main/`. A source branch with a
 * very long name is cut, and told apart by a hash.
 */
export function proposalPrefix(sourceBranch: string): string {
  const base =
    Buffer.byteLength(sourceBranch) <= MAX_BASE_CHARACTERS
      ? sourceBranch
      : `${slug(sourceBranch, MAX_BASE_CHARACTERS - 9)}-${sha256(sourceBranch).slice(0, 8)}`;
  return `certops/failure/${base}/`;
}

/**
 * The branch of a cause's proposal, without `refs/heads/`: the prefix, `<namespace>-<name>-` and the first 8 hex digits
 * of the key. It is the same for the same cause on every machine, so a restart finds it again. A legal ref (git
 * check-ref-format) of at most 200 bytes whatever the names.
 */
export function proposalBranch(sourceBranch: string, cause: Cause): string {
  return `${proposalPrefix(sourceBranch)}${slug(subjectWords(cause.subject), MAX_NAME_CHARACTERS)}-${cause.key.slice(0, 8)}`;
}

/** Whether a branch is one that `proposalBranch` gives for some cause of this source branch. */
export function isProposalBranch(sourceBranch: string, branch: string): boolean {
  const prefix = proposalPrefix(sourceBranch);
  return branch.startsWith(prefix) && /^[a-z0-9.-]+-[0-9a-f]{8}$/.test(branch.slice(prefix.length));
}

function subjectWords({ kind, namespace, name }: CauseSubject): string {
  if (kind === 'File') return `repository-${name}`;
  return `${namespace === '' ? 'cluster' : namespace}-${name}`;
}

/** Letters, digits, single dots and dashes: what no ref forbids, and what file systems without case keep apart. */
function slug(text: string, maxCharacters: number): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/-?\.-|-\./g, '-')
    .replace(/-{2,}/g, '-')
    .slice(0, maxCharacters)
    .replace(/^[.-]+|[.-]+$/g, '');
  return plain === '' ? 'unnamed' : plain;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
