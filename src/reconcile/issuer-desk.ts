import { findCondition } from '../api/condition.ts';
import type { Acceptance } from './acceptance.ts';
import type { Attempt, Attempts } from './attempts.ts';
import { gatherIssuerCase, type IssuerCase, isReady, isSettled } from './issuer-case.ts';
import { certificateKey, type IssuerKey } from './keys.ts';
import type { Registration } from './registration.ts';
import { POSTPONED, SETTLED, type Verdict } from './verdict.ts';
import type { World } from './world.ts';

/** Which objects are still being worked on or waiting to be looked at. */
export interface Progress {
  isUnsettled(key: string): boolean;
  /** Whether it is being worked on right now. */
  isUnderWay(key: string): boolean;
}

/** Decides what each issuer needs: an account, a status, or nothing. */
export class IssuerDesk {
  readonly #world: World;
  readonly #acceptance: Acceptance;
  readonly #registration: Registration;
  readonly #attempts: Attempts;

  constructor(world: World, acceptance: Acceptance, registration: Registration, attempts: Attempts) {
    this.#world = world;
    this.#acceptance = acceptance;
    this.#registration = registration;
    this.#attempts = attempts;
  }

  /** The issuer as it is in force; undefined when no manifest declares it acceptably. */
  async find(key: IssuerKey): Promise<IssuerCase | undefined> {
    const resolution = await this.#acceptance.issuer(key);
    return resolution.kind === 'in-force'
      ? gatherIssuerCase(this.#world, resolution.declared, resolution.refusal)
      : undefined;
  }

  /** `isFinal`: nothing else is under way, so an answer that others might still change is given all the same. */
  async decide(key: IssuerKey, progress: Progress, isFinal: boolean, now: Date): Promise<Verdict> {
    const resolution = await this.#acceptance.issuer(key);
    const recorded = this.#world.recorded.issuer(key);
    if (resolution.kind === 'removed') {
      if (recorded === undefined) return SETTLED;
      return { kind: 'work', run: (signal) => this.#registration.remove(recorded.status, key, signal) };
    }
    if (resolution.kind === 'held') return SETTLED;
    if (resolution.kind === 'refused') {
      if (recorded?.status.problem === resolution.refusal.message) return SETTLED;
      const [kind, rest] = key.split(':') as ['Issuer' | 'ClusterIssuer', string];
      const slash = rest.indexOf('/');
      const name = { namespace: rest.slice(0, slash), name: rest.slice(slash + 1) };
      return {
        kind: 'work',
        run: (signal) => this.#registration.refuse(kind, name, resolution.refusal, signal),
      };
    }
    const target = gatherIssuerCase(this.#world, resolution.declared, resolution.refusal);
    const attempt = this.#attempts.get(key);
    const hasFailed = attempt !== undefined && attempt.issuerHash === target.hash && isSettled(target);
    if (
      hasFailed &&
      !isAskedAnew(target, attempt, now) &&
      (attempt.retryAt === undefined || attempt.retryAt > now)
    ) {
      return { kind: 'settled', lookAgainAt: attempt.retryAt };
    }
    if (await this.mustReplaceKey(target)) {
      // What was asked for with the key that the account has now is answered with it.
      const isInUse = [...this.#world.desired.dependents(key)].some((one) => progress.isUnderWay(one));
      if (isInUse) return POSTPONED;
      return { kind: 'work', run: (signal) => this.#registration.replaceAccountKey(target, signal) };
    }
    if (!hasFailed && isSettled(target) && (isReady(target) || !canHeal(target))) return SETTLED;
    if (!isFinal && this.#awaitsItsSecret(target, progress)) return POSTPONED;
    return { kind: 'work', run: (signal) => this.#registration.register(target, signal) };
  }

  /** Whether its ACME account is to get another key before anything more is asked with this one. */
  mustReplaceKey(target: IssuerCase): Promise<boolean> {
    return this.#registration.mustReplaceAccountKey(target);
  }

  /** A CA issuer whose key pair a Certificate of this repository is about to bring. */
  #awaitsItsSecret(target: IssuerCase, progress: Progress): boolean {
    const { credentialSecret, credential, issuer } = target;
    if (issuer.spec.type !== 'ca' || credential !== undefined || credentialSecret === undefined) return false;
    return this.#world.desired
      .claimants(certificateKey(credentialSecret))
      .some((claimant) => progress.isUnsettled(claimant));
  }
}

/**
 * Whether trying again could help an issuer that is on record as not ready though nothing about it changed:
 * an account that a process did not get to register, not a key pair that is missing or a field not served.
 */
function canHeal({ issuer, refusal, recorded }: IssuerCase): boolean {
  if (refusal !== undefined) return false;
  // A process with other identities may be able to open what this record says could not be opened.
  const ready = findCondition(recorded?.status.conditions ?? [], 'Ready');
  return issuer.spec.type === 'acme' || ready?.reason === 'EncryptionUnavailable';
}

/** "I have mended it": a word newer than the attempt that failed, unless the CA itself named the time. */
function isAskedAnew({ issuer }: IssuerCase, attempt: Attempt, now: Date): boolean {
  const asked = issuer.retryRequestedAt;
  const isNew = asked !== undefined && asked.getTime() !== attempt.retryRequestedAt?.getTime();
  return isNew && asked <= now && !attempt.isIssuersWord;
}
