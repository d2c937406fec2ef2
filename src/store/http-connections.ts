import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { GitHttpRequest, GitHttpResponse, HttpClient } from 'isomorphic-git';

const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

interface CachedAnswer {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/**
 * HTTP for isomorphic-git: kept connections, a time-out, a bound on what is read, no redirects. The
 * capabilities of a protocol v2 server are asked for once, so that a poll is a single request.
 */
export class HttpConnections {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 4 });
  readonly #https: HttpsAgent;
  readonly #capabilities = new Map<string, CachedAnswer>();

  constructor() {
    const bundle = process.env.GIT_SSL_CAINFO;
    this.#https = new HttpsAgent({
      keepAlive: true,
      maxSockets: 4,
      ...(bundle === undefined ? {} : { ca: readFileSync(bundle) }),
    });
  }

  /** A client whose requests end with `signal`. */
  client(signal: AbortSignal): HttpClient {
    return { request: (request) => this.#request(request, signal) };
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #request(request: GitHttpRequest, signal: AbortSignal): Promise<GitHttpResponse> {
    const { url, method = 'GET', headers = {} } = request;
    const known = method === 'GET' ? this.#capabilities.get(url) : undefined;
    if (known !== undefined) {
      return {
        url,
        method,
        headers: known.headers,
        body: once(known.body),
        statusCode: 200,
        statusMessage: 'OK',
      };
    }
    const body = await collect(request.body);
    const response = await this.#send(url, method, headers, body, signal);
    const content = await read(response, signal);
    const flat = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
    );
    const statusCode = response.statusCode ?? 0;
    // With protocol v1 the same answer holds the refs themselves, which do change.
    if (method === 'GET' && statusCode === 200 && content.includes('version 2\n'))
      this.#capabilities.set(url, { headers: flat, body: content });
    else if (statusCode !== 200) this.#capabilities.clear();
    return {
      url,
      method,
      headers: flat,
      body: once(content),
      statusCode,
      statusMessage: response.statusMessage ?? '',
    };
  }

  #send(
    url: string,
    method: string,
    headers: Record<string, string>,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const isTls = url.startsWith('https:');
    const options = {
      method,
      signal,
      agent: isTls ? this.#https : this.#http,
      headers: { ...headers, ...(method === 'GET' ? {} : { 'Content-Length': String(body.length) }) },
    };
    return new Promise((resolve, reject) => {
      const request = isTls ? httpsRequest(url, options) : httpRequest(url, options);
      request.on('response', resolve);
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (signal.aborted) reject(signal.reason);
        // The server ended a kept connection just as it was taken: nothing was heard, and asking changes nothing.
        else if (request.reusedSocket && error.code === 'ECONNRESET')
          resolve(this.#send(url, method, headers, body, signal));
        else reject(error);
      });
      request.end(body);
    });
  }
}

async function read(response: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      // Without an encoding a response yields Buffers.
      const part = chunk as Buffer;
      bytes += part.length;
      if (bytes > MAX_RESPONSE_BYTES) throw new RangeError('the answer is too long');
      chunks.push(part);
    }
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  }
  return Buffer.concat(chunks);
}

async function collect(body: AsyncIterableIterator<Uint8Array> | undefined): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  // isomorphic-git also passes plain arrays here, whatever its types say.
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(content: Uint8Array): AsyncIterableIterator<Uint8Array> {
  yield content;
}
