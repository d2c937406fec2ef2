import { isIP } from 'node:net';
import { CertopsError } from '../lib/errors.ts';
import { printable } from '../lib/printable.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import type { Draft } from './draft.ts';
import { get, type HttpAnswer } from './http-exchange.ts';
import { type Cleaner, hideTokens } from './redaction.ts';

const MAX_REDIRECTS = 5;
const MAX_EXCERPT_CHARACTERS = 200;
const MAX_LOCATION_CHARACTERS = 90;
const MAX_TYPE_CHARACTERS = 40;
const CHALLENGE_FOLDER = '/.well-known/acme-challenge/';

/** Where a look by HTTP may lead, and by which ports. */
export interface HttpEyes {
  readonly httpPort: number;
  readonly tlsPort: number;
  /** The addresses of a host name; none where it has none. Throws `CertopsError`. */
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

/** Where a redirect leads, or why it is not followed. */
type Hop = { readonly url: URL; readonly address: string } | { readonly refusal: string };

/**
 * What is found where a CA looks for HTTP-01 (RFC 8555, section 8.3). A redirect is followed as CAs follow it, to http
 * and https at their own ports alone; never to an address that must not be asked, and not from the outside in: what an
 * inner server says to this host is nobody else's to read. Throws the signal's reason.
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
  let url = first;
  let at = address;
  for (let redirects = 0; ; redirects += 1) {
    let answer: HttpAnswer;
    try {
      const port = url.protocol === 'https:' ? eyes.tlsPort : eyes.httpPort;
      answer = await get({ url, address: at, port }, signal);
    } catch (thrown) {
      return tell(...describeTrouble(thrown, told.length > 0));
    }
    const { status, location } = answer;
    if (location === undefined || status < 300 || status > 399) {
      const isOwnPath = url.pathname === first.pathname && url.search === '';
      const showsBody = isOwnPath || !eyes.isInside(at);
      return tell(...describeAnswer(answer, { keyAuthorization, showsBody, clean: eyes.clean }));
    }
    told.push(`HTTP ${status} to ${shownLocation(location, url, eyes.clean)}`);
    if (redirects === MAX_REDIRECTS) return tell('something-else', 'more redirects than a CA follows');
    const hop = await follow(location, { url, address: at }, eyes, signal);
    if ('refusal' in hop) return tell('something-else', hop.refusal);
    url = hop.url;
    at = hop.address;
  }
}

/** The first and the last redirect tell where it went. */
function abridged(told: readonly string[]): readonly string[] {
  const [first = '', ...others] = told;
  const last = others.at(-1) ?? '';
  return told.length <= 2 ? told : [first, `${told.length - 2} more redirects`, last];
}

async function follow(
  location: string,
  from: { readonly url: URL; readonly address: string },
  eyes: HttpEyes,
  signal: AbortSignal,
): Promise<Hop> {
  if (!URL.canParse(location, from.url)) return { refusal: 'which is no URL' };
  const url = new URL(location, from.url);
  url.username = '';
  url.password = '';
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { refusal: 'which is neither http nor https' };
  const own = url.protocol === 'https:' ? eyes.tlsPort : eyes.httpPort;
  if (url.port !== '' && url.port !== String(own)) return { refusal: 'a port to which no CA follows' };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) === 0 ? await addressesOf(host, eyes, signal) : [host];
  const [address] = addresses;
  if (address === undefined) return { refusal: 'a name for which no address is found' };
  if (!eyes.isAllowed(host, address)) return { refusal: `not asked: ${address} must never be asked` };
  if (eyes.isInside(address) && !eyes.isInside(from.address)) {
    return { refusal: `not asked: ${address} lies in a network that the internet does not reach` };
  }
  return { url, address };
}

async function addressesOf(host: string, eyes: HttpEyes, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return await eyes.addressesOf(host, signal);
  } catch (thrown) {
    if (thrown instanceof CertopsError) return [];
    throw thrown;
  }
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

/** Where it leads, with everything that may be a token hidden; the host stays as it is. */
function shownLocation(location: string, base: URL, clean: Cleaner): string {
  if (!URL.canParse(location, base)) return `"${clean(hideTokens(location), MAX_LOCATION_CHARACTERS)}"`;
  const { protocol, host, pathname, search } = new URL(location, base);
  return clean(`${protocol}//${host}${hideTokens(pathname + search)}`, MAX_LOCATION_CHARACTERS);
}

function describeTrouble(thrown: unknown, isRedirected: boolean): [Draft['finding'], string] {
  const there = isRedirected ? 'there ' : '';
  if (thrown instanceof DOMException && thrown.name === 'TimeoutError') {
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
