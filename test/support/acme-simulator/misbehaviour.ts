import type { Behaviour } from './behaviour.ts';
import type { SimulatedProblem } from './problem.ts';
import type { AcmeSimulatorOptions } from './simulator.ts';

/** What a client must make of a misbehaviour. */
export interface Misbehaviour {
  readonly name: string;
  readonly behaviours: readonly Behaviour[];
  readonly options?: AcmeSimulatorOptions;
  /** Default `www.example.test`. */
  readonly dnsNames?: readonly string[];
  readonly profile?: string;
  /** The step that fails; `check` is the look at the chain before it is stored. */
  readonly at: 'setUp' | 'begin' | 'complete' | 'check';
  readonly code: string;
  readonly failsRequest: boolean;
  /** A number is `not-before`, so many seconds from now; a date is `not-before` too. */
  readonly retry: 'never' | 'backoff' | 'now' | number | Date;
  /** What the explanation says. */
  readonly says?: RegExp;
  /** `data.identifiers`. */
  readonly identifiers?: readonly string[];
  /** How patient the client is with one request, in milliseconds, where the row is about patience. */
  readonly requestTimeoutMs?: number;
  /** How long it watches the order, likewise. */
  readonly orderTimeoutMs?: number;
}

/** `times` of what never ends by itself. */
export const FOR_GOOD = { times: Number.POSITIVE_INFINITY } as const;

/** Names of an order for five. */
export const FIVE: readonly string[] = ['a', 'b', 'c', 'd', 'e'].map((label) => `${label}.example.test`);

/** What a hostile CA, or a proxy before one, sends for an answer. */
export const HTML = '<!DOCTYPE html><title>502</title><script>alert(1)</script>';

/** A problem at an endpoint, every time. */
export function always(endpoint: Behaviour['endpoint'], problem: SimulatedProblem): readonly Behaviour[] {
  return [{ endpoint, ...FOR_GOOD, problem }];
}

/** The request stands as it is and is gone on with. */
export function open(at: Misbehaviour['at'], retry: Misbehaviour['retry']) {
  return { at, code: 'issuers.ca-busy', failsRequest: false, retry } as const;
}

/** The attempt is over. */
export function over<const Code extends string>(
  at: Misbehaviour['at'],
  code: Code,
  retry: Misbehaviour['retry'],
) {
  return { at, code, failsRequest: true, retry } as const;
}

/** The issuer could not be set up. */
export function registration(retry: Misbehaviour['retry']) {
  return { at: 'setUp', code: 'issuers.registration-failed', failsRequest: false, retry } as const;
}
