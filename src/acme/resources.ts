import { badAnswer } from './connection-error.ts';
import { type AcmeProblem, readProblem } from './problem.ts';

const ORDER_STATUSES = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const;
const AUTHORIZATION_STATUSES = ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'] as const;
const CHALLENGE_STATUSES = ['pending', 'processing', 'valid', 'invalid'] as const;
const MAX_AUTHORIZATIONS = 200;
const MAX_CHALLENGES = 50;
const MAX_PROFILES = 50;
const MAX_CAA_IDENTITIES = 20;
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/** RFC 8555, section 7.1.6. */
export type OrderStatus = (typeof ORDER_STATUSES)[number];
export type AuthorizationStatus = (typeof AUTHORIZATION_STATUSES)[number];
export type ChallengeStatus = (typeof CHALLENGE_STATUSES)[number];

/** RFC 8555, section 9.7.7 and RFC 8738. */
export interface AcmeIdentifier {
  readonly type: 'dns' | 'ip';
  readonly value: string;
}

/** An order object (RFC 8555, section 7.1.3), checked. */
export interface AcmeOrder {
  readonly url: string;
  readonly status: OrderStatus;
  readonly expires?: Date | undefined;
  readonly authorizationUrls: readonly string[];
  readonly finalizeUrl: string;
  readonly certificateUrl?: string | undefined;
  readonly error?: AcmeProblem | undefined;
  /** How long the answer asked to wait before the next look, where it did. */
  readonly retryAfterMs?: number | undefined;
}

/** An authorization object (RFC 8555, section 7.1.4), checked. */
export interface AcmeAuthorization {
  readonly url: string;
  readonly status: AuthorizationStatus;
  readonly identifier: AcmeIdentifier;
  readonly wildcard: boolean;
  readonly challenges: readonly AcmeChallenge[];
}

/** A challenge object (RFC 8555, section 7.1.5 and 8), checked. */
export interface AcmeChallenge {
  readonly url: string;
  readonly type: string;
  readonly status: ChallengeStatus;
  /** base64url, at most 128 characters; types other than http-01, dns-01 and tls-alpn-01 may lack it. */
  readonly token?: string | undefined;
  readonly error?: AcmeProblem | undefined;
  /** How long the answer asked to wait before a look at the order, where it did. */
  readonly retryAfterMs?: number | undefined;
}

/** The URLs of a directory (RFC 8555, section 7.1.1) that certops uses. */
export interface AcmeDirectory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  /** RFC 8555, section 7.3.5. */
  readonly keyChange?: string | undefined;
  /** RFC 9773, section 4.1; the certificate's identifier comes after it and a slash. */
  readonly renewalInfo?: string | undefined;
  /** `meta.profiles`: the names, undefined where the CA has no such thing. */
  readonly profiles?: readonly string[] | undefined;
  /** `meta.caaIdentities`: the names that CAA records know the CA by, lower case; undefined where it has none. */
  readonly caaIdentities?: readonly string[] | undefined;
}

/** An account object (RFC 8555, section 7.1.2). */
export interface AcmeAccount {
  /** `valid`, `deactivated` or `revoked`. */
  readonly status: string;
  readonly contacts: readonly string[];
}

/** Judges URLs that a CA hands out: its directory's origin or nothing. */
export type IsOwnUrl = (url: string) => boolean;

/** Throws `acme.bad-answer`. */
export function readDirectory(data: unknown, url: string, isOwnUrl: IsOwnUrl): AcmeDirectory {
  const fields = record(data, url, 'the directory is no JSON object');
  return {
    newNonce: ownUrl(fields.newNonce, 'newNonce', url, isOwnUrl),
    newAccount: ownUrl(fields.newAccount, 'newAccount', url, isOwnUrl),
    newOrder: ownUrl(fields.newOrder, 'newOrder', url, isOwnUrl),
    ...(fields.keyChange === undefined
      ? {}
      : { keyChange: ownUrl(fields.keyChange, 'keyChange', url, isOwnUrl) }),
    ...(fields.renewalInfo === undefined
      ? {}
      : { renewalInfo: ownUrl(fields.renewalInfo, 'renewalInfo', url, isOwnUrl) }),
    ...readProfiles(fields.meta),
    ...readCaaIdentities(fields.meta),
  };
}

/** Throws `acme.bad-answer`. */
export function readAccount(data: unknown, url: string): AcmeAccount {
  const { status, contact } = record(data, url, 'the account is no JSON object');
  const contacts = Array.isArray(contact) ? contact.filter((one) => typeof one === 'string') : [];
  return { status: typeof status === 'string' ? status.slice(0, 32) : '', contacts };
}

/** draft-ietf-acme-profiles: an object from name to description. Unreadable names are nobody's to ask for. */
function readProfiles(meta: unknown): Pick<AcmeDirectory, 'profiles'> {
  if (typeof meta !== 'object' || meta === null || !('profiles' in meta)) return {};
  const { profiles } = meta;
  if (typeof profiles !== 'object' || profiles === null || Array.isArray(profiles)) return {};
  const names = Object.keys(profiles).filter((name) => /^[\x21-\x7e]{1,64}$/.test(name));
  return { profiles: names.slice(0, MAX_PROFILES) };
}

/** RFC 8555, section 7.1.1. What is no host name is nobody's. */
function readCaaIdentities(meta: unknown): Pick<AcmeDirectory, 'caaIdentities'> {
  if (typeof meta !== 'object' || meta === null || !('caaIdentities' in meta)) return {};
  const { caaIdentities } = meta;
  if (!Array.isArray(caaIdentities)) return {};
  const names = caaIdentities.filter((name): name is string => typeof name === 'string');
  const hosts = names.filter((name) => /^[A-Za-z0-9.-]{1,253}$/.test(name)).map((name) => name.toLowerCase());
  return hosts.length === 0 ? {} : { caaIdentities: hosts.slice(0, MAX_CAA_IDENTITIES) };
}

/** Throws `acme.bad-answer`. */
export function readOrder(data: unknown, url: string, isOwnUrl: IsOwnUrl): AcmeOrder {
  const fields = record(data, url, 'the order is no JSON object');
  const authorizations = fields.authorizations;
  if (!Array.isArray(authorizations) || authorizations.length > MAX_AUTHORIZATIONS) {
    throw badAnswer(url, `an order has a list of at most ${MAX_AUTHORIZATIONS} authorizations`);
  }
  const expires = typeof fields.expires === 'string' ? new Date(fields.expires) : undefined;
  return {
    url,
    status: oneOf(ORDER_STATUSES, fields.status, 'the status of an order', url),
    ...(expires === undefined || Number.isNaN(expires.getTime()) ? {} : { expires }),
    authorizationUrls: authorizations.map((item: unknown) => ownUrl(item, 'an authorization', url, isOwnUrl)),
    finalizeUrl: ownUrl(fields.finalize, 'finalize', url, isOwnUrl),
    ...(fields.certificate === undefined || fields.certificate === ''
      ? {}
      : { certificateUrl: ownUrl(fields.certificate, 'certificate', url, isOwnUrl) }),
    error: readProblem(fields.error),
  };
}

/** Throws `acme.bad-answer`. */
export function readAuthorization(data: unknown, url: string, isOwnUrl: IsOwnUrl): AcmeAuthorization {
  const fields = record(data, url, 'the authorization is no JSON object');
  const identifier = record(fields.identifier, url, 'an authorization has no identifier');
  const { type, value } = identifier;
  if ((type !== 'dns' && type !== 'ip') || typeof value !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(value)) {
    throw badAnswer(url, 'the identifier of an authorization is no DNS name or IP address');
  }
  if (!Array.isArray(fields.challenges) || fields.challenges.length > MAX_CHALLENGES) {
    throw badAnswer(url, `an authorization has a list of at most ${MAX_CHALLENGES} challenges`);
  }
  return {
    url,
    status: oneOf(AUTHORIZATION_STATUSES, fields.status, 'the status of an authorization', url),
    identifier: { type, value },
    wildcard: fields.wildcard === true,
    challenges: fields.challenges.map((item: unknown) => readChallenge(item, url, isOwnUrl)),
  };
}

/** Throws `acme.bad-answer`. `at` is the URL it was read from. */
export function readChallenge(data: unknown, at: string, isOwnUrl: IsOwnUrl): AcmeChallenge {
  const fields = record(data, at, 'a challenge is no JSON object');
  if (typeof fields.type !== 'string' || !/^[a-z0-9-]{1,64}$/.test(fields.type)) {
    throw badAnswer(at, 'a challenge has no readable type');
  }
  // RFC 8555, section 8.3: nothing but the base64url alphabet, so that a token can be part of a path.
  if (fields.token !== undefined && (typeof fields.token !== 'string' || !TOKEN.test(fields.token))) {
    throw badAnswer(at, 'a challenge token is not base64url of at most 128 characters');
  }
  return {
    url: ownUrl(fields.url, 'a challenge', at, isOwnUrl),
    type: fields.type,
    status: oneOf(CHALLENGE_STATUSES, fields.status, 'the status of a challenge', at),
    ...(fields.token === undefined ? {} : { token: fields.token }),
    error: readProblem(fields.error),
  };
}

function record(value: unknown, url: string, complaint: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badAnswer(url, complaint);
  // An object that is not an array: its keys are strings.
  return value as Readonly<Record<string, unknown>>;
}

function oneOf<T extends string>(known: readonly T[], value: unknown, name: string, url: string): T {
  const found = known.find((candidate) => candidate === value);
  if (found === undefined) throw badAnswer(url, `${name} is not one of ${known.join(', ')}`);
  return found;
}

function ownUrl(value: unknown, name: string, at: string, isOwnUrl: IsOwnUrl): string {
  if (typeof value !== 'string' || value.length > 2048 || !isOwnUrl(value)) {
    throw badAnswer(at, `the URL of ${name} is not on the directory's origin`);
  }
  return value;
}
