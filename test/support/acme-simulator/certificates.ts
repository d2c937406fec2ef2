import type { KeyObject } from 'node:crypto';
import type { IssuedCertificate, IssueRequest } from './authority.ts';
import type { CaContext, Reply, SignedRequest } from './context.ts';
import { record, thumbprint } from './jws.ts';
import type { Order } from './orders.ts';
import { refuse } from './problem.ts';
import type { RenewalWindow } from './simulator.ts';

/** Boulder's. */
const RENEWAL_RETRY_AFTER = '21600';
const SHORT_LIFE_MS = 10 * 86_400_000;
/** RFC 5280, section 5.3.1; 7 is not used, and 2, 6, 8 and 10 are not for subscribers. */
const REVOCATION_REASONS: readonly unknown[] = [undefined, 0, 1, 3, 4, 5, 9];

interface KeptCertificate {
  readonly id: string;
  readonly issued: IssuedCertificate;
  readonly order: Order;
  readonly notBefore: Date;
  readonly notAfter: Date;
  isRevoked: boolean;
}

/** Issued certificates: download, revocation (RFC 8555, 7.4.2 and 7.6) and renewal information (RFC 9773). */
export class Certificates {
  readonly #context: CaContext;
  readonly #kept: KeptCertificate[] = [];
  readonly #windows = new Map<string, RenewalWindow>();

  constructor(context: CaContext) {
    this.#context = context;
  }

  /** Makes one and gives its URL. */
  async issue(order: Order, request: IssueRequest): Promise<string> {
    const issued = await this.#context.authority.issue(request);
    const id = this.#context.nextId();
    const { notBefore, notAfter } = request;
    this.#kept.push({ id, issued, order, notBefore, notAfter, isRevoked: false });
    this.#context.journal.certificates.push({
      at: new Date(),
      serial: issued.serial,
      certificateId: issued.certificateId,
      identifiers: order.identifiers.map(({ value }) => value),
      profile: order.profile,
      replaces: order.replaces,
      pem: issued.leafPem,
    });
    return `${this.#context.origin}/certificate/${id}`;
  }

  byId(id: string): KeptCertificate | undefined {
    return this.#kept.find((kept) => kept.id === id.replace(/-alternate$/, ''));
  }

  byCertificateId(certificateId: string): KeptCertificate | undefined {
    return this.#kept.find(({ issued }) => issued.certificateId === certificateId);
  }

  suggest(certificateId: string, window: RenewalWindow | undefined): void {
    if (window === undefined) this.#windows.delete(certificateId);
    else this.#windows.set(certificateId, window);
  }

  download({ id, account }: SignedRequest): Reply {
    const kept = this.byId(id);
    if (kept === undefined) return refuse('malformed', 'no such certificate', 404);
    if (kept.order.account !== account) refuse('unauthorized', "this is another account's certificate");
    const isAlternate = id.endsWith('-alternate');
    const url = `${this.#context.origin}/certificate/${kept.id}`;
    return {
      status: 200,
      headers: {
        'Content-Type': 'application/pem-certificate-chain',
        Link: `<${isAlternate ? url : `${url}-alternate`}>;rel="alternate"`,
      },
      body: kept.issued.chains[isAlternate ? 1 : 0] ?? '',
    };
  }

  /** Signed by the account that ordered, by one that holds every authorization, or by the certificate's key. */
  revoke(request: SignedRequest): Reply {
    const { certificate, reason } = record(request.payload, 'revokeCert wants a JSON object');
    const der = typeof certificate === 'string' ? Buffer.from(certificate, 'base64url') : Buffer.of();
    const kept = this.#kept.find(({ issued }) => issued.leafDer.equals(der));
    if (kept === undefined) return refuse('malformed', 'no such certificate', 404);
    const isMine =
      request.account === undefined
        ? isSameKey(request.key, kept.issued.key)
        : request.account === kept.order.account;
    if (!isMine) refuse('unauthorized', 'who signs may not revoke this certificate');
    if (!REVOCATION_REASONS.includes(reason)) {
      refuse('badRevocationReason', `reason ${String(reason)} is not for subscribers`);
    }
    if (kept.isRevoked) refuse('alreadyRevoked', 'the certificate is revoked already');
    kept.isRevoked = true;
    this.#context.journal.revocations += 1;
    return { status: 200 };
  }

  /** RFC 9773, section 4.2; as Boulder: two thirds of the life, half of a short one, the past once revoked. */
  renewalInfo(certificateId: string): Reply {
    if (!/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(certificateId)) {
      refuse('malformed', 'the path is not base64url(AKI).base64url(serial)');
    }
    const kept = this.byCertificateId(certificateId);
    if (kept === undefined) return refuse('malformed', 'no such certificate', 404);
    const window = this.#windows.get(certificateId) ?? this.#windows.get('all') ?? usualWindow(kept);
    const { start, end, explanationURL, retryAfter = RENEWAL_RETRY_AFTER } = window;
    return {
      status: 200,
      headers: retryAfter === null ? {} : { 'Retry-After': retryAfter },
      body: {
        suggestedWindow: { start: start.toISOString(), end: end.toISOString() },
        ...(explanationURL === undefined ? {} : { explanationURL }),
      },
    };
  }
}

function usualWindow({ notBefore, notAfter, isRevoked }: KeptCertificate): RenewalWindow {
  if (isRevoked) {
    const nowMs = Date.now();
    return { start: new Date(nowMs - 3_600_000), end: new Date(nowMs - 1_800_000) };
  }
  const lifeMs = notAfter.getTime() - notBefore.getTime();
  const share = lifeMs < SHORT_LIFE_MS ? 1 / 2 : 2 / 3;
  const middleMs = notBefore.getTime() + lifeMs * share;
  return { start: new Date(middleMs - lifeMs / 100), end: new Date(middleMs + lifeMs / 100) };
}

function isSameKey(one: KeyObject, other: KeyObject): boolean {
  const isKnown = other.asymmetricKeyType === 'rsa' || other.asymmetricKeyType === 'ec';
  return isKnown && thumbprint(one) === thumbprint(other);
}
