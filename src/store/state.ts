import { StoreError } from './errors.ts';

/**
 * What must outlive a restart and is no history: plain JSON in a parentless commit under
 * `refs/certops/<branch>/state`. `lastTip` and `acceptedHistory` are the store's own; everything else belongs to whoever writes it.
 */
export type StateDocument = { readonly [key: string]: unknown };

/** What `certops accept-history` leaves in the state document. */
export interface AcceptedHistory {
  readonly tip: string;
  /** RFC 3339; tells one acceptance from another. */
  readonly at: string;
}

/** The one file in the state commit's tree. */
export const STATE_FILE = 'state.json';
export const MAX_STATE_BYTES = 8 * 1024 * 1024;

/** The document's bytes: JSON, indented, keys in alphabetical order, so that equal documents are equal blobs. */
export function encodeState(state: StateDocument): Buffer {
  return Buffer.from(`${JSON.stringify(sorted(state), null, 1)}\n`);
}

/** Reads the document. Throws `store.state-unreadable`. */
export function decodeState(content: Uint8Array): StateDocument {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(content).toString('utf8'));
  } catch (cause) {
    throw stateUnreadable(cause);
  }
  if (!isRecord(value)) throw stateUnreadable();
  return value;
}

export function stateUnreadable(cause?: unknown): StoreError {
  return new StoreError(
    'store.state-unreadable',
    {
      what: 'The state document under refs/certops/ cannot be read',
      why: 'It is not what certops writes',
      next: 'Look at who wrote that ref; deleting it loses waiting times and attempt counts, nothing else',
    },
    { retry: { when: 'never' }, ...(cause === undefined ? {} : { cause }) },
  );
}

function isRecord(value: unknown): value is StateDocument {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}
