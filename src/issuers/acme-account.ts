import type { KeyObject } from 'node:crypto';
import { AcmeProblemError } from '../acme/problem.ts';
import type { AccountBinding, AcmeSession } from '../acme/session.ts';
import type { AcmeIssuerSpec } from '../api/issuer.ts';
import type { SecretKeyRef } from '../api/names.ts';
import { CertopsError, type Explanation, type RetryAdvice } from '../lib/errors.ts';
import type { FaultPoints } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { factsOfRefusal, factsOfStep } from './failure-facts.ts';
import { type FailureFacts, IssuanceError } from './issuer.ts';

/** Opens one key of a Secret in the issuer's own namespace. */
export type OpenCredential = (ref: SecretKeyRef) => Promise<Sensitive<Buffer>>;

/** The account on record still has another key than the one that is in the Secret now. */
export interface AccountRollover {
  readonly previousKey: KeyObject;
  readonly accountUrl: string;
}

export interface AcmeAccountOptions {
  readonly spec: AcmeIssuerSpec;
  readonly accountKey: KeyObject;
  /** Signs with `accountKey`. */
  readonly session: AcmeSession;
  /** A session of the same CA that signs with another key of an account. */
  readonly sessionWith: (key: KeyObject, accountUrl: string) => AcmeSession;
  readonly accountUrl: string | undefined;
  readonly rollover: AccountRollover | undefined;
  /** `status.acme.lastRegisteredEmail`: what this account was told last. */
  readonly lastRegisteredEmail: string | undefined;
  readonly credential: OpenCredential | undefined;
  readonly faults: FaultPoints;
  readonly log: Log;
}

/**
 * The account of one issuer: found, registered, bound, told its contact, moved to another key. Errors are
 * `IssuanceError`s with cert-manager's reason for the issuer's condition in `data.reason`.
 */
export class AcmeAccount {
  readonly #options: AcmeAccountOptions;
  #ready: Promise<string> | undefined;

  constructor(options: AcmeAccountOptions) {
    this.#options = options;
    if (options.accountUrl !== undefined) this.#ready = Promise.resolve(options.accountUrl);
  }

  /**
   * The account's URI. One registration at a time, whoever asks; after a failure the next call tries again.
   * Throws `issuers.registration-failed`, `issuers.external-account-binding`, `issuers.account-deactivated`,
   * `issuers.contact-update-failed`.
   */
  async ensure(signal: AbortSignal): Promise<string> {
    if (this.#ready === undefined) {
      const ready = this.#establish(signal);
      this.#ready = ready;
      ready.catch(() => {
        this.#ready = undefined;
      });
    }
    return await this.#ready;
  }

  /**
   * The error to tell instead of `unauthorized`, where the account itself is why: a deactivated one is refused
   * everything with that type (RFC 8555, section 7.3.6), so the account is asked for. Undefined: it is fine.
   */
  async deactivation(thrown: unknown, signal: AbortSignal): Promise<IssuanceError | undefined> {
    if (!isUnauthorized(thrown)) return undefined;
    try {
      const { status } = await this.#options.session.getAccount(signal);
      if (status !== 'deactivated' && status !== 'revoked') return undefined;
    } catch (refusal) {
      if (!isUnauthorized(refusal)) return undefined;
    }
    return deactivated(thrown);
  }

  async #establish(signal: AbortSignal): Promise<string> {
    const { spec, faults, lastRegisteredEmail, rollover } = this.#options;
    const moved = await this.#moveToNewKey(signal);
    if (moved !== undefined) {
      const isTold = moved === rollover?.accountUrl && lastRegisteredEmail === spec.email;
      if (!isTold) await this.#tellContact(signal);
      return moved;
    }
    const account = await this.#register(signal);
    faults.reach('account-registered');
    // CAs that keep no contacts show none; what they were told last is on record.
    const isKnown = hasContact(account.contacts, spec.email) || lastRegisteredEmail === spec.email;
    if (!account.isNew && !isKnown) await this.#tellContact(signal);
    return account.uri;
  }

  async #tellContact(signal: AbortSignal): Promise<void> {
    const { session, spec } = this.#options;
    try {
      await session.updateContact(spec.email, signal);
    } catch (thrown) {
      throw this.#failure(thrown, 'ErrUpdateACMEAccount', 'issuers.contact-update-failed', {
        what: 'Failed to update ACME account',
        next: 'Check spec.acme.email; it is tried again by itself where that can help',
      });
    }
  }

  async #register(signal: AbortSignal) {
    const { session, spec } = this.#options;
    let binding: AccountBinding | undefined;
    try {
      binding = await this.#binding();
      return await session.registerAccount({ email: spec.email, binding }, signal);
    } catch (thrown) {
      const isDeactivated = isUnauthorized(thrown) && (await this.#isKnownButRefused(signal));
      if (isDeactivated) throw deactivated(thrown);
      const isRefused =
        thrown instanceof AcmeProblemError && ['environment', 'terminal'].includes(thrown.problemClass);
      if (isRefused && thrown.problem.type === 'externalAccountRequired') {
        throw this.#bindingFailure(thrown, 'Put the key id and key that the CA gave you into it');
      }
      if (isRefused && binding !== undefined && ['unauthorized', 'malformed'].includes(thrown.problem.type)) {
        throw this.#bindingFailure(thrown, 'Check its keyID, and the key in the Secret that it names');
      }
      throw this.#failure(thrown, 'ErrRegisterACMEAccount', 'issuers.registration-failed', {
        what: 'Failed to register ACME account',
        next: 'Check spec.acme; it is tried again by itself where that can help',
      });
    }
  }

  /**
   * Gives the account on record the new key (RFC 8555, section 7.3.5). The new key is tried first: whoever did
   * this before may have ended before it was recorded. Undefined: there is nothing to move, or it cannot be.
   */
  async #moveToNewKey(signal: AbortSignal): Promise<string | undefined> {
    const { rollover, session, sessionWith, accountKey, faults, log } = this.#options;
    if (rollover === undefined) return undefined;
    try {
      const found = await session.findAccount(signal);
      if (found !== undefined) return found;
      const old = sessionWith(rollover.previousKey, rollover.accountUrl);
      try {
        await old.changeKey(accountKey, signal);
      } finally {
        old.close();
      }
      faults.reach('account-registered');
      return await session.findAccount(signal);
    } catch (thrown) {
      const isImpossible =
        thrown instanceof CertopsError &&
        (thrown.code === 'acme.no-key-change' ||
          (thrown instanceof AcmeProblemError &&
            ['account', 'environment', 'terminal'].includes(thrown.problemClass)));
      if (!isImpossible) {
        throw this.#failure(thrown, 'ErrVerifyACMEAccount', 'issuers.registration-failed', {
          what: 'The ACME account could not be given its new key',
          next: 'It is tried again by itself',
        });
      }
      log.warn(
        { account: rollover.accountUrl, ...thrown.logFields() },
        'the ACME account cannot be moved to its new key: another one is registered',
      );
      return undefined;
    }
  }

  async #binding(): Promise<AccountBinding | undefined> {
    const { spec, credential } = this.#options;
    const { externalAccountBinding: wanted } = spec;
    if (wanted === undefined) return undefined;
    if (credential === undefined) throw this.#bindingFailure(undefined, 'This issuer cannot read Secrets');
    const value = (await credential(wanted.keySecretRef)).reveal().toString('utf8').trim();
    // cert-manager takes base64url without padding and nothing else.
    if (!/^[A-Za-z0-9_-]+$/.test(value)) {
      throw this.#bindingFailure(
        undefined,
        `Write the key as base64url without padding into key "${wanted.keySecretRef.key}" of Secret "${wanted.keySecretRef.name}"`,
        'The MAC key is not base64url without padding',
      );
    }
    return { keyId: wanted.keyID, macKey: new Sensitive(Buffer.from(value, 'base64url')) };
  }

  /** Whether this key has an account that the CA lets do nothing. */
  async #isKnownButRefused(signal: AbortSignal): Promise<boolean> {
    try {
      const uri = await this.#options.session.findAccount(signal);
      if (uri === undefined) return false;
      return (await this.#options.session.getAccount(signal)).status !== 'valid';
    } catch (thrown) {
      return isUnauthorized(thrown);
    }
  }

  #bindingFailure(cause: AcmeProblemError | undefined, next: string, why?: string): IssuanceError {
    return this.#failure(
      cause,
      'ErrRegisterACMEAccount',
      'issuers.external-account-binding',
      {
        what: 'Failed to register ACME account: the CA wants an account bound to one that it knows (spec.acme.externalAccountBinding)',
        why,
        next,
      },
      { when: 'never' },
    ) as IssuanceError; // a problem, or nothing: never an abort
  }

  /** Anything that is no error of ours (an abort, a defect) passes through. */
  #failure(
    thrown: unknown,
    reason: string,
    code: string,
    { what, why, next }: Explanation,
    retry?: RetryAdvice,
  ): unknown {
    if (thrown instanceof IssuanceError) return thrown;
    if (thrown !== undefined && !(thrown instanceof CertopsError)) return thrown;
    const link = thrown instanceof AcmeProblemError ? thrown.problem.link : undefined;
    const remedy =
      link === undefined
        ? (thrown?.explanation.next ?? next)
        : `Open ${link} and do what the CA asks for; it is tried again when the issuer changes`;
    return new IssuanceError(
      code,
      { what, why: thrown?.explain() ?? why, next: remedy },
      {
        failsRequest: false,
        retry: retry ?? thrown?.retry ?? { when: 'never' },
        facts: registrationFacts(thrown),
        data: { reason, ...thrown?.data, ...(thrown === undefined ? {} : { cause: thrown.code }) },
        ...(thrown === undefined ? {} : { cause: thrown }),
      },
    );
  }
}

function hasContact(contacts: readonly string[], email: string | undefined): boolean {
  return JSON.stringify(contacts) === JSON.stringify(email === undefined ? [] : [`mailto:${email}`]);
}

function isUnauthorized(thrown: unknown): thrown is AcmeProblemError {
  return (
    thrown instanceof AcmeProblemError && thrown.problem.type === 'unauthorized' && !thrown.problem.isPaused
  );
}

function registrationFacts(thrown: unknown): FailureFacts {
  const step = 'registration';
  return thrown instanceof AcmeProblemError ? factsOfRefusal(thrown, step) : factsOfStep(step, 'issuer');
}

function deactivated(thrown: unknown): IssuanceError {
  return new IssuanceError(
    'issuers.account-deactivated',
    {
      what: 'The ACME account was deactivated',
      why: thrown instanceof CertopsError ? thrown.explanation.why : undefined,
      next: 'A deactivated account stays so. Name another Secret in spec.acme.privateKeySecretRef: an account is registered with its key',
    },
    {
      failsRequest: true,
      retry: { when: 'never' },
      cause: thrown,
      facts: registrationFacts(thrown),
      data: { reason: 'ErrVerifyACMEAccount' },
    },
  );
}
