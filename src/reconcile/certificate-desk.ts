import { formatObjectName } from '../api/names.ts';
import { asCertopsError, isAbort } from '../lib/errors.ts';
import { type Assessment, assess, type Observed } from '../plan/assess.ts';
import type { Acceptance } from './acceptance.ts';
import type { Attempts } from './attempts.ts';
import { type CertificateCase, gatherCase, isForeignSecret } from './certificate-case.ts';
import type { CertificateClerk } from './certificate-clerk.ts';
import { secretKey } from './desired-state.ts';
import { isStoreError, isWaitingItsTurn } from './error-kinds.ts';
import type { Attempted, Issuance } from './issuance.ts';
import { type IssuerCase, isReady } from './issuer-case.ts';
import type { IssuerDesk, Progress } from './issuer-desk.ts';
import type { CertificateKey } from './keys.ts';
import type { Ports } from './ports.ts';
import type { Registration } from './registration.ts';
import { POSTPONED, SETTLED, type Verdict } from './verdict.ts';
import type { World } from './world.ts';

/** What decides about Certificates is made from. */
export interface CertificateDeskParts {
  readonly ports: Ports;
  readonly world: World;
  readonly acceptance: Acceptance;
  readonly issuers: IssuerDesk;
  readonly issuance: Issuance;
  readonly clerk: CertificateClerk;
  readonly registration: Registration;
  readonly attempts: Attempts;
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
    const target = await this.#gather(resolution);
    const issuer = await this.#parts.issuers.find(target.issuer);
    const assessment = assess(this.#observe(target, issuer), now);
    if (assessment.kind !== 'issue') return this.#keep(target, assessment, now);
    const obstacle = await this.#obstacle(target, issuer, progress, isFinal);
    // Whatever stands in the way, the end of the certificate in use is noticed.
    if (obstacle?.kind === 'settled') return { kind: 'settled', lookAgainAt: endOf(target, now) };
    if (obstacle !== undefined) return obstacle;
    // #obstacle answers where there is no issuer.
    const ready = issuer as IssuerCase;
    return { kind: 'work', run: (signal) => this.#issue(target, ready, assessment, signal) };
  }

  #gather(resolution: Extract<Awaited<ReturnType<Acceptance['certificate']>>, { kind: 'in-force' }>) {
    const { world, ports } = this.#parts;
    return gatherCase(world, ports.store, ports.pki, resolution.declared, resolution.refusal);
  }

  #observe(target: CertificateCase, issuer: IssuerCase | undefined): Observed {
    return {
      ...target.observed,
      failure: this.#parts.attempts.failure(target.key),
      requestHash: target.requestHash,
      issuerHash: issuer?.hash ?? '',
    };
  }

  /** Nothing is to be issued now; what Git says about it may still have to change. */
  async #keep(
    target: CertificateCase,
    assessment: Exclude<Assessment, { kind: 'issue' }>,
    now: Date,
  ): Promise<Verdict> {
    const { clerk } = this.#parts;
    const lookAgainAt = assessment.kind === 'wait' ? assessment.until : assessment.lookAgainAt;
    const isWaiting = assessment.kind === 'wait';
    if (isWaiting && target.recorded === undefined) return { kind: 'settled', lookAgainAt };
    if (!(await clerk.needsUpdate(target, isWaiting))) {
      return { kind: 'settled', lookAgainAt: earlier(lookAgainAt, endOf(target, now)) };
    }
    return { kind: 'work', run: (signal) => clerk.update(target, isWaiting, signal) };
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
    const owner = await this.#owner(secret);
    if (owner !== undefined && owner !== target.key) {
      return clerk.trouble(target, {
        reason: 'SecretClaimed',
        message: `Secret "${secret}" belongs to Certificate "${owner}"; give this one another spec.secretName`,
        summary: `Secret belongs to ${owner}`,
        blocksReady: true,
      });
    }
    const { namespace } = target.certificate.name;
    const isPeoples = world.desired.secrets(namespace, target.certificate.spec.secretName).length > 0;
    if (isPeoples || (isForeignSecret(target, world) && !(await clerk.isAdoptable(target)))) {
      return clerk.trouble(target, {
        reason: 'SecretNotOwned',
        message: `Secret "${secret}" was not written by certops and is not replaced; give the Certificate another spec.secretName, or remove the file`,
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
    return undefined;
  }

  /** Who may write this Secret: the one that did, else the first claimant by name. */
  async #owner(secret: string): Promise<CertificateKey | undefined> {
    const { world, acceptance } = this.#parts;
    const recorded = world.recorded.secretOwner(secret);
    if (recorded !== undefined) {
      const resolution = await acceptance.certificate(recorded);
      if (resolution.kind === 'in-force' && secretKey(resolution.declared.object) === secret) return recorded;
    }
    for (const claimant of world.desired.claimants(secret)) {
      if ((await acceptance.certificate(claimant)).kind === 'in-force') return claimant;
    }
    return undefined;
  }

  async #issue(
    target: CertificateCase,
    issuer: IssuerCase,
    { because }: Extract<Assessment, { kind: 'issue' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { ports, issuance, clerk, attempts, acceptance, advance } = this.#parts;
    let attempted: Attempted | undefined;
    try {
      ports.log.info(
        { certificate: formatObjectName(target.certificate.name), reason: because.reason },
        because.message,
      );
      const clear = attempts.clearing(target.key);
      await issuance.issue(target, issuer, because, clear, (begun) => (attempted = begun), signal);
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
      await clerk.fail(await this.#gather(resolution), issuer, attempted, error, signal);
      if (error.code === 'issuers.account-gone') await this.#parts.registration.forgetAccount(issuer, signal);
    }
  }
}

/** When the certificate in use ends, if that is still to come. */
function endOf({ observed }: CertificateCase, now: Date): Date | undefined {
  const notAfter = observed.issued?.notAfter;
  return notAfter !== undefined && notAfter > now ? notAfter : undefined;
}

function earlier(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
