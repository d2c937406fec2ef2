const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A cause that returns within this time of being healed opens its pull request again; afterwards a new one. */
export const HEALED_MS = 7 * DAY_MS;
/** So long a person's "no" stands. */
export const REJECTED_MS = 14 * DAY_MS;
/** A cause that stands after a merge gets at most one pull request in this time. */
export const AFTER_MERGE_MS = DAY_MS;
/** So long after a merge a cause without attempts (a manifest, a policy) counts as still standing. */
export const SETTLING_MS = HOUR_MS;
/** New ones are counted over this time. */
export const OPENING_SPAN_MS = HOUR_MS;
/** New ones in that time, those that were opened again included. */
export const MAX_OPENINGS = 4;
/** A text of the same meaning is written anew at most this often. */
export const REWORDING_MS = 6 * HOUR_MS;
