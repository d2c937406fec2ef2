import type { SimulatedProblem } from './problem.ts';

/** What a request is about. `validation` and `issue` are no requests: the CA's own steps behind them. */
export type Endpoint =
  | 'directory'
  | 'newNonce'
  | 'newAccount'
  | 'account'
  | 'keyChange'
  | 'newOrder'
  | 'order'
  | 'authorization'
  | 'challenge'
  | 'finalize'
  | 'certificate'
  | 'revokeCert'
  | 'renewalInfo'
  | 'validation'
  | 'issue';

/** What becomes of the connection in place of an honest answer. */
export type TransportFault =
  /** Nothing is ever sent. */
  | 'hang'
  /** The connection is reset without an answer. */
  | 'reset'
  /** Half of the body is sent, then the connection is cut. */
  | 'half-body'
  /** The honest head, then a body without end. */
  | 'endless-body'
  /** One byte of the body every 100 ms. */
  | 'slow-drip';

/** What befalls the CA's own records just before the request is dealt with. */
export type Happening =
  | 'order-expires'
  | 'order-turns-invalid'
  | 'order-is-forgotten'
  | 'account-is-deactivated'
  | 'account-is-forgotten';

/** A certificate that no CA should hand out. */
export type WrongCertificate =
  | 'other-key'
  | 'missing-name'
  | 'extra-name'
  | 'expired'
  | 'future'
  | 'is-a-ca'
  | 'chain-reversed'
  | 'chain-of-strangers'
  | 'chain-of-1000'
  | 'chain-of-5000'
  | 'empty'
  | 'garbage';

interface When {
  readonly endpoint: Endpoint | readonly Endpoint[] | 'any';
  /** How often; default 1, `Infinity` for good. */
  readonly times?: number;
  /** How many requests that fit are let pass first; default 0. */
  readonly after?: number;
  /** Only requests about this identifier (a wildcard is `*.example.com`). */
  readonly identifier?: string;
}

/** An answer written by hand; a string body is `text/html`, anything else JSON. */
export interface RawAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * A misbehaviour as data: when it shows and what it is. What is refused by `problem` or `answer` is not carried
 * out unless `isCarriedOut`; the JWS is checked (and its nonce used up) all the same.
 */
export type Behaviour = When &
  (
    | { readonly problem: SimulatedProblem; readonly isCarriedOut?: boolean }
    | { readonly answer: RawAnswer; readonly isCarriedOut?: boolean }
    /** `isCarriedOut`, by default true, says whether the request is done before its answer gets lost. */
    | { readonly transport: TransportFault; readonly isCarriedOut?: boolean }
    /**
     * Changes parts of an honest JSON answer: `{ 'finalize': 'https://…', 'challenges.*.token': '../x' }`, where
     * `*` is every element of a list. `undefined` takes the part away.
     */
    | { readonly edit: Readonly<Record<string, unknown>> }
    /** Adds headers to an honest answer. */
    | { readonly headers: Readonly<Record<string, string>> }
    | { readonly happening: Happening }
    /** At `issue`: which certificate is made. */
    | { readonly certificate: WrongCertificate }
    /** At `issue`: the order stays `processing`. */
    | { readonly stalls: true }
  );

interface Armed {
  readonly behaviour: Behaviour;
  toSkip: number;
  left: number;
}

/** The behaviours in force, in the order they were asked for; the first that fits shows. */
export class Behaviours {
  #armed: readonly Armed[] = [];

  add(behaviour: Behaviour): void {
    this.#armed = [...this.#armed, { behaviour, toSkip: behaviour.after ?? 0, left: behaviour.times ?? 1 }];
  }

  clear(): void {
    this.#armed = [];
  }

  /** Takes the behaviour that shows at this step, if there is one, and uses one of its times up. */
  take(endpoint: Endpoint, identifiers: readonly string[]): Behaviour | undefined {
    for (const armed of this.#armed) {
      if (armed.left <= 0 || !fits(armed.behaviour, endpoint, identifiers)) continue;
      if (armed.toSkip > 0) {
        armed.toSkip -= 1;
        continue;
      }
      armed.left -= 1;
      return armed.behaviour;
    }
    return undefined;
  }
}

function fits(behaviour: Behaviour, endpoint: Endpoint, identifiers: readonly string[]): boolean {
  const wanted = behaviour.endpoint;
  const isHere =
    wanted === 'any'
      ? endpoint !== 'validation' && endpoint !== 'issue'
      : (typeof wanted === 'string' ? [wanted] : wanted).includes(endpoint);
  return isHere && (behaviour.identifier === undefined || identifiers.includes(behaviour.identifier));
}
