import { lookup } from 'node:dns';
import { request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { DnsError, quoted } from './dns-error.ts';
import type { ReachableAddresses } from './nameserver.ts';

const MEDIA_TYPE = 'application/dns-message';
const MAX_BODY_BYTES = 65_535;

export interface HttpsQuestion {
  readonly url: string;
  readonly message: Buffer;
  readonly timeoutMs: number;
  readonly reachable: ReachableAddresses;
  readonly trust?: string | undefined;
}

/**
 * Asks a DNS-over-HTTPS server by POST (RFC 8484, section 4.1). Redirects are not followed.
 * Throws `solvers.dns-no-answer`, `solvers.dns-server-refused` and the signal's reason.
 */
export function askOverHttps(
  { url, message, timeoutMs, reachable, trust }: HttpsQuestion,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const { hostname } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, '');
    // A literal address is never looked up.
    if (isIP(host) !== 0) reachable.require(host, host);
    signal.throwIfAborted();
    const sent = request(url, {
      method: 'POST',
      headers: { Accept: MEDIA_TYPE, 'Content-Type': MEDIA_TYPE, 'Content-Length': message.length },
      lookup: lookupAmong(reachable),
      agent: false,
      ...(trust === undefined ? {} : { ca: trust }),
    });
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const fail = (thrown: unknown): void =>
      finish(() => {
        sent.destroy();
        reject(thrown);
      });
    const onAbort = (): void => fail(signal.reason);
    const timer = setTimeout(
      () => fail(failed(url, `it did not answer within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    signal.addEventListener('abort', onAbort, { once: true });
    sent.on('error', (cause) => fail(failed(url, cause.message, cause)));
    sent.on('response', (response) => {
      const type = response.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
      if (response.statusCode !== 200 || type !== MEDIA_TYPE) {
        fail(
          failed(url, `it answered HTTP ${response.statusCode} with ${quoted(type ?? 'no content type')}`),
        );
        return;
      }
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > MAX_BODY_BYTES) fail(failed(url, 'its answer is longer than a DNS message can be'));
      });
      response.on('error', (cause) => fail(failed(url, cause.message, cause)));
      response.on('end', () => finish(() => resolve(Buffer.concat(chunks))));
    });
    sent.end(message);
  });
}

/** Looks at each address that a name has before it is connected to. */
function lookupAmong(reachable: ReachableAddresses): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      const [first, ...others] = (addresses ?? []).filter(({ address }) => reachable.has(host, address));
      if (error !== null) callback(error, []);
      else if (first === undefined) {
        callback(new Error('none of its addresses may be asked'), []);
      } else if (options.all === true) callback(null, [first, ...others]);
      else callback(null, first.address, first.family);
    });
  };
}

function failed(url: string, why: string, cause?: NodeJS.ErrnoException): DnsError {
  const { host } = new URL(url);
  return new DnsError(
    'solvers.dns-no-answer',
    {
      what: `The DNS-over-HTTPS server ${quoted(host)} gave no answer`,
      why: quoted(why),
      next: 'Check that certops can reach it; it is tried again by itself',
    },
    { data: { server: host }, ...(cause === undefined ? {} : { cause, errno: cause.code }) },
  );
}
