/** The exit codes of every command. */
export const EXIT = {
  /** Done, and all is well. */
  ok: 0,
  /** Done, and there is a finding: a failed Certificate, an object that is not there. */
  finding: 1,
  /** It could not be done: wrong usage, unreachable, unreadable. */
  impossible: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
