import type { AcmeAuthorization, AcmeIdentifier } from '../acme/resources.ts';
import type { Dns01SolverSpec, SolverSpec } from '../api/issuer.ts';
import { formatObjectName, type SecretKeyRef } from '../api/names.ts';
import { chooseSolver, possibleTypes, type SolvableType } from '../api/solver-selection.ts';
import type { Clock } from '../lib/clock.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import type { Dns01 } from '../solvers/dns01/dns01.ts';
import type { ChallengePresenter } from '../solvers/presenter.ts';
import { listNames } from './acme-failure.ts';
import { factsOfNames } from './failure-facts.ts';
import {
  IssuanceError,
  type OrderRecordAuthorization,
  type OrderRecordChallenge,
  type SigningRequest,
} from './issuer.ts';

/** How long an opened credential serves: orders have many names, and opening costs some milliseconds. */
const KEEP_PRESENTER_MS = 30_000;

export interface ChallengeSolvingOptions {
  readonly solvers: readonly SolverSpec[];
  /** Undefined where the daemon has no HTTP-01 presenter. */
  readonly http01: ChallengePresenter | undefined;
  /** Undefined where the daemon does no DNS-01. */
  readonly dns01: Dns01 | undefined;
  /** Opens one key of a Secret of the issuer's namespace. */
  readonly credential: ((ref: SecretKeyRef) => Promise<Sensitive<Buffer>>) | undefined;
  readonly clock: Clock;
}

/**
 * Which solver and which challenge a name gets: cert-manager's precedence among the solvers that this daemon
 * can present. Before an order only the names are known; afterwards what the CA offers for each counts, too.
 */
export class ChallengeSolving {
  readonly #options: ChallengeSolvingOptions;
  readonly #presenters = new Map<
    Dns01SolverSpec,
    { readonly presenter: Promise<ChallengePresenter>; readonly untilMs: number }
  >();

  constructor(options: ChallengeSolvingOptions) {
    this.#options = options;
  }

  /**
   * Whether every name can be validated is known before anything is ordered. Throws `IssuanceError`
   * `issuers.no-identifiers`, `issuers.no-solver`, `issuers.no-presenter`; and what opening a credential
   * throws, so that a missing TSIG key costs no order.
   */
  async require(request: SigningRequest, identifiers: readonly AcmeIdentifier[]): Promise<void> {
    if (identifiers.length === 0) throw noIdentifiers(formatObjectName(request.certificate));
    const { labels } = request;
    const unsolved = identifiers.filter(
      ({ value }) => this.#choose(value, labels, possibleTypes(value)) === undefined,
    );
    if (unsolved.length > 0) throw noSolver(unsolved.map(({ value }) => value));
    const chosen = identifiers.map(({ value }) => {
      const solver = this.#choose(value, labels, this.#served(possibleTypes(value)));
      return { value, solver };
    });
    const unserved = chosen.filter(({ solver }) => solver === undefined);
    if (unserved.length > 0) throw noPresenter(unserved.map(({ value }) => value));
    const solvers = new Set(chosen.flatMap(({ solver }) => solver ?? []));
    await Promise.all([...solvers].map((solver) => this.#presenterOf(solver)));
  }

  /**
   * The challenge to answer of a pending authorization. Throws `IssuanceError` `issuers.no-challenge` where the
   * CA offers none that a fitting solver can answer.
   */
  chooseChallenge(
    { identifier, wildcard, challenges }: AcmeAuthorization,
    labels: Readonly<Record<string, string>>,
  ): OrderRecordChallenge {
    const name = wildcard ? `*.${identifier.value}` : identifier.value;
    const offered = challenges.filter(({ token }) => token !== undefined).map(({ type }) => type);
    const types = this.#served(possibleTypes(name)).filter((type) => offered.includes(type));
    const solver = this.#choose(name, labels, types);
    const challenge = challenges.find(({ type, token }) => type === solver?.type && token !== undefined);
    if (solver === undefined || challenge?.token === undefined) throw noChallenge(name, offered);
    return { url: challenge.url, type: solver.type, token: challenge.token };
  }

  /**
   * The presenter for an authorization on record: that of the fitting solver of the recorded type. Throws
   * `IssuanceError` `issuers.no-solver`, `issuers.no-presenter`; what opening a credential throws.
   */
  async presenterFor(
    { identifier, wildcard }: OrderRecordAuthorization,
    { type }: OrderRecordChallenge,
    labels: Readonly<Record<string, string>>,
  ): Promise<ChallengePresenter> {
    const name = wildcard ? `*.${identifier}` : identifier;
    const solver = this.#choose(name, labels, [type]);
    // The issuer has changed since the order was made: a new order is chosen for anew.
    if (solver === undefined) throw noSolver([name]);
    return this.#presenterOf(solver);
  }

  #choose(
    name: string,
    labels: Readonly<Record<string, string>>,
    types: readonly SolvableType[],
  ): SolverSpec | undefined {
    return chooseSolver(this.#options.solvers, { name, labels, types });
  }

  /** A type that nobody here can present is as good as not offered. */
  #served(types: readonly SolvableType[]): readonly SolvableType[] {
    const { http01, dns01 } = this.#options;
    return types.filter((type) => (type === 'http-01' ? http01 : dns01) !== undefined);
  }

  async #presenterOf(solver: SolverSpec): Promise<ChallengePresenter> {
    const { http01, dns01, clock } = this.#options;
    if (solver.type === 'http-01') {
      if (http01 === undefined) throw noPresenter([]);
      return http01;
    }
    if (dns01 === undefined) throw noPresenter([]);
    const nowMs = clock.monotonicMs();
    const kept = this.#presenters.get(solver);
    if (kept !== undefined && kept.untilMs > nowMs) return kept.presenter;
    const presenter = this.#open(dns01, solver);
    this.#presenters.set(solver, { presenter, untilMs: nowMs + KEEP_PRESENTER_MS });
    presenter.catch(() => this.#presenters.delete(solver));
    return presenter;
  }

  async #open(dns01: Dns01, solver: Dns01SolverSpec): Promise<ChallengePresenter> {
    const secretRef = solver.provider.tsig?.secretRef;
    const secret = secretRef === undefined ? undefined : await this.#options.credential?.(secretRef);
    return dns01.presenter(solver, secret);
  }
}

function noIdentifiers(owner: string): IssuanceError {
  return new IssuanceError(
    'issuers.no-identifiers',
    {
      what: `Certificate ${owner} asks an ACME issuer for no DNS name and no IP address`,
      next: 'Add spec.dnsNames or spec.ipAddresses',
    },
    { failsRequest: true, retry: { when: 'never' } },
  );
}

function noSolver(names: readonly string[]): IssuanceError {
  return new IssuanceError(
    'issuers.no-solver',
    {
      what: `No solver of the issuer fits ${listNames(names)}`,
      why: 'A solver must match by its selector; wildcards need DNS-01, and IP addresses need HTTP-01',
      next: 'Add a fitting solver to spec.acme.solvers of the issuer',
    },
    {
      failsRequest: true,
      retry: { when: 'never' },
      data: { identifiers: names },
      facts: factsOfNames(names, 'noSolver', 'no solver of the issuer fits it'),
    },
  );
}

function noPresenter(names: readonly string[]): IssuanceError {
  return new IssuanceError(
    'issuers.no-presenter',
    {
      what: 'The issuer needs HTTP-01, and this daemon has no HTTP-01 presenter',
      next: 'Start certops with --http01-port or --http01-webroot',
    },
    {
      failsRequest: true,
      retry: { when: 'never' },
      data: { identifiers: names },
      facts: factsOfNames(names, 'noPresenter', 'it needs HTTP-01, which this daemon does not present'),
    },
  );
}

function noChallenge(name: string, offered: readonly string[]): IssuanceError {
  return new IssuanceError(
    'issuers.no-challenge',
    {
      what: `The CA offers no challenge for ${name} that a solver of the issuer can answer`,
      why: `It offers ${offered.length === 0 ? 'none' : offered.join(', ')}`,
      next: 'Add a solver of such a type to spec.acme.solvers of the issuer, or use another CA',
    },
    {
      failsRequest: true,
      retry: { when: 'never' },
      data: { identifiers: [name] },
      facts: factsOfNames([name], 'noChallenge', `the CA offers ${offered.join(', ') || 'none'}`),
    },
  );
}
