import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';

const MAX_BODY_BYTES = 4096;
const MAX_HEADER_BYTES = 8192;

export interface HttpQuestion {
  readonly url: URL;
  /** The IP address to connect to, already judged. */
  readonly address: string;
  readonly port: number;
}

/** What one GET brought, within limits. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly location: string | undefined;
  /** The first 4 KiB at most. */
  readonly body: Buffer;
  /** There was more, or the time was up before the end. */
  readonly isCut: boolean;
}

/**
 * One GET to one address, as a CA does it: nothing is followed, certificates are not checked (RFC 8555, section 8.3
 * lets a redirect lead to HTTPS, and CAs accept whatever is there). A body that does not end is cut when the signal
 * fires. Throws the connection's error, and the signal's reason where no answer had come by then.
 */
export function get({ url, address, port }: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const options = {
      host: address,
      port,
      path: url.pathname + url.search,
      method: 'GET',
      headers: { Host: url.host, 'User-Agent': 'certops', Accept: '*/*', Connection: 'close' },
      agent: false,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    const sent: ClientRequest =
      url.protocol === 'https:'
        ? tlsRequest({ ...options, rejectUnauthorized: false, servername: isIP(host) === 0 ? host : '' })
        : plainRequest(options);
    let answer: ((isCut: boolean) => void) | undefined;
    const finish = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      // A late error must not become an uncaught one.
      sent.on('error', () => {});
      sent.destroy();
      settle();
    };
    const onAbort = (): void => (answer === undefined ? finish(() => reject(signal.reason)) : answer(true));
    signal.addEventListener('abort', onAbort, { once: true });
    // Whatever happens after the head still leaves an answer to be told of.
    sent.on('error', (cause) => (answer === undefined ? finish(() => reject(cause)) : answer(true)));
    sent.on('upgrade', (_response, socket) => {
      socket.destroy();
      finish(() => reject(new Error('it switched to another protocol')));
    });
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer = (isCut) => finish(() => resolve(answerOf(response, Buffer.concat(chunks), isCut)));
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk.subarray(0, MAX_BODY_BYTES - size));
        size += chunk.length;
        if (size > MAX_BODY_BYTES) answer?.(true);
      });
      response.on('error', () => answer?.(true));
      response.on('aborted', () => answer?.(true));
      response.on('end', () => answer?.(false));
    });
    sent.end();
  });
}

function answerOf({ statusCode, headers }: IncomingMessage, body: Buffer, isCut: boolean): HttpAnswer {
  const location = headers.location;
  return {
    status: statusCode ?? 0,
    contentType: headers['content-type'] ?? '',
    location,
    body,
    isCut,
  };
}
