import { X509Certificate } from 'node:crypto';
import { asCertopsError, isAbort } from '../lib/errors.ts';
import type { IssuedFacts } from '../status/certificate-status.ts';
import { parseRequestRecord } from '../status/request-document.ts';
import type { CertificateCase } from './certificate-case.ts';
import { isStoreError } from './error-kinds.ts';
import type { EarlierCertificate } from './going-back.ts';
import { type IssuerCase, isReady } from './issuer-case.ts';
import type { IssuerPool } from './issuer-pool.ts';
import type { Ports } from './ports.ts';
import type { RenewalInformationTimetable } from './renewal-information.ts';
import type { World } from './world.ts';

const REQUEST_MAX_BYTES = 4 << 20;

/** Asks CAs when they would have certificates renewed (RFC 9773). */
export class RenewalInquiry {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #pool: IssuerPool;
  readonly #timetable: RenewalInformationTimetable;

  constructor(ports: Ports, world: World, pool: IssuerPool, timetable: RenewalInformationTimetable) {
    this.#ports = ports;
    this.#world = world;
    this.#pool = pool;
    this.#timetable = timetable;
  }

  /** When to ask about this certificate next; undefined where there is nothing or nobody to ask. */
  nextCheck(target: CertificateCase, issuer: IssuerCase | undefined): Date | undefined {
    const issued = askable(target, issuer);
    return issued && this.#timetable.nextCheck(target.key, issued);
  }

  /** Whether to ask before renewing by the clock: the CA was not heard lately. */
  isWorthAsking(target: CertificateCase, issuer: IssuerCase | undefined, now: Date): boolean {
    const issued = askable(target, issuer);
    return issued !== undefined && !this.#timetable.isFresh(target.key, issued, now);
  }

  /** The same about a certificate that may take its place again. */
  isWorthAskingAbout(
    { status: { issued } }: EarlierCertificate,
    target: CertificateCase,
    issuer: IssuerCase,
    now: Date,
  ): boolean {
    return (
      isAsked(target, issuer) && issued !== undefined && !this.#timetable.isFresh(target.key, issued, now)
    );
  }

  /** As `ask`. */
  async askAbout(
    { status: { issued }, request: { chainPem } }: EarlierCertificate,
    target: CertificateCase,
    issuer: IssuerCase,
    signal: AbortSignal,
  ): Promise<void> {
    if (issued === undefined) return;
    await this.#ask(target, issued, async () => leafOf(chainPem), issuer, signal);
  }

  /** Asks; what was heard, or not, stands in the timetable. Throws store errors and the signal's reason. */
  async ask(target: CertificateCase, issuer: IssuerCase, signal: AbortSignal): Promise<void> {
    const issued = askable(target, issuer);
    if (issued === undefined) return;
    await this.#ask(target, issued, () => this.#leaf(target, issued), issuer, signal);
  }

  async #ask(
    target: CertificateCase,
    issued: IssuedFacts,
    leaf: () => Promise<string | undefined>,
    issuer: IssuerCase,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log } = this.#ports;
    try {
      const leafPem = await leaf();
      const adapter = await this.#pool.adapter(issuer);
      const answer = leafPem === undefined ? undefined : await adapter.renewalInformation?.(leafPem, signal);
      this.#timetable.answered(target.key, issued, answer, clock.now());
    } catch (thrown) {
      if (isStoreError(thrown) || (isAbort(thrown) && signal.aborted)) throw thrown;
      this.#timetable.failed(target.key, issued, clock.now());
      log.debug(
        { certificate: target.key, ...asCertopsError(thrown).logFields() },
        'the CA gave no renewal information',
      );
    }
  }

  async #leaf(target: CertificateCase, { revision }: IssuedFacts): Promise<string | undefined> {
    const { name } = target.certificate;
    const request = this.#world.recorded
      .requests(target.key)
      .find((candidate) => candidate.revision === revision);
    if (request === undefined) return undefined;
    const bytes = await this.#ports.store.readBlob(request.blob, REQUEST_MAX_BYTES);
    const path = this.#world.paths.request(name, revision);
    return leafOf(parseRequestRecord(Buffer.from(bytes).toString('utf8'), path).chainPem);
  }
}

function leafOf(chainPem: string | undefined): string | undefined {
  return chainPem === undefined ? undefined : new X509Certificate(chainPem).toString();
}

/** The certificate to ask about: one in force, from an ACME issuer that can serve and is to be asked. */
function askable(target: CertificateCase, issuer: IssuerCase | undefined): IssuedFacts | undefined {
  if (target.observed.secret.kind !== 'issued' || !isAsked(target, issuer)) return undefined;
  return target.recorded?.status.issued;
}

function isAsked({ certificate }: CertificateCase, issuer: IssuerCase | undefined): boolean {
  const spec = issuer?.issuer.spec;
  return (
    issuer !== undefined &&
    spec?.type === 'acme' &&
    spec.renewalInformationSource === 'ARI' &&
    isReady(issuer) &&
    certificate.spec.renewal?.policy !== 'Disabled'
  );
}
