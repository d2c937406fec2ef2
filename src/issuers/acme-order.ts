import { AcmeConnectionError } from '../acme/connection-error.ts';
import { AcmeProblemError } from '../acme/problem.ts';
import type { AcmeAuthorization, AcmeOrder } from '../acme/resources.ts';
import type { AcmeSession } from '../acme/session.ts';
import type { Clock } from '../lib/clock.ts';
import { asCertopsError } from '../lib/errors.ts';
import type { FaultPoints } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import type { Challenge, Presentation } from '../solvers/presenter.ts';
import { certificateNotThere, orderGone, validationFailed, validationInterrupted } from './acme-failure.ts';
import type { ChallengeSolving } from './challenge-solving.ts';
import type {
  IssuanceError,
  OrderRecord,
  OrderRecordAuthorization,
  OrderRecordChallenge,
  SigningRequest,
} from './issuer.ts';
import { PollPace } from './poll-pace.ts';

export interface OrderCompletionOptions {
  readonly session: AcmeSession;
  readonly solving: ChallengeSolving;
  readonly clock: Clock;
  readonly faults: FaultPoints;
  readonly log: Log;
  /** How long the order is watched before it is left open for later. */
  readonly timeoutMs: number;
  /** The record was made by this process a moment ago and is as good as a look at the order. */
  readonly isFresh: boolean;
  /** An earlier run of this process left the order open, and its challenges have been shown since. */
  readonly isStillShown: boolean;
}

/** Goes through with one recorded order (RFC 8555, section 7.1.6), from whatever state it is in. Used once. */
export class OrderCompletion {
  readonly #options: OrderCompletionOptions;
  readonly #pace: PollPace;
  readonly #presentations: Presentation[] = [];
  readonly #answered = new Set<string>();
  /** Challenge URLs of `#presentations`. */
  readonly #shown = new Set<string>();
  readonly #unseen: OrderRecordAuthorization[] = [];
  #hasAccepted = false;
  #hasFinalized = false;

  constructor(options: OrderCompletionOptions) {
    this.#options = options;
    this.#pace = new PollPace(options.clock, options.timeoutMs);
  }

  /** Whether the CA may be looking for what is shown. */
  get hasAccepted(): boolean {
    return this.#hasAccepted;
  }

  /** What is being shown to the CA; whoever ran this removes it when the order needs it no more. */
  get presentations(): readonly Presentation[] {
    return this.#presentations;
  }

  /** Authorizations whose challenge is shown and was not seen where the CA would look. */
  get unseen(): readonly OrderRecordAuthorization[] {
    return this.#unseen;
  }

  /**
   * Takes away what an earlier process showed for this order and this run did not: token and account key say
   * what that was. For an order that has come to its end; never rejects.
   */
  async withdrawLeftovers({ labels }: SigningRequest, { authorizations }: OrderRecord): Promise<void> {
    const { isFresh, solving, log } = this.#options;
    if (isFresh) return;
    const withdrawals = authorizations.map(async (authorization) => {
      const { challenge } = authorization;
      if (challenge === undefined || this.#shown.has(challenge.url)) return;
      const presenter = await solving.presenterFor(authorization, challenge, labels);
      await presenter.withdraw?.(await this.#describe(authorization, challenge));
    });
    for (const result of await Promise.allSettled(withdrawals)) {
      if (result.status === 'fulfilled') continue;
      log.warn({ ...asCertopsError(result.reason).logFields() }, 'what was left of a challenge stays');
    }
  }

  /** The chain, PEM each, leaf first. Throws `IssuanceError`, what `AcmeSession` throws, the signal's reason. */
  async run(request: SigningRequest, record: OrderRecord, signal: AbortSignal): Promise<readonly string[]> {
    const { session, faults } = this.#options;
    let status = this.#options.isFresh ? record.state : undefined;
    let order: AcmeOrder | undefined;
    for (;;) {
      if (status === undefined) {
        order = await session.getOrder(record.orderUrl, signal);
        status = order.status;
      }
      switch (status) {
        case 'pending': {
          const answered = await this.#answerChallenges(request, record, order, signal);
          await this.#pace.wait(answered.retryAfterMs ?? order?.retryAfterMs, answered.count > 0, signal);
          status = undefined;
          break;
        }
        case 'ready': {
          const isFirst = !this.#hasFinalized;
          if (isFirst) faults.reach('order-ready');
          order = await this.#finalize(request, record, signal);
          status = order?.status === 'valid' || order?.status === 'invalid' ? order.status : undefined;
          const hasMoved = isFirst && order !== undefined;
          if (status === undefined) await this.#pace.wait(order?.retryAfterMs, hasMoved, signal);
          break;
        }
        case 'processing':
          await this.#pace.wait(order?.retryAfterMs, false, signal);
          status = undefined;
          break;
        case 'valid':
          order ??= await session.getOrder(record.orderUrl, signal);
          return await this.#download(order, signal);
        default:
          throw await this.#invalid(record, order, signal);
      }
    }
  }

  /** Presents and accepts what is still pending; each challenge once in a run. */
  async #answerChallenges(
    request: SigningRequest,
    record: OrderRecord,
    order: AcmeOrder | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly count: number; readonly retryAfterMs: number | undefined }> {
    const open = record.authorizations.filter(
      ({ challenge }) => challenge !== undefined && !this.#answered.has(challenge.url),
    );
    const answers = await Promise.allSettled(
      open.map((authorization) => this.#answer(request, authorization, order !== undefined, signal)),
    );
    // Only when all have come to an end is known what is being presented.
    const failure = answers.find((answer) => answer.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    const asked = answers.flatMap((answer) => (answer.status === 'fulfilled' ? (answer.value ?? []) : []));
    return { count: open.length, retryAfterMs: asked.length === 0 ? undefined : Math.max(...asked) };
  }

  /** Returns how long the CA asks to wait before the next look, where it says so. */
  async #answer(
    request: SigningRequest,
    authorization: OrderRecordAuthorization,
    mustLook: boolean,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { url, challenge } = authorization;
    if (challenge === undefined) return undefined;
    this.#answered.add(challenge.url);
    const presentation = await this.#present(request, authorization, challenge, signal);
    this.#options.faults.reach('challenge-presented');
    // After a restart the challenge may be accepted already, and may be accepted only once.
    if (mustLook && !(await this.#isPending(url, challenge.url, signal))) return undefined;
    await presentation.becomeVisible(signal).catch((thrown: unknown) => {
      this.#unseen.push(authorization);
      throw thrown;
    });
    const retryAfterMs = await this.#accept(url, challenge.url, signal);
    this.#options.faults.reach('challenge-accepted');
    return retryAfterMs;
  }

  async #present(
    { labels }: SigningRequest,
    authorization: OrderRecordAuthorization,
    challenge: OrderRecordChallenge,
    signal: AbortSignal,
  ): Promise<Presentation> {
    const presenter = await this.#options.solving.presenterFor(authorization, challenge, labels);
    const shown = await presenter.present(await this.#describe(authorization, challenge), signal);
    this.#presentations.push(shown);
    this.#shown.add(challenge.url);
    return shown;
  }

  async #describe(
    { identifier }: OrderRecordAuthorization,
    { type, token }: OrderRecordChallenge,
  ): Promise<Challenge> {
    return { type, identifier, token, keyAuthorization: await this.#options.session.keyAuthorization(token) };
  }

  async #isPending(authorizationUrl: string, challengeUrl: string, signal: AbortSignal): Promise<boolean> {
    const authorization = await this.#look(authorizationUrl, signal);
    if (authorization === undefined) throw orderGone('An authorization of the order is gone');
    const { status, challenges } = authorization;
    const current = challenges.find((candidate) => candidate.url === challengeUrl);
    return status === 'pending' && current?.status === 'pending';
  }

  /** Undefined: the CA has it no more. Some end an authorization before its order (Boulder answers 404 then). */
  async #look(authorizationUrl: string, signal: AbortSignal): Promise<AcmeAuthorization | undefined> {
    try {
      return await this.#options.session.getAuthorization(authorizationUrl, signal);
    } catch (thrown) {
      if (thrown instanceof AcmeProblemError && thrown.status === 404) return undefined;
      throw thrown;
    }
  }

  /** Whether the CA took it is seen from the order, so an answer that got lost is no failure. */
  async #accept(
    authorizationUrl: string,
    challengeUrl: string,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    this.#hasAccepted = true;
    try {
      return (await this.#options.session.acceptChallenge(challengeUrl, signal)).retryAfterMs;
    } catch (thrown) {
      // A lost request that the CA took up late may have come first; then this one is refused.
      const isRefused = thrown instanceof AcmeProblemError && thrown.problemClass === 'terminal';
      if (isRefused && !(await this.#isPending(authorizationUrl, challengeUrl, signal))) return undefined;
      if (!isLostAnswer(thrown)) throw thrown;
      this.#answered.delete(challengeUrl);
      this.#options.log.debug(
        { ...thrown.logFields() },
        'no answer to an accepted challenge; looking at the order',
      );
      return undefined;
    }
  }

  /** Undefined: look at the order to learn what became of it. */
  async #finalize(
    request: SigningRequest,
    record: OrderRecord,
    signal: AbortSignal,
  ): Promise<AcmeOrder | undefined> {
    const { session, faults, log } = this.#options;
    try {
      const order = await session.finalize(record, request.csr, signal);
      faults.reach('order-finalized');
      this.#hasFinalized = true;
      return order;
    } catch (thrown) {
      // A second finalize answers orderNotReady (RFC 8555, section 7.4); the order says why.
      const isNotReady = thrown instanceof AcmeProblemError && thrown.problemClass === 'poll';
      if (!isNotReady && !isLostAnswer(thrown)) throw thrown;
      log.debug({ ...thrown.logFields() }, 'finalize gave no order; looking at it');
      return undefined;
    }
  }

  async #download(order: AcmeOrder, signal: AbortSignal): Promise<readonly string[]> {
    if (order.certificateUrl === undefined) {
      throw orderGone('The order is valid and names no certificate');
    }
    const chain = await this.#options.session
      .downloadChain(order.certificateUrl, signal)
      .catch((thrown: unknown) => {
        throw thrown instanceof AcmeProblemError && thrown.status === 404
          ? certificateNotThere(thrown)
          : thrown;
      });
    this.#options.faults.reach('certificate-downloaded');
    return chain;
  }

  /** An order turns invalid by a failed validation, by its end, or by a CA's own error (section 7.1.6). */
  async #invalid(
    record: OrderRecord,
    order: AcmeOrder | undefined,
    signal: AbortSignal,
  ): Promise<IssuanceError> {
    const { clock, isStillShown } = this.#options;
    const isExpired = order?.expires !== undefined && order.expires <= clock.realNow();
    if (isExpired) return orderGone('The order expired before it was completed');
    const authorizations = await Promise.all(record.authorizations.map(({ url }) => this.#look(url, signal)));
    const known = authorizations.filter((authorization) => authorization !== undefined);
    const failure = validationFailed(known, order?.error);
    // Accepted by a process that ended then and there: the CA knocked at a listener that was gone.
    const isInterrupted = !this.#hasAccepted && !isStillShown && failure.data.problemType === 'connection';
    return isInterrupted ? validationInterrupted(failure) : failure;
  }
}

function isLostAnswer(thrown: unknown): thrown is AcmeConnectionError {
  return thrown instanceof AcmeConnectionError && thrown.mayHaveBeenDone;
}
