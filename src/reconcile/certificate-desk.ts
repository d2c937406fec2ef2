import { findCondition } from '../api/condition.ts';
import { formatObjectName } from '../api/names.ts';
import { earliest } from '../lib/clock.ts';
import { asCertopsError, isAbort } from '../lib/errors.ts';
import { type Assessment, assess, type IssueReason } from '../plan/assess.ts';
import type { Observed } from '../plan/observed.ts';
import type { IssuedFacts } from '../status/certificate-status.ts';
import type { Acceptance } from './acceptance.ts';
import { type Applicant, describeApplicant, nearEnd } from './applicant.ts';
import type { Approval, Approved, Ruling } from './approval.ts';
import type { Attempts } from './attempts.ts';
import type { CertificateCase, CertificateCases } from './certificate-case.ts';
import type { CertificateClerk } from './certificate-clerk.ts';
import type { NextAttempt } from './certificate-conditions.ts';
import type { Admission, AttemptEnd, Circuits } from './circuits.ts';
import type { Denials } from './denials.ts';
import { diagnoseAttempt } from './diagnosing.ts';
import { isAccountTrouble, isStoreError, isWaitingItsTurn } from './error-kinds.ts';
import type { GoingBack } from './going-back.ts';
import type { Holding } from './holding.ts';
import type { Attempted, Issuance } from './issuance.ts';
import { type IssuerCase, isReady } from './issuer-case.ts';
import type { IssuerDesk, Progress } from './issuer-desk.ts';
import { issuerIdentity } from './issuer-identity.ts';
import { type CertificateKey, certificateKey, issuerKeyOf } from './keys.ts';
import type { Obstacles } from './obstacles.ts';
import type { Ports } from './ports.ts';
import type { Registration } from './registration.ts';
import type { RenewalInformationTimetable } from './renewal-information.ts';
import type { RenewalInquiry } from './renewal-inquiry.ts';
import type { Troubles } from './troubles.ts';
import { POSTPONED, SETTLED, type Verdict } from './verdict.ts';
import type { World } from './world.ts';

/** What decides about Certificates is made from. */
export interface CertificateDeskParts {
  readonly ports: Ports;
  readonly world: World;
  readonly acceptance: Acceptance;
  readonly issuers: IssuerDesk;
  readonly cases: CertificateCases;
  readonly timetable: RenewalInformationTimetable;
  readonly inquiry: RenewalInquiry;
  readonly goingBack: GoingBack;
  readonly issuance: Issuance;
  readonly clerk: CertificateClerk;
  readonly registration: Registration;
  readonly attempts: Attempts;
  readonly approval: Approval;
  readonly obstacles: Obstacles;
  readonly circuits: Circuits;
  readonly holding: Holding;
  readonly troubles: Troubles;
  readonly denials: Denials;
  /** Brings the world to the newest tip that is known. */
  readonly advance: () => Promise<void>;
}

/** Decides what each Certificate needs, and does it. */
export class CertificateDesk {
  readonly #parts: CertificateDeskParts;

  constructor(parts: CertificateDeskParts) {
    this.#parts = parts;
  }

  /** `isFinal`: nothing else is under way, so an answer that others might still change is given all the same. */
  async decide(key: CertificateKey, progress: Progress, isFinal: boolean, now: Date): Promise<Verdict> {
    const { world, acceptance, clerk, holding } = this.#parts;
    const resolution = await acceptance.certificate(key);
    const recorded = world.recorded.certificate(key);
    this.#parts.troubles.clear(key);
    this.#parts.circuits.release(key);
    if (resolution.kind !== 'in-force') holding.release(key);
    if (resolution.kind === 'removed') {
      if (recorded === undefined) return SETTLED;
      return { kind: 'work', run: (signal) => clerk.remove(recorded.status, signal) };
    }
    // The rail tells of it, for all of them at once.
    if (resolution.kind === 'held') return SETTLED;
    if (resolution.kind === 'refused') {
      if (recorded?.status.problem === resolution.refusal.message) return SETTLED;
      return { kind: 'work', run: (signal) => clerk.refuse(key, resolution.refusal, signal) };
    }
    const { target, issuer } = await this.#gather(resolution);
    const assessment = assess(this.#observe(target, issuer), now);
    if (assessment.kind !== 'wait') holding.release(key);
    if (assessment.kind !== 'issue') return this.#keep(target, issuer, assessment, now);
    const { because, mayGoBack } = assessment;
    const back = mayGoBack ? await this.#goBack(target, issuer, because, progress, isFinal, now) : undefined;
    if (back !== undefined) return back;
    const obstacle = await this.#parts.obstacles.find(target, issuer, progress, isFinal);
    // Whatever stands in the way, the end of the certificate in use is noticed.
    if (obstacle?.kind === 'settled') return { kind: 'settled', lookAgainAt: endOf(target, now) };
    if (obstacle !== undefined) return obstacle;
    // Obstacles answer where there is no issuer.
    const ready = issuer as IssuerCase;
    const ruling = this.#parts.approval.find(target, ready);
    if (ruling === undefined) {
      return { kind: 'work', run: (signal) => this.#parts.approval.ask(target, ready, signal) };
    }
    const { verdict } = ruling;
    if (verdict.kind !== 'approved') return this.#refuse(target, ready, because, ruling, now);
    if (because.reason === 'Renewing' && this.#parts.inquiry.isWorthAsking(target, issuer, now)) {
      return { kind: 'work', run: (signal) => this.#parts.inquiry.ask(target, ready, signal) };
    }
    const applicant = this.#applicant(target, ready, now);
    const admission = this.#parts.circuits.admit(applicant, now, isFinal);
    if (admission.kind === 'queue') return POSTPONED;
    if (admission.kind === 'held') return this.#hold(target, admission, now);
    const permit = { because, approved: verdict, applicant };
    return { kind: 'work', run: (signal) => this.#issue(target, ready, permit, signal) };
  }

  #applicant(target: CertificateCase, issuer: IssuerCase, now: Date): Applicant {
    const times = target.recorded?.status.issued ?? {};
    const ready = findCondition(issuer.recorded?.status.conditions ?? [], 'Ready');
    return {
      ...describeApplicant(target.certificate, target.issuer, issuer.issuer, times, now),
      issuerHash: issuer.hash,
      issuerReadySince: ready?.status === 'True' ? ready.lastTransitionTime : undefined,
    };
  }

  /** What it needs is broken: it waits without an order, and is told of together with all that do. */
  #hold(
    target: CertificateCase,
    { cause, lookAgainAt }: Extract<Admission, { kind: 'held' }>,
    now: Date,
  ): Verdict {
    const { failedIssuanceAttempts: attempts = 0, lastFailureTime } = target.recorded?.status ?? {};
    this.#parts.holding.hold({
      target,
      trouble: {
        reason: 'IssuerNotServing',
        message: `Nothing is ordered while this lasts: ${cause.title}. Another Certificate goes on trying, and this one follows when that one succeeds`,
        summary: cause.title,
        blocksReady: false,
        ...{ attempts, lastFailureTime },
      },
      group: cause.key,
      title: cause.title,
      circuit: { cause, issuer: target.issuer },
    });
    return { kind: 'settled', lookAgainAt: earliest(endOf(target, now), lookAgainAt) };
  }

  /** An earlier certificate takes its place again where one fits, and its CA has not called it back. */
  async #goBack(
    target: CertificateCase,
    issuer: IssuerCase | undefined,
    because: IssueReason,
    progress: Progress,
    isFinal: boolean,
    now: Date,
  ): Promise<Verdict | undefined> {
    const { goingBack, timetable, inquiry, clerk } = this.#parts;
    const heard = (issued: IssuedFacts) => timetable.window(target.key, issued);
    const earlier = await goingBack.find(target, heard, now);
    if (earlier === undefined) return undefined;
    if (issuer !== undefined && !isReady(issuer) && !isFinal && progress.isUnsettled(target.issuer)) {
      return POSTPONED;
    }
    if (issuer !== undefined && inquiry.isWorthAskingAbout(earlier, target, issuer, now)) {
      return { kind: 'work', run: (signal) => inquiry.askAbout(earlier, target, issuer, signal) };
    }
    return { kind: 'work', run: (signal) => clerk.restore(target, because, earlier, signal) };
  }

  /** Policies do not let it be asked for: said once, and decided again when they or the specification change. */
  #refuse(
    target: CertificateCase,
    issuer: IssuerCase,
    because: IssueReason,
    { verdict, askAgainAt }: Ruling,
    now: Date,
  ): Verdict {
    const { clerk, denials, obstacles } = this.#parts;
    const { message } = verdict;
    obstacles.note(target, { kind: verdict.kind === 'denied' ? 'denied' : 'unapproved', message });
    const told =
      verdict.kind === 'denied'
        ? clerk.trouble(
            target,
            {
              reason: 'Denied',
              message: `The certificate request was denied. ${message}`,
              summary: 'denied by policy',
              blocksReady: false,
            },
            () => denials.record(target, issuer, because, message),
          )
        : clerk.trouble(target, {
            reason: 'WaitingForApproval',
            message: `Not asking for a certificate until the request is approved. ${message}`,
            summary: 'no policy approves it',
            blocksReady: false,
          });
    if (told.kind !== 'settled') return told;
    return { kind: 'settled', lookAgainAt: earliest(endOf(target, now), askAgainAt) };
  }

  async #gather(
    resolution: Extract<Awaited<ReturnType<Acceptance['certificate']>>, { kind: 'in-force' }>,
  ): Promise<Gathered> {
    const { world, cases, issuers, timetable } = this.#parts;
    const { declared, refusal } = resolution;
    const { name, spec } = declared.object;
    const issuer = await issuers.find(issuerKeyOf(spec.issuerRef, name.namespace));
    const key = certificateKey(name);
    const target = await cases.gather(declared, refusal, {
      issuerIdentity: issuer && issuerIdentity(issuer.issuer),
      suggestedWindow: timetable.window(key, world.recorded.certificate(key)?.status.issued),
    });
    return { target, issuer };
  }

  #observe(target: CertificateCase, issuer: IssuerCase | undefined): Observed {
    const { suspend, renewRequestedAt, retryRequestedAt } = target.certificate.directives;
    return {
      ...target.observed,
      ...{ suspend, renewRequestedAt, retryRequestedAt },
      failure: this.#parts.attempts.failure(target.key),
      requestHash: target.orderHash,
      issuerHash: issuer?.hash ?? '',
    };
  }

  /** Nothing is to be issued now; what Git says about it may still have to change. */
  async #keep(
    target: CertificateCase,
    issuer: IssuerCase | undefined,
    assessment: Exclude<Assessment, { kind: 'issue' }>,
    now: Date,
  ): Promise<Verdict> {
    const { clerk, inquiry, timetable } = this.#parts;
    const until = assessment.kind === 'up-to-date' ? assessment.lookAgainAt : assessment.until;
    const isSuspended = assessment.kind === 'suspended';
    const lookAgainAt = earliest(
      until,
      isSuspended ? this.#watchSuspended(target, assessment, now) : undefined,
    );
    if (assessment.kind === 'up-to-date' && this.#isOver(target, now)) {
      return { kind: 'work', run: (signal) => clerk.forgetFailures(target.key, signal) };
    }
    const attempt = attemptOf(assessment);
    if (attempt === 'waiting' && target.recorded === undefined) return { kind: 'settled', lookAgainAt };
    const window = timetable.window(target.key, target.recorded?.status.issued);
    if (await clerk.needsUpdate(target, attempt, window)) {
      return { kind: 'work', run: (signal) => clerk.update(target, attempt, window, signal) };
    }
    const check = attempt === 'none' ? inquiry.nextCheck(target, issuer) : undefined;
    if (check !== undefined && check <= now && issuer !== undefined) {
      return { kind: 'work', run: (signal) => inquiry.ask(target, issuer, signal) };
    }
    return { kind: 'settled', lookAgainAt: earliest(lookAgainAt, endOf(target, now), check) };
  }

  /** Nothing is wanted any more of what failed (a revert, say); a time that its CA named is kept all the same. */
  #isOver({ key }: CertificateCase, now: Date): boolean {
    const failed = this.#parts.attempts.get(key);
    if (failed === undefined) return false;
    return !failed.isIssuersWord || failed.retryAt === undefined || failed.retryAt <= now;
  }

  /** One that is suspended into its end is told of; when to look whether it is so far. */
  #watchSuspended(
    target: CertificateCase,
    { reason }: Extract<Assessment, { kind: 'suspended' }>,
    now: Date,
  ): Date | undefined {
    const { notAfter, renewalTime } = target.recorded?.status.issued ?? {};
    if (notAfter === undefined) return undefined;
    const near = nearEnd(notAfter, renewalTime);
    if (near > now) return near;
    this.#parts.obstacles.note(target, { kind: 'suspended', reason, notAfter });
    return undefined;
  }

  /** Whether manifest and issuer are still what was decided by; otherwise it is decided again. */
  async #isStillWanted(target: CertificateCase, issuer: IssuerCase): Promise<boolean> {
    const { world, acceptance, issuers } = this.#parts;
    if (world.commit === target.source.commit) return true;
    const resolution = await acceptance.certificate(target.key);
    const isSame =
      resolution.kind === 'in-force' && resolution.declared.specHash === target.declared.specHash;
    return isSame && (await issuers.find(issuer.key))?.hash === issuer.hash;
  }

  async #issue(
    target: CertificateCase,
    issuer: IssuerCase,
    permit: Permit,
    signal: AbortSignal,
  ): Promise<void> {
    const { circuits, ports } = this.#parts;
    let end: AttemptEnd = { kind: 'nothing' };
    try {
      end = await this.#attempt(target, issuer, permit, signal);
    } finally {
      circuits.leave(permit.applicant, end, ports.clock.now());
    }
  }

  async #attempt(
    target: CertificateCase,
    issuer: IssuerCase,
    { because, approved, applicant }: Permit,
    signal: AbortSignal,
  ): Promise<AttemptEnd> {
    const { ports, issuance, clerk, attempts, acceptance, advance, circuits } = this.#parts;
    // Whoever waited for a turn: an order for what nobody asks for any more could not be taken back.
    await advance();
    if (!(await this.#isStillWanted(target, issuer))) return { kind: 'nothing' };
    if (!circuits.begin(applicant)) return { kind: 'nothing' };
    let attempted: Attempted | undefined;
    try {
      ports.log.info(
        { certificate: formatObjectName(target.certificate.name), reason: because.reason },
        because.message,
      );
      const clear = attempts.clearing(target.key);
      await issuance.issue(target, issuer, because, approved, clear, (begun) => (attempted = begun), signal);
      attempts.clear(target.key);
      return { kind: 'succeeded' };
    } catch (thrown) {
      if (isStoreError(thrown) || (isAbort(thrown) && signal.aborted)) throw thrown;
      const error = asCertopsError(thrown);
      // Another Certificate of the same names has its turn: nothing failed.
      if (isWaitingItsTurn(error)) throw error;
      // The status may have moved since (Start was committed): what is said of the failure starts from the newest.
      await advance();
      const resolution = await acceptance.certificate(target.key);
      if (resolution.kind !== 'in-force') return { kind: 'nothing' };
      const current = (await this.#gather(resolution)).target;
      const cause = diagnoseAttempt(error, target.certificate, issuer.issuer, applicant.solvers);
      await clerk.fail({ target: current, tried: target, issuer, attempted }, { error, cause }, signal);
      if (isAccountTrouble(error)) await this.#parts.registration.accountTrouble(issuer, error, signal);
      return { kind: 'failed', cause };
    }
  }
}

/** What an attempt is made with. */
interface Permit {
  readonly because: IssueReason;
  readonly approved: Approved;
  readonly applicant: Applicant;
}

interface Gathered {
  readonly target: CertificateCase;
  readonly issuer: IssuerCase | undefined;
}

function attemptOf(assessment: Exclude<Assessment, { kind: 'issue' }>): NextAttempt {
  if (assessment.kind === 'suspended') return { suspended: assessment.reason };
  return assessment.kind === 'wait' ? 'waiting' : 'none';
}

/** When the certificate in use ends, if that is still to come. */
function endOf({ observed }: CertificateCase, now: Date): Date | undefined {
  const notAfter = observed.issued?.notAfter;
  return notAfter !== undefined && notAfter > now ? notAfter : undefined;
}
