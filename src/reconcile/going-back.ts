import { requestFingerprint } from '../api/fingerprint.ts';
import type { ObjectName } from '../api/names.ts';
import { assess } from '../plan/assess.ts';
import {
  type CertificateStatus,
  type IssuedFacts,
  type PreviousCertificate,
  parseCertificateStatus,
  type SuggestedWindow,
} from '../status/certificate-status.ts';
import { parseRequestRecord, type RequestRecord } from '../status/request-document.ts';
import type { CertificateCase, CertificateCases } from './certificate-case.ts';
import { isStoreError } from './error-kinds.ts';
import type { Ports } from './ports.ts';
import type { World } from './world.ts';

const STATUS_MAX_BYTES = 1 << 20;
const REQUEST_MAX_BYTES = 4 << 20;

/** An earlier certificate that fits the specification as it is now, as Git has it. */
export interface EarlierCertificate {
  readonly status: CertificateStatus;
  readonly request: RequestRecord;
  /** The sealed Secret, byte for byte. */
  readonly secret: string;
}

/**
 * Finds the certificate before the one in force, where the specification went back to what that one was issued
 * for (a `git revert`): it takes its place again, and nothing is ordered.
 */
export class GoingBack {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #cases: CertificateCases;

  constructor(ports: Ports, world: World, cases: CertificateCases) {
    this.#ports = ports;
    this.#world = world;
    this.#cases = cases;
  }

  /**
   * Undefined where there is none, or it would have to be issued again by any rule. `heard` knows what the CA said
   * about it since. Throws store errors.
   */
  async find(
    target: CertificateCase,
    heard: (issued: IssuedFacts) => SuggestedWindow | undefined,
    now: Date,
  ): Promise<EarlierCertificate | undefined> {
    const previous = target.recorded?.status.issued?.previous;
    if (previous === undefined) return undefined;
    try {
      return await this.#find(target, previous, heard, now);
    } catch (thrown) {
      if (isStoreError(thrown)) throw thrown;
      return undefined; // what cannot be read cannot be gone back to
    }
  }

  async #find(
    target: CertificateCase,
    previous: PreviousCertificate,
    heard: (issued: IssuedFacts) => SuggestedWindow | undefined,
    now: Date,
  ): Promise<EarlierCertificate | undefined> {
    const { certificate, observed } = target;
    const { paths } = this.#world;
    const { sealer } = this.#ports;
    if (!(await this.#isThere(previous))) return undefined;
    const statusText = await this.#read(previous.statusBlob, STATUS_MAX_BYTES);
    const status = parseCertificateStatus(statusText, paths.certificateStatus(certificate.name));
    const { issued } = status;
    if (issued === undefined || issued.secretName !== certificate.spec.secretName) return undefined;
    if (issued.requestHash !== requestFingerprint(certificate.spec)) return undefined;
    // One of before CAs were recorded may be from another one behind the same issuer: staging, say.
    if (issued.issuerIdentity === undefined && observed.wantedIssuerIdentity !== undefined) return undefined;
    const assessment = assess(
      {
        ...observed,
        secret: { kind: 'issued' },
        issued: await this.#cases.observeIssued(
          certificate,
          issued,
          heard(issued) ?? status.suggestedWindow,
          previous.requestBlob,
        ),
        renewRequestedAt: certificate.directives.renewRequestedAt,
        ...{ requestHash: target.orderHash, issuerHash: '' },
      },
      now,
    );
    if (assessment.kind !== 'up-to-date') return undefined;
    const secret = await this.#read(previous.secretBlob, STATUS_MAX_BYTES);
    const name: ObjectName = {
      namespace: certificate.name.namespace,
      name: certificate.spec.secretName,
    };
    // By the file itself: a record of before recipients were recorded names none.
    const named = sealer.rules.namedRecipients(paths.secret(name));
    if (!sealer.sealedTo(secret, paths.secret(name)).every((one) => named?.includes(one))) return undefined;
    // Opened to be sure: a Secret that nobody here can read serves nobody.
    await sealer.open(secret, paths.secret(name), name);
    const requestPath = paths.request(certificate.name, issued.revision);
    const request = parseRequestRecord(
      await this.#read(previous.requestBlob, REQUEST_MAX_BYTES),
      requestPath,
    );
    return { status, request, secret };
  }

  /** History may have been rewritten since; a mirror that lacks what it should have would be made anew. */
  async #isThere({ secretBlob, statusBlob, requestBlob }: PreviousCertificate): Promise<boolean> {
    const blobs = [secretBlob, statusBlob, requestBlob];
    const sizes = await this.#ports.store.blobSizes(blobs);
    return blobs.every((blob) => sizes.has(blob));
  }

  async #read(blob: string, maxBytes: number): Promise<string> {
    return Buffer.from(await this.#ports.store.readBlob(blob, maxBytes)).toString('utf8');
  }
}
