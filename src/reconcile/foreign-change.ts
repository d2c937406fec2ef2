import { renderCommitMessage } from '../status/commit-message.ts';
import type { BlobChange, ChangeSet, FileChange } from './ports.ts';

/**
 * What somebody else did to an output.
 *
 * - `drift`: anything that is not one of the others; it is put back.
 * - `vanished`: many Secrets are gone at once, this one among them; it is put back.
 * - `resealed`: the same content for other recipients that `.sops.yaml` names; it stands.
 * - `reverted`: an earlier version of ours that is still valid and fits; it stands.
 */
export interface ForeignChange extends BlobChange {
  readonly kind: 'drift' | 'vanished' | 'resealed' | 'reverted';
  /** What has to be written for what stands: statuses that agree with it. */
  readonly follows: readonly FileChange[];
}

const MAX_LISTED = 50;

const KINDS = [
  { kind: 'drift', reason: 'Drift', told: 'Only certops writes these files. Somebody else changed them:' },
  { kind: 'vanished', reason: 'Vanished', told: 'Many Secrets were gone at once. They are back:' },
  {
    kind: 'resealed',
    reason: 'Resealed',
    told: 'Somebody sealed the same content to other recipients that .sops.yaml names. It stands:',
  },
  {
    kind: 'reverted',
    reason: 'Reverted',
    told: 'Somebody put back an earlier version of ours, which is valid and fits. It stands:',
  },
] as const;

/**
 * The change set that answers them: what is put back, and what follows from what stands. It is built on that very tip
 * or not at all: what came later is not examined yet, and a signed commit would vouch for it.
 */
export function answerChange(
  changes: readonly ForeignChange[],
  restored: readonly FileChange[],
  tip: string,
  suffix: string,
): ChangeSet {
  const present = KINDS.filter(({ kind }) => changes.some((change) => change.kind === kind));
  const [first] = present;
  const verb = first?.kind === 'drift' || first?.kind === 'vanished' ? 'Restore' : 'Accept';
  const named = changes.filter(({ kind }) => kind === first?.kind)[0]?.path ?? '';
  const more = changes.length > 1 ? ` and ${changes.length - 1} more` : '';
  const body = present.map(({ kind, told }) => {
    const paths = changes.filter((change) => change.kind === kind).map(({ path }) => `- ${path}`);
    return [told, ...paths.slice(0, MAX_LISTED)].join('\n');
  });
  return {
    label: 'other',
    message: renderCommitMessage({
      subject: `${verb} ${named}${more}`,
      body: body.join('\n\n'),
      suffix,
      trailers: { 'Certops-Reason': first?.reason },
    }),
    files: [...restored, ...changes.flatMap(({ follows }) => follows)],
    preconditions: [{ what: 'nothing came since', holds: async ({ base }) => base === tip }],
  };
}
