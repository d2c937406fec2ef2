import type { Certificate } from '../api/certificate.ts';
import type { Issuer } from '../api/issuer.ts';
import { issuerName } from '../api/names.ts';
import { type Assessment, assess } from '../plan/assess.ts';
import { Acceptance, type Resolution } from './acceptance.ts';
import type { Attempts } from './attempts.ts';
import { type CertificateCase, CertificateCases } from './certificate-case.ts';
import { secretKey } from './desired-state.ts';
import { gatherIssuerCase } from './issuer-case.ts';
import { issuerIdentity } from './issuer-identity.ts';
import { type CertificateKey, issuerKeyOf } from './keys.ts';
import type { Ports } from './ports.ts';
import { SecretInspection } from './secret-inspection.ts';
import { ownerOfSecret, secretClaimed, secretNotOwned } from './secret-ownership.ts';
import type { World } from './world.ts';

/** Something that keeps a Certificate from being asked for, whatever the time. */
export interface Obstacle {
  readonly reason: 'SecretClaimed' | 'SecretNotOwned' | 'IssuerNotFound';
  readonly message: string;
}

/** What would become of one Certificate in one state of the repository. */
export interface Standing {
  readonly resolution: Resolution<Certificate>;
  /** The rest: where a revision of it is in force. */
  readonly target?: CertificateCase | undefined;
  readonly issuer?: Issuer | undefined;
  readonly assessment?: Assessment | undefined;
  readonly obstacle?: Obstacle | undefined;
}

/**
 * Says how Certificates stand in one view of the repository, from the same parts as the daemon's decisions. Nothing is
 * opened, asked or written: a Secret that is not on record counts as one of which nothing is known.
 */
export class Standings {
  readonly #world: World;
  readonly #acceptance: Acceptance;
  readonly #cases: CertificateCases;
  readonly #attempts: Attempts;
  readonly #at: Date;

  /** `at` is the time that is judged by. */
  constructor(ports: Ports, world: World, attempts: Attempts, at: Date) {
    this.#world = world;
    this.#acceptance = new Acceptance(world, ports.store, ports.readManifests);
    this.#cases = new CertificateCases(ports, world, new SecretInspection(ports, world));
    this.#attempts = attempts;
    this.#at = at;
  }

  /** The revision of an issuer that is in force. */
  issuer(key: string): Promise<Resolution<Issuer>> {
    return this.#acceptance.issuer(key);
  }

  async of(key: CertificateKey): Promise<Standing> {
    const resolution = await this.#acceptance.certificate(key);
    if (resolution.kind !== 'in-force') return { resolution };
    const { declared, refusal } = resolution;
    const { name, spec, directives } = declared.object;
    const found = await this.#acceptance.issuer(issuerKeyOf(spec.issuerRef, name.namespace));
    const issuer =
      found.kind === 'in-force' ? gatherIssuerCase(this.#world, found.declared, found.refusal) : undefined;
    const target = await this.#cases.gather(declared, refusal, {
      issuerIdentity: issuer && issuerIdentity(issuer.issuer),
      suggestedWindow: undefined,
    });
    const { suspend, renewRequestedAt, retryRequestedAt } = directives;
    const observed = {
      ...target.observed,
      ...{ suspend, renewRequestedAt, retryRequestedAt },
      failure: this.#attempts.failure(key),
      requestHash: target.orderHash,
      issuerHash: issuer?.hash ?? '',
    };
    const assessment = assess(observed, this.#at);
    const obstacle =
      assessment.kind === 'issue' || assessment.kind === 'wait'
        ? await this.#obstacle(target, issuer?.issuer)
        : undefined;
    return { resolution, target, issuer: issuer?.issuer, assessment, obstacle };
  }

  /** As the daemon finds it, in its order. */
  async #obstacle(target: CertificateCase, issuer: Issuer | undefined): Promise<Obstacle | undefined> {
    const { name, spec } = target.certificate;
    const secret = secretKey(target.certificate);
    const owner = await ownerOfSecret(this.#world, this.#acceptance, secret);
    if (owner !== undefined && owner !== target.key) {
      return { reason: 'SecretClaimed', message: secretClaimed(secret, owner) };
    }
    const isPeoples = this.#world.desired.secrets(name.namespace, spec.secretName).length > 0;
    // What lies at the Secret's own path and was not issued here may be taken over: that is found out when it is done.
    if (isPeoples) {
      return { reason: 'SecretNotOwned', message: secretNotOwned(secret) };
    }
    if (issuer !== undefined) return undefined;
    const { namespace, name: issuerOf } = issuerName(spec.issuerRef, name.namespace);
    const shown = namespace === '' ? issuerOf : `${namespace}/${issuerOf}`;
    return {
      reason: 'IssuerNotFound',
      message: `Referenced ${spec.issuerRef.kind} "${shown}" not found; it is asked for as soon as a manifest declares it`,
    };
  }
}
