import type { Clock } from '../lib/clock.ts';
import { judge, judgeAtOnce, type Verdict } from '../policy/judge.ts';
import { type PolicyRequest, requestOf } from '../policy/request.ts';
import { RulePatience } from '../policy/rule-patience.ts';
import type { RuleRunner } from '../policy/rule-runner.ts';
import type { CertificateCase } from './certificate-case.ts';
import type { IssuerCase } from './issuer-case.ts';
import type { CertificateKey } from './keys.ts';
import type { PoliciesInForce } from './policies-in-force.ts';

/** That a request may be made, as its Approved condition says it. */
export type Approved = Extract<Verdict, { kind: 'approved' }>;

/** What policies say about the next request of a Certificate. */
export interface Ruling {
  readonly verdict: Verdict;
  /** When to ask again though nothing changed. */
  readonly askAgainAt?: Date | undefined;
}

interface Remembered extends Ruling {
  /** What it hangs on: the policies, and the request. */
  readonly hash: string;
}

/** How long a verdict stands that came about because time or memory ran out. */
const INCONCLUSIVE_MS = 3_600_000;

/**
 * The gate: whether the policies in force let a request be made. What hangs on patterns alone is judged at once;
 * expressions run in a thread of their own, and what they said is remembered until the policies or the request change.
 */
export class Approval {
  readonly #policies: PoliciesInForce;
  readonly #runner: Pick<RuleRunner, 'evaluate'>;
  readonly #clock: Clock;
  readonly #advance: () => Promise<void>;
  readonly #rulings = new Map<CertificateKey, Remembered>();
  #patience: { readonly hash: string; readonly runner: RulePatience } | undefined;

  /** `advance` brings the policies up to what is declared now. */
  constructor(
    policies: PoliciesInForce,
    runner: Pick<RuleRunner, 'evaluate'>,
    clock: Clock,
    advance: () => Promise<void>,
  ) {
    this.#advance = advance;
    this.#policies = policies;
    this.#runner = runner;
    this.#clock = clock;
  }

  /** What is said about the next request; undefined where expressions have to be asked first: `ask`, then here again. */
  find(target: CertificateCase, issuer: IssuerCase): Ruling | undefined {
    // Of a push that changes both, a Certificate is never judged by the policies before it.
    if (!this.#policies.isFresh) return undefined;
    const { set } = this.#policies;
    const known = this.#rulings.get(target.key);
    const isKnown = known?.hash === hashOf(set.hash, target, issuer);
    const isOver = known?.askAgainAt !== undefined && known.askAgainAt <= this.#clock.now();
    if (isKnown && !isOver) return known;
    this.#rulings.delete(target.key);
    const verdict = judgeAtOnce(set, () => nextRequest(target, issuer));
    return verdict && { verdict };
  }

  /** Finds out what `find` could not say. */
  async ask(target: CertificateCase, issuer: IssuerCase, signal: AbortSignal): Promise<void> {
    if (!this.#policies.isFresh) await this.#advance();
    const { set } = this.#policies;
    if (this.#patience?.hash !== set.hash) {
      this.#patience = { hash: set.hash, runner: new RulePatience(this.#runner) };
    }
    const { runner } = this.#patience;
    const { verdict, isConclusive } = await judge(set, nextRequest(target, issuer), runner, signal);
    const now = this.#clock.now().getTime();
    this.#rulings.set(target.key, {
      verdict,
      hash: hashOf(set.hash, target, issuer),
      ...(isConclusive ? {} : { askAgainAt: new Date(now + INCONCLUSIVE_MS) }),
    });
  }
}

/** The revision that the next request of a Certificate will have. */
export function nextRevision({ recorded }: CertificateCase): number {
  return (recorded?.status.issued?.revision ?? 0) + 1;
}

function nextRequest(target: CertificateCase, issuer: IssuerCase): PolicyRequest {
  const isAcme = issuer.issuer.spec.type === 'acme';
  return requestOf(target.certificate, { revision: nextRevision(target), isAcme });
}

function hashOf(policies: string, target: CertificateCase, issuer: IssuerCase): string {
  return `${policies} ${target.requestHash} ${nextRevision(target)} ${issuer.issuer.spec.type}`;
}
