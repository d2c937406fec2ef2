import { formatIssuerRef } from '../api/names.ts';
import type { Cause, Obstacle } from '../diagnosis/cause.ts';
import { diagnoseObstacle } from '../diagnosis/diagnose-obstacle.ts';
import type { Acceptance } from './acceptance.ts';
import { type CertificateCase, isForeignSecret } from './certificate-case.ts';
import type { CertificateClerk } from './certificate-clerk.ts';
import type { Trouble } from './certificate-conditions.ts';
import { secretKey } from './desired-state.ts';
import type { Holding } from './holding.ts';
import { type IssuerCase, isReady } from './issuer-case.ts';
import type { IssuerDesk, Progress } from './issuer-desk.ts';
import type { Ports } from './ports.ts';
import { ownerOfSecret, secretClaimed, secretNotOwned } from './secret-ownership.ts';
import type { Troubles } from './troubles.ts';
import { POSTPONED, SETTLED, type Verdict } from './verdict.ts';
import type { World } from './world.ts';

export interface ObstacleParts {
  readonly ports: Ports;
  readonly world: World;
  readonly acceptance: Acceptance;
  readonly issuers: IssuerDesk;
  readonly clerk: CertificateClerk;
  readonly holding: Holding;
  readonly troubles: Troubles;
}

/** What stands in the way of asking for a certificate before anything is attempted, and who is told. */
export class Obstacles {
  readonly #parts: ObstacleParts;

  constructor(parts: ObstacleParts) {
    this.#parts = parts;
  }

  /**
   * The first thing that stands in the way; undefined where nothing does. `isFinal`: nothing else is under way, so an
   * answer that others might still change is given all the same.
   */
  async find(
    target: CertificateCase,
    issuer: IssuerCase | undefined,
    progress: Progress,
    isFinal: boolean,
  ): Promise<Verdict | undefined> {
    const { clerk, world, acceptance } = this.#parts;
    const secret = secretKey(target.certificate);
    const owner = await ownerOfSecret(world, acceptance, secret);
    if (owner !== undefined && owner !== target.key) {
      const message = secretClaimed(secret, owner);
      this.note(target, { kind: 'secret-claimed', owner, message });
      const summary = `Secret belongs to ${owner}`;
      return clerk.trouble(target, { reason: 'SecretClaimed', message, summary, blocksReady: true });
    }
    const { namespace } = target.certificate.name;
    const isPeoples = world.desired.secrets(namespace, target.certificate.spec.secretName).length > 0;
    if (isPeoples || (isForeignSecret(target, world) && !(await clerk.isAdoptable(target)))) {
      const message = secretNotOwned(secret);
      this.note(target, { kind: 'secret-not-owned', message });
      const summary = 'its Secret was written by somebody else';
      return clerk.trouble(target, { reason: 'SecretNotOwned', message, summary, blocksReady: true });
    }
    return this.#issuer(target, issuer, progress, isFinal);
  }

  /** Remembers what stands before a Certificate, for whoever tells people. */
  note(target: CertificateCase, obstacle: Obstacle): Cause {
    const { troubles, ports } = this.#parts;
    const { namespace, name } = target.certificate.name;
    const { issuerRef } = target.certificate.spec;
    const cause = diagnoseObstacle(obstacle, {
      subject: { kind: 'Certificate', namespace, name },
      issuer: formatIssuerRef(issuerRef),
    });
    const told = target.recorded?.status.conditions.find(
      ({ type, status }) => status === 'False' && (type === 'Issuing' || type === 'Ready'),
    );
    troubles.note(target.key, cause, told?.lastTransitionTime ?? ports.clock.now());
    return cause;
  }

  async #issuer(
    target: CertificateCase,
    issuer: IssuerCase | undefined,
    progress: Progress,
    isFinal: boolean,
  ): Promise<Verdict | undefined> {
    if (issuer === undefined || !isReady(issuer)) {
      if (!isFinal && progress.isUnsettled(target.issuer)) return POSTPONED;
      const { issuerRef } = target.certificate.spec;
      const name =
        issuerRef.kind === 'ClusterIssuer'
          ? issuerRef.name
          : `${target.certificate.name.namespace}/${issuerRef.name}`;
      if (issuer === undefined) {
        const message = `Referenced ${issuerRef.kind} "${name}" not found; it is asked for as soon as a manifest declares it`;
        this.note(target, { kind: 'issuer-missing', message });
        return this.#wait(target, 'IssuerNotFound', message, `${issuerRef.kind} ${name} not found`);
      }
      const condition = issuer.recorded?.status.conditions.find(({ type }) => type === 'Ready');
      return this.#wait(
        target,
        'IssuerNotReady',
        `Referenced ${issuerRef.kind} "${name}" is not ready: ${condition?.message ?? 'it was not set up yet'}`,
        `${issuerRef.kind} ${name} is not ready`,
      );
    }
    // Nothing new is asked for with an account key that is about to be replaced.
    const isWaited = !isFinal && progress.isUnsettled(target.issuer);
    return isWaited && (await this.#parts.issuers.mustReplaceKey(issuer)) ? POSTPONED : undefined;
  }

  /** All that wait for one issuer are told of in one commit. */
  #wait(target: CertificateCase, reason: string, message: string, summary: string): Verdict {
    const { failedIssuanceAttempts: attempts = 0, lastFailureTime } = target.recorded?.status ?? {};
    const trouble: Trouble = { reason, message, summary, blocksReady: false, attempts, lastFailureTime };
    this.#parts.holding.hold({ target, trouble, group: `${reason} ${target.issuer}`, title: summary });
    return SETTLED;
  }
}
