import type { IncomingHttpHeaders } from 'node:http';

/** A request that was read to its end, within the bounds of its route. */
export interface ReceivedRequest {
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** As it came; empty for GET. */
  readonly body: Uint8Array;
}

/** A short text. Nothing of the request may stand in it. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** One path, which is compared as a whole: a query makes it another one. */
export interface Route {
  readonly path: string;
  /** GET answers HEAD too. */
  readonly method: 'GET' | 'POST';
  handle(request: ReceivedRequest): Reply | Promise<Reply>;
}
