/** A problem document as a test writes it (RFC 8555, section 6.7). */
export interface SimulatedProblem {
  /** Without the ACME prefix; one with a colon is sent as it is. */
  readonly type: string;
  /** HTTP status; default 400, 429 for `rateLimited`, 403 for `unauthorized`, 500 for `serverInternal`. */
  readonly status?: number;
  readonly detail?: string;
  /** Seconds or an HTTP-date, sent as it is. */
  readonly retryAfter?: string;
  readonly subproblems?: readonly {
    readonly type: string;
    readonly detail?: string;
    readonly identifier?: { readonly type: string; readonly value: string };
  }[];
  /** Further fields and headers. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal by the simulator's own rules; becomes the answer. */
export class Refusal extends Error {
  readonly problem: SimulatedProblem;

  constructor(problem: SimulatedProblem) {
    super(`${problem.type}: ${problem.detail ?? ''}`);
    this.problem = problem;
  }
}

/** Refuses with a type, a detail and, where it is not the type's own, an HTTP status. */
export function refuse(type: string, detail: string, status?: number): never {
  throw new Refusal({ type, detail, ...(status === undefined ? {} : { status }) });
}

/** The HTTP status that a problem is sent with. */
export function statusOf({ type, status }: SimulatedProblem): number {
  return status ?? STATUS_OF_TYPE[type] ?? 400;
}

/** The JSON of a problem document (RFC 7807). */
export function problemDocument(problem: SimulatedProblem): Readonly<Record<string, unknown>> {
  const { type, detail = `${type}, says the simulator`, subproblems, fields } = problem;
  return {
    type: typeUri(type),
    detail,
    status: statusOf(problem),
    ...(subproblems === undefined
      ? {}
      : { subproblems: subproblems.map((sub) => ({ ...sub, type: typeUri(sub.type) })) }),
    ...fields,
  };
}

const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  alreadyReplaced: 409,
  conflict: 409,
  orderNotReady: 403,
  rateLimited: 429,
  serverInternal: 500,
  unauthorized: 403,
  userActionRequired: 403,
};

function typeUri(type: string): string {
  return type.includes(':') ? type : `urn:ietf:params:acme:error:${type}`;
}
