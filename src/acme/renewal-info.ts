import { parseInstant } from '../lib/clock.ts';
import { readCertificate } from '../pki/certificate-facts.ts';
import { badAnswer } from './connection-error.ts';

/** RFC 9773, section 4.3.1 and 4.3.3: where the CA says nothing, and the limits of what it may say. */
const DEFAULT_RETRY_AFTER_MS = 6 * 3_600_000;
const MIN_RETRY_AFTER_MS = 60_000;
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;
const MAX_URL_CHARACTERS = 2048;

/** When a CA suggests to renew one certificate, checked (RFC 9773, section 4.2). */
export interface RenewalAnswer {
  readonly certificateId: string;
  readonly start: Date;
  /** After `start`. */
  readonly end: Date;
  /** http or https. */
  readonly explanationUrl?: string | undefined;
  /** 1 minute to 1 day; 6 hours where the CA says nothing. */
  readonly retryAfterMs: number;
}

/**
 * The identifier of a certificate (RFC 9773, section 4.1): the authority's key identifier, a full stop, and the
 * serial number as the octets of a DER integer, both base64url without padding. Undefined where the certificate
 * has no authority key identifier. Throws `pki.unreadable-certificate`.
 */
export function certificateId(leafPem: string): string | undefined {
  const { authorityKeyId, serialNumber } = readCertificate(leafPem);
  if (authorityKeyId === undefined) return undefined;
  const serial = Buffer.from(
    serialNumber.padStart(serialNumber.length + (serialNumber.length % 2), '0'),
    'hex',
  );
  // A DER integer is signed: a leading bit takes an octet of zeros before it.
  const isSigned = (serial[0] ?? 0) >= 0x80;
  const octets = isSigned ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${Buffer.from(authorityKeyId, 'hex').toString('base64url')}.${octets.toString('base64url')}`;
}

/** Throws `acme.bad-answer`. */
export function readRenewalInfo(
  data: unknown,
  url: string,
  id: string,
  retryAfterMs: number | undefined,
): RenewalAnswer {
  const window = member(data, 'suggestedWindow');
  const start = instant(member(window, 'start'));
  const end = instant(member(window, 'end'));
  if (start === undefined || end === undefined || end <= start) {
    throw badAnswer(
      url,
      'renewal information has no window that ends after it starts (RFC 9773, section 4.2)',
    );
  }
  const explanationUrl = explanation(member(data, 'explanationURL'));
  return {
    certificateId: id,
    start,
    end,
    ...(explanationUrl === undefined ? {} : { explanationUrl }),
    retryAfterMs: Math.min(
      Math.max(retryAfterMs ?? DEFAULT_RETRY_AFTER_MS, MIN_RETRY_AFTER_MS),
      MAX_RETRY_AFTER_MS,
    ),
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function instant(value: unknown): Date | undefined {
  return typeof value === 'string' && value.length <= 64 ? parseInstant(value) : undefined;
}

function explanation(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_URL_CHARACTERS || !URL.canParse(value))
    return undefined;
  const { protocol, href, username, password } = new URL(value);
  const isFit = (protocol === 'https:' || protocol === 'http:') && username === '' && password === '';
  return isFit ? href : undefined;
}
