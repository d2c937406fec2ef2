import { isIP } from 'node:net';
import { printable } from '../lib/printable.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import type { Draft } from './draft.ts';
import { get, type HttpAnswer } from './http-exchange.ts';
import { type Cleaner, hideTokens } from './redaction.ts';
import { isTimeout } from './time-box.ts';

/** As many as Let's Encrypt's Boulder follows. */
const MAX_REDIRECTS = 10;
/** CA/Browser Forum Baseline Requirements, 3.2.2.4.19. */
const FOLLOWED: readonly number[] = [301, 302, 307, 308];
const MAX_EXCERPT_CHARACTERS = 200;
const MAX_LOCATION_CHARACTERS = 90;
const MAX_TYPE_CHARACTERS = 40;
const CHALLENGE_FOLDER = '/.well-known/acme-challenge/';

/** Where a look by HTTP may lead, and by which ports. */
export interface HttpEyes {
  readonly httpPort: number;
  readonly tlsPort: number;
  /** The addresses of a host name; none where it has none. Throws where they cannot be found. */
  readonly addressesOf: (host: string, signal: AbortSignal) => Promise<readonly string[]>;
  readonly isAllowed: (host: string, address: string) => boolean;
  readonly isInside: (address: string) => boolean;
  readonly clean: Cleaner;
}

export interface HttpTarget {
  /** A DNS name or an IP address. */
  readonly host: string;
  readonly address: string;
  readonly token: string | undefined;
  readonly keyAuthorization: Sensitive<string> | undefined;
}

interface Place {
  readonly url: URL;
  readonly address: string;
  readonly port: number;
}

/** Where a redirect leads, or why it is not followed: `unknown` where a CA may well follow it. */
type Hop = Place | { readonly refusal: string; readonly finding: 'something-else' | 'unknown' };

/**
 * What is found where a CA looks for HTTP-01 (RFC 8555, section 8.3). A redirect is followed as CAs follow it, to
 * the ports of http and https alone; never to an address that must not be asked, and to an inner server only where it
 * redirects to itself: what it says to this host is nobody else's to read. Throws the signal's reason where that is not
 * that the time is up.
 */
export async function lookByHttp(target: HttpTarget, eyes: HttpEyes, signal: AbortSignal): Promise<Draft> {
  const { host, address, token, keyAuthorization } = target;
  const shownHost = isIP(host) === 6 ? `[${host}]` : host;
  const asked = `GET http://${shownHost}${CHALLENGE_FOLDER}… at ${address}`;
  if (!eyes.isAllowed(host, address)) {
    return { asked, found: 'not asked: the address is one that must never be asked', finding: 'unknown' };
  }
  const first = new URL(`http://${shownHost}${CHALLENGE_FOLDER}${token ?? ''}`);
  const told: string[] = [];
  const tell = (finding: Draft['finding'], words: string): Draft => ({
    asked,
    found: [...abridged(told), words].join('; '),
    finding,
  });
  let place: Place = { url: first, address, port: eyes.httpPort };
  for (let redirects = 0; ; redirects += 1) {
    let answer: HttpAnswer;
    try {
      answer = await get(place, signal);
    } catch (thrown) {
      rethrowEnd(signal);
      return tell(...describeTrouble(thrown, told.length > 0));
    }
    const { url } = place;
    const isInner = eyes.isInside(place.address);
    const { status, location } = answer;
    if (location === undefined || status < 300 || status > 399) {
      const isOwnPath = url.pathname === first.pathname && url.search === '';
      const showsBody = isOwnPath || !isInner;
      return tell(...describeAnswer(answer, { keyAuthorization, showsBody, clean: eyes.clean }));
    }
    told.push(`HTTP ${status} to ${shownLocation(location, url, eyes.clean, isInner)}`);
    if (!FOLLOWED.includes(status)) return tell('something-else', 'a redirect that CAs do not follow');
    if (redirects === MAX_REDIRECTS) return tell('something-else', 'more redirects than a CA follows');
    const hop = await follow(location, place, eyes, signal);
    if ('refusal' in hop) return tell(hop.finding, hop.refusal);
    place = hop;
  }
}

/** The first and the last redirect tell where it went. */
function abridged(told: readonly string[]): readonly string[] {
  const [first = '', ...others] = told;
  const last = others.at(-1) ?? '';
  return told.length <= 2 ? told : [first, `${told.length - 2} more redirects`, last];
}

async function follow(location: string, from: Place, eyes: HttpEyes, signal: AbortSignal): Promise<Hop> {
  const otherwise = (refusal: string): Hop => ({ refusal, finding: 'something-else' });
  const notAsked = (refusal: string): Hop => ({ refusal, finding: 'unknown' });
  if (!URL.canParse(location, from.url)) return otherwise('which is no URL');
  const url = new URL(location, from.url);
  url.username = '';
  url.password = '';
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return otherwise('which is neither http nor https');
  const own = url.protocol === 'https:' ? eyes.tlsPort : eyes.httpPort;
  const port = url.port === '' ? own : Number(url.port);
  if (port !== eyes.httpPort && port !== eyes.tlsPort) return otherwise('a port to which no CA follows');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) === 0 ? await addressesOf(host, eyes, signal) : [host];
  if (addresses === undefined) return notAsked('whose address could not be found');
  const address = addresses.find((each) => each === from.address) ?? addresses[0];
  if (address === undefined) return otherwise('a name for which no address is found');
  if (!eyes.isAllowed(host, address)) return notAsked(`not asked: ${address} must never be asked`);
  if (eyes.isInside(address) && address !== from.address) {
    return notAsked(`not asked: ${address} lies in a network that the internet does not reach`);
  }
  return { url, address, port };
}

/** Undefined where they cannot be found within the look's time. */
async function addressesOf(
  host: string,
  eyes: HttpEyes,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  let stop: () => void = () => {};
  const isOver = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
  });
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([isOver, eyes.addressesOf(host, signal).catch(() => undefined)]);
  } finally {
    signal.removeEventListener('abort', stop);
    rethrowEnd(signal);
  }
}

/** A look whose time is up tells what it saw; one that is called off tells nothing. */
function rethrowEnd(signal: AbortSignal): void {
  if (signal.aborted && !isTimeout(signal.reason)) throw signal.reason;
}

function describeAnswer(
  { status, contentType, body, isCut }: HttpAnswer,
  {
    keyAuthorization,
    showsBody,
    clean,
  }: {
    readonly keyAuthorization: Sensitive<string> | undefined;
    readonly showsBody: boolean;
    readonly clean: Cleaner;
  },
): [Draft['finding'], string] {
  const text = body.toString('utf8');
  // RFC 8555, section 8.3: white space at the end does not count.
  const isExpected = keyAuthorization !== undefined && text.trimEnd() === keyAuthorization.reveal();
  if (status === 200 && isExpected) return ['as-expected', 'HTTP 200 with the answer that the CA looks for'];
  const type = clean(hideTokens(contentType), MAX_TYPE_CHARACTERS);
  const head = `HTTP ${status}${type === '' ? '' : ` ${type}`}`;
  const finding =
    keyAuthorization === undefined
      ? 'unknown'
      : status === 404 || status === 410
        ? 'missing'
        : 'something-else';
  if (!showsBody) return [finding, `${head}; what an inner server says is not told`];
  return [finding, `${head}: ${describeBody(text, body, isCut, clean)}`];
}

function describeBody(text: string, body: Buffer, isCut: boolean, clean: Cleaner): string {
  if (body.length === 0) return isCut ? 'no body within the time' : 'an empty body';
  if (isBinary(text)) return 'a body that is no text';
  const whole = isCut ? withoutLastWord(text) : text;
  return `"${clean(hideTokens(printable(whole)), MAX_EXCERPT_CHARACTERS)}"${isCut ? ' and more' : ''}`;
}

/** The end of what was cut may be the beginning of a token. A loop, for a pattern would look from every place anew. */
function withoutLastWord(text: string): string {
  let end = text.length;
  while (end > 0 && /[A-Za-z0-9_.-]/.test(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** More than a tenth of it is no text in UTF-8; the end may be cut inside a character. */
function isBinary(text: string): boolean {
  const strange = text.replaceAll(/[\t\n\f\r]/g, '').match(/[\p{Cc}\p{Cn}\p{Co}\ufffd]/gu)?.length ?? 0;
  return strange > 3 && strange * 10 > text.length;
}

/** Where it leads, with everything that may be a token hidden, and what an inner server asks; the host stays. */
function shownLocation(location: string, base: URL, clean: Cleaner, isInner: boolean): string {
  if (!URL.canParse(location, base)) return `"${clean(hideTokens(location), MAX_LOCATION_CHARACTERS)}"`;
  const { protocol, host, pathname, search } = new URL(location, base);
  const shown = isInner && search !== '' ? '?…' : search;
  return clean(`${protocol}//${host}${hideTokens(pathname + shown)}`, MAX_LOCATION_CHARACTERS);
}

function describeTrouble(thrown: unknown, isRedirected: boolean): [Draft['finding'], string] {
  const there = isRedirected ? 'there ' : '';
  if (isTimeout(thrown)) {
    return ['unreachable', `${there}no answer within the time`];
  }
  const code = codeOf(thrown);
  if (code.startsWith('HPE_'))
    return ['something-else', `${there}what answers does not speak HTTP (${code})`];
  if (['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(code)) {
    return ['unknown', `${there}no way leads there from this host (${code})`];
  }
  return ['unreachable', `${there}${describeErrno(code)}`];
}

/** The code of a system or TLS error; nothing that a stranger wrote. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

/** Words for the errors of a connection that people meet. */
export function describeErrno(code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'the connection is refused';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection is reset';
    case 'ETIMEDOUT':
      return 'the connection times out';
    default:
      return code === '' ? 'the connection fails' : `the connection fails (${code})`;
  }
}
