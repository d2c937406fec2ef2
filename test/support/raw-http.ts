import { connect, type Socket } from 'node:net';

/** A connection by hand, for what no client would send. */
export interface RawConnection {
  readonly socket: Socket;
  send(text: string | Uint8Array): void;
  /** Everything that came until the other side closed. */
  readonly ended: Promise<string>;
  /** Resolves with what came so far as soon as that matches. */
  until(pattern: RegExp): Promise<string>;
}

export async function rawConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1' });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let text = '';
  let check = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    check();
  });
  // A reset is an end as well.
  socket.on('error', () => {});
  return {
    socket,
    send: (data) => {
      if (socket.writable) socket.write(data);
    },
    ended: new Promise((resolve) => socket.once('close', () => resolve(text))),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        check = () => {
          if (pattern.test(text)) resolve(text);
        };
        socket.once('close', () => reject(new Error(`closed after: ${text.slice(0, 200)}`)));
        check();
      }),
  };
}
