import type { IncomingMessage } from 'node:http';

/** Why a body was not read: it is too long, came too slowly, or too much is being read already. */
export type BodyFault = 'too-large' | 'too-slow' | 'too-many' | 'gone';

export interface BodyLimits {
  readonly maxBodyBytes: number;
  /** From the end of the head to the end of the body. */
  readonly bodyTimeoutMs: number;
  /** Of all bodies that are being read at one time. */
  readonly maxBufferedBytes: number;
}

/** Reads bodies within bounds: each of size and time, all together of memory. */
export class BodyReader {
  readonly #limits: BodyLimits;
  #bufferedBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** What a head that promises too much is answered with, before anything is read. */
  refusedByHead(request: IncomingMessage): BodyFault | undefined {
    const promised = Number(request.headers['content-length'] ?? 0);
    return promised > this.#limits.maxBodyBytes ? 'too-large' : undefined;
  }

  async read(request: IncomingMessage): Promise<Buffer | BodyFault> {
    const early = this.refusedByHead(request);
    if (early !== undefined) return early;
    let length = 0;
    try {
      return await new Promise<Buffer | BodyFault>((resolve) => {
        const chunks: Buffer[] = [];
        const timer = setTimeout(() => end('too-slow'), this.#limits.bodyTimeoutMs);
        const onData = (chunk: Buffer): void => {
          length += chunk.length;
          this.#bufferedBytes += chunk.length;
          if (length > this.#limits.maxBodyBytes) end('too-large');
          else if (this.#bufferedBytes > this.#limits.maxBufferedBytes) end('too-many');
          else chunks.push(chunk);
        };
        const onEnd = (): void => end(Buffer.concat(chunks));
        const onGone = (): void => end('gone');
        const end = (result: Buffer | BodyFault): void => {
          clearTimeout(timer);
          request.off('data', onData).off('end', onEnd).off('close', onGone);
          resolve(result);
        };
        request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
      });
    } finally {
      this.#bufferedBytes -= length;
    }
  }
}
