import { printable } from '../lib/printable.ts';

/** One way in which a request is not what a policy allows. */
export interface Violation {
  /** Path of the field of the policy, from `spec`. */
  readonly field: string;
  /** The field of the Certificate that it is about, below `spec`: `dnsNames`, `subject`, `privateKey`. */
  readonly about: string;
  /** The whole sentence with the path, one line, bounded: Kubernetes' `field.Error`. */
  readonly message: string;
}

const MAX_PART_CHARS = 300;

/** A value that is not allowed; `detail` says what is. */
export function invalid(
  about: string,
  field: string,
  value: string | boolean | readonly string[],
  detail: string,
): Violation {
  const message = `${field}: Invalid value: ${shortened(JSON.stringify(value))}: ${shortened(detail)}`;
  return { field, about, message };
}

/** A value that has to be there. */
export function required(about: string, field: string): Violation {
  return { field, about, message: `${field}: Required value: true` };
}

/** What could not be found out. */
export function internal(about: string, field: string, why: string): Violation {
  return { field, about, message: `${field}: Internal error: ${shortened(why)}` };
}

/** One sentence for all of them, as Kubernetes joins field errors. */
export function describeViolations(violations: readonly Violation[]): string {
  const messages = [...new Set(violations.map(({ message }) => message))];
  return messages.length === 1 ? (messages[0] ?? '') : `[${messages.join(', ')}]`;
}

/** Text of strangers in one line of bounded length. */
function shortened(text: string): string {
  const line = printable(text.slice(0, MAX_PART_CHARS * 4));
  return line.length > MAX_PART_CHARS ? `${line.slice(0, MAX_PART_CHARS - 1)}…` : line;
}
