import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RawRequest } from './context.ts';
import type { Verdict } from './front-desk.ts';

const DRIP_MS = 100;
const ENDLESS_CHUNK = 'x'.repeat(65_536);
const MAX_BODY_BYTES = 1024 * 1024;

/** Reads a request whole. */
export async function receive(request: IncomingMessage): Promise<RawRequest> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('a request of more than 1 MiB');
    chunks.push(chunk);
  }
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    contentType: request.headers['content-type'],
    userAgent: request.headers['user-agent'],
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

/** Sends an answer, well or badly. */
export function send(response: ServerResponse, { reply, transport }: Verdict): void {
  const { status, headers = {}, body = '' } = reply;
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  if (transport === 'hang') return;
  if (transport === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  for (const [name, value] of Object.entries(headers)) {
    response.setHeader(name, typeof value === 'string' ? value : [...value]);
  }
  response.statusCode = status;
  if (transport === 'endless-body') {
    const more = (): void => {
      if (!response.destroyed) response.write(ENDLESS_CHUNK, more);
    };
    more();
    return;
  }
  response.setHeader('Content-Length', bytes.length);
  if (transport === 'half-body') {
    response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => response.destroy());
    return;
  }
  if (transport === 'slow-drip') {
    let at = 0;
    const drip = setInterval(() => {
      response.write(bytes.subarray(at, at + 1));
      at += 1;
      if (at < bytes.length) return;
      clearInterval(drip);
      response.end();
    }, DRIP_MS);
    response.on('close', () => clearInterval(drip));
    return;
  }
  response.end(bytes);
}
