import { formatObjectName } from '../api/names.ts';
import { earliest } from '../lib/clock.ts';
import { asCertopsError, isAbort } from '../lib/errors.ts';
import { type Assessment, assess, type IssueReason } from '../plan/assess.ts';
import type { Observed } from '../plan/observed.ts';
import type { IssuedFacts } from '../status/certificate-status.ts';
import type { Acceptance } from './acceptance.ts';
import type { Approval, Approved, Ruling } from './approval.ts';
import type { Attempts } from './attempts.ts';
import { type CertificateCase, type CertificateCases, isForeignSecret } from './certificate-case.ts';
import type { CertificateClerk } from './certificate-clerk.ts';
import type { NextAttempt } from './certificate-conditions.ts';
import type { Denials } from './denials.ts';
import { secretKey } from './desired-state.ts';
import { isAccountTrouble, isStoreError, isWaitingItsTurn } from './error-kinds.ts';
import type { GoingBack } from './going-back.ts';
import type { Attempted, Issuance } from './issuance.ts';
import { type IssuerCase, isReady } from './issuer-case.ts';
import type { IssuerDesk, Progress } from './issuer-desk.ts';
import { issuerIdentity } from './issuer-identity.ts';
import { type CertificateKey, certificateKey, issuerKeyOf } from './keys.ts';
import type { Ports } from './ports.ts';
import type { Registration } from './registration.ts';
import type { RenewalInformationTimetable } from './renewal-information.ts';
import type { RenewalInquiry } from './renewal-inquiry.ts';
import { ownerOfSecret, secretClaimed, secretNotOwned } from './secret-ownership.ts';
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
    const { world, acceptance, clerk } = this.#parts;
    const resolution = await acceptance.certificate(key);
    const recorded = world.recorded.certificate(key);
    if (resolution.kind === 'removed') {
      if (recorded === undefined) return SETTLED;
      return { kind: 'work', run: (signal) => clerk.remove(recorded.status, signal) };
    }
    if (resolution.kind === 'refused') {
      if (recorded?.status.problem === resolution.refusal.message) return SETTLED;
      return { kind: 'work', run: (signal) => clerk.refuse(key, resolution.refusal, signal) };
    }
    const { target, issuer } = await this.#gather(resolution);
    const assessment = assess(this.#observe(target, issuer), now);
    if (assessment.kind !== 'issue') return this.#keep(target, issuer, assessment, now);
    const { because, mayGoBack } = assessment;
    const back = mayGoBack ? await this.#goBack(target, issuer, because, progress, isFinal, now) : undefined;
    if (back !== undefined) return back;
    const obstacle = await this.#obstacle(target, issuer, progress, isFinal);
    // Whatever stands in the way, the end of the certificate in use is noticed.
    if (obstacle?.kind === 'settled') return { kind: 'settled', lookAgainAt: endOf(target, now) };
    if (obstacle !== undefined) return obstacle;
    // #obstacle answers where there is no issuer.
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
    return { kind: 'work', run: (signal) => this.#issue(target, ready, assessment, verdict, signal) };
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
    const { clerk, denials } = this.#parts;
    const { message } = verdict;
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
    const lookAgainAt = assessment.kind === 'up-to-date' ? assessment.lookAgainAt : assessment.until;
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

  /** What stands in the way of asking for a certificate, if anything. */
  async #obstacle(
    target: CertificateCase,
    issuer: IssuerCase | undefined,
    progress: Progress,
    isFinal: boolean,
  ): Promise<Verdict | undefined> {
    const { clerk, world } = this.#parts;
    const secret = secretKey(target.certificate);
    const owner = await ownerOfSecret(world, this.#parts.acceptance, secret);
    if (owner !== undefined && owner !== target.key) {
      return clerk.trouble(target, {
        reason: 'SecretClaimed',
        message: secretClaimed(secret, owner),
        summary: `Secret belongs to ${owner}`,
        blocksReady: true,
      });
    }
    const { namespace } = target.certificate.name;
    const isPeoples = world.desired.secrets(namespace, target.certificate.spec.secretName).length > 0;
    if (isPeoples || (isForeignSecret(target, world) && !(await clerk.isAdoptable(target)))) {
      return clerk.trouble(target, {
        reason: 'SecretNotOwned',
        message: secretNotOwned(secret),
        summary: 'its Secret was written by somebody else',
        blocksReady: true,
      });
    }
    const { issuerRef } = target.certificate.spec;
    if (issuer === undefined || !isReady(issuer)) {
      if (!isFinal && progress.isUnsettled(target.issuer)) return POSTPONED;
      const condition = issuer?.recorded?.status.conditions.find(({ type }) => type === 'Ready');
      const name =
        issuerRef.kind === 'ClusterIssuer'
          ? issuerRef.name
          : `${target.certificate.name.namespace}/${issuerRef.name}`;
      return issuer === undefined
        ? clerk.trouble(target, {
            reason: 'IssuerNotFound',
            message: `Referenced ${issuerRef.kind} "${name}" not found; it is asked for as soon as a manifest declares it`,
            summary: `${issuerRef.kind} ${name} not found`,
            blocksReady: false,
          })
        : clerk.trouble(target, {
            reason: 'IssuerNotReady',
            message: `Referenced ${issuerRef.kind} "${name}" is not ready: ${condition?.message ?? 'it was not set up yet'}`,
            summary: `${issuerRef.kind} ${name} is not ready`,
            blocksReady: false,
          });
    }
    // Nothing new is asked for with an account key that is about to be replaced.
    const isWaited = !isFinal && progress.isUnsettled(target.issuer);
    return isWaited && (await this.#parts.issuers.mustReplaceKey(issuer)) ? POSTPONED : undefined;
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
    { because }: Extract<Assessment, { kind: 'issue' }>,
    approved: Approved,
    signal: AbortSignal,
  ): Promise<void> {
    const { ports, issuance, clerk, attempts, acceptance, advance } = this.#parts;
    // Whoever waited for a turn: an order for what nobody asks for any more could not be taken back.
    await advance();
    if (!(await this.#isStillWanted(target, issuer))) return;
    let attempted: Attempted | undefined;
    try {
      ports.log.info(
        { certificate: formatObjectName(target.certificate.name), reason: because.reason },
        because.message,
      );
      const clear = attempts.clearing(target.key);
      await issuance.issue(target, issuer, because, approved, clear, (begun) => (attempted = begun), signal);
      attempts.clear(target.key);
    } catch (thrown) {
      if (isStoreError(thrown) || (isAbort(thrown) && signal.aborted)) throw thrown;
      const error = asCertopsError(thrown);
      // Another Certificate of the same names has its turn: nothing failed.
      if (isWaitingItsTurn(error)) throw error;
      // The status may have moved since (Start was committed): what is said of the failure starts from the newest.
      await advance();
      const resolution = await acceptance.certificate(target.key);
      if (resolution.kind !== 'in-force') return;
      const current = (await this.#gather(resolution)).target;
      await clerk.fail({ target: current, tried: target, issuer, attempted }, error, signal);
      if (isAccountTrouble(error)) await this.#parts.registration.accountTrouble(issuer, error, signal);
    }
  }
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
