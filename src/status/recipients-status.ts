import { readPlainYaml, writeYaml } from '../lib/yaml-write.ts';
import { expectKind, statusDocument } from './document.ts';

/** `status/recipients.yaml`: whom sealed files may be shown to. */
export interface RecipientsStatus {
  /** Entries in order; the first whose pattern matches a path holds. An empty pattern matches every path. */
  readonly accepted: readonly { readonly pattern: string; readonly recipients: readonly string[] }[];
  /** Recipients that `.sops.yaml` names and nothing is sealed to yet. */
  readonly held: readonly HeldEntry[];
}

export interface HeldEntry {
  readonly pattern: string;
  /** `age1…`. */
  readonly recipient: string;
  /** The commit in which it was first seen to wait. */
  readonly since: string;
}

const NAME = { namespace: '', name: 'recipients' };

export function renderRecipientsStatus({ accepted, held }: RecipientsStatus): string {
  return writeYaml([
    statusDocument('Recipients', NAME, {
      status: {
        accepted: accepted.map(({ pattern, recipients }) => ({ pathRegex: pattern, recipients })),
        held: held.map(({ pattern, recipient, since }) => ({ pathRegex: pattern, recipient, since })),
      },
    }),
  ]);
}

/** Reads what `renderRecipientsStatus` wrote. Throws `status.malformed` or `yaml.malformed`. */
export function parseRecipientsStatus(text: string, where: string): RecipientsStatus {
  const status = expectKind(readPlainYaml(text)[0], 'Recipients', where).child('status');
  return {
    accepted: status.children('accepted').map((entry) => ({
      pattern: entry.requiredText('pathRegex'),
      recipients: entry.texts('recipients'),
    })),
    held: status.children('held').map((entry) => ({
      pattern: entry.requiredText('pathRegex'),
      recipient: entry.requiredText('recipient'),
      since: entry.requiredText('since'),
    })),
  };
}

/** One recipient that waits, for people. */
export function describeHeld({ pattern, recipient, since }: HeldEntry): string {
  return `${recipient} (${pattern === '' ? 'rule for every path' : `rule ${pattern}`}, since ${since.slice(0, 12)})`;
}
