import { createSocket } from 'node:dgram';
import { setMaxListeners } from 'node:events';
import { connect, isIP } from 'node:net';
import { DnsError } from './dns-error.ts';
import { askOverHttps } from './https-exchange.ts';
import { type DnsMessage, parseDnsMessage } from './message.ts';
import { type DnsServer, formatServer, type ReachableAddresses } from './nameserver.ts';

/**
 * How many messages are under way to one server at once, each with a socket of its own. BIND drops updates over
 * a quota of 100, and what a full buffer drops is missed only after a time-out.
 */
const MAX_EXCHANGES = 24;

/** An answer: what was read, and the bytes that a signature covers. */
export interface DnsAnswer {
  readonly message: DnsMessage;
  readonly bytes: Buffer;
}

export interface ExchangeOptions {
  readonly protocol: 'UDP' | 'TCP';
  /** For each try. */
  readonly timeoutMs: number;
  /** Tries over UDP, where a lost packet means nothing; 1 where the caller asks again anyway. */
  readonly tries: number;
}

/**
 * Brings a message to a server and its answer back. Throws `solvers.dns-no-answer` (with `errno` where the
 * connection failed at once), `solvers.dns-bad-answer`, `solvers.dns-server-refused` and the signal's reason.
 */
export interface DnsTransport {
  exchange(
    server: DnsServer,
    message: Buffer,
    options: ExchangeOptions,
    signal: AbortSignal,
  ): Promise<DnsAnswer>;
  /** RFC 8484. */
  exchangeHttps(url: string, message: Buffer, timeoutMs: number, signal: AbortSignal): Promise<DnsAnswer>;
}

export interface DnsTransportOptions {
  readonly reachable: ReachableAddresses;
  /** PEM; replaces the system's trust store for DNS over HTTPS. */
  readonly trust?: string | undefined;
}

/** DNS over UDP, TCP and HTTPS. Every exchange has a port of its own, chosen by the system at random. */
export function createDnsTransport(options: DnsTransportOptions): DnsTransport {
  const slots = new ServerSlots();
  return {
    exchange: async (server, message, { protocol, timeoutMs, tries }, signal) => {
      options.reachable.require(server.label, server.address);
      return slots.run(formatServer(server), signal, async () => {
        if (protocol === 'UDP') {
          const answer = await askOverUdp(server, message, timeoutMs, tries, signal);
          if (!answer.message.isTruncated) return answer;
        }
        return askOverTcp(server, message, timeoutMs, signal);
      });
    },
    exchangeHttps: (url, message, timeoutMs, signal) =>
      slots.run(url, signal, async () => {
        const bytes = await askOverHttps({ url, message, timeoutMs, ...options }, signal);
        return readAnswer(message, bytes);
      }),
  };
}

/**
 * Whether a message answers this very one: same id, same opcode, same question (RFC 5452, section 9.1). An
 * error may leave the question out.
 */
function isAnswerTo(request: Buffer, answer: DnsMessage): boolean {
  const asked = parseDnsMessage(request);
  if (!answer.isResponse || answer.id !== asked.id || answer.opcode !== asked.opcode) return false;
  if (answer.question === undefined) return answer.rcode !== 'NOERROR' || asked.opcode !== 0;
  return answer.question.name === asked.question?.name && answer.question.type === asked.question.type;
}

/** Throws `solvers.dns-bad-answer`. */
export function readAnswer(request: Buffer, bytes: Buffer): DnsAnswer {
  const message = parseDnsMessage(bytes);
  if (!isAnswerTo(request, message)) {
    throw new DnsError('solvers.dns-bad-answer', {
      what: 'A DNS server answered another question than the one asked',
    });
  }
  return { message, bytes };
}

async function askOverUdp(
  server: DnsServer,
  message: Buffer,
  timeoutMs: number,
  tries: number,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  for (let left = tries; ; left -= 1) {
    try {
      return await sendOverUdp(server, message, timeoutMs, signal);
    } catch (thrown) {
      const isSilence = thrown instanceof DnsError && thrown.code === 'solvers.dns-no-answer';
      if (!isSilence || left <= 1) throw thrown;
    }
  }
}

/** What is no answer to the question is passed over, so that nobody can end the wait by guessing. */
function sendOverUdp(
  server: DnsServer,
  message: Buffer,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIP(server.address) === 6 ? 'udp6' : 'udp4');
    let ignored = 0;
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      // A late error must not become an uncaught one.
      socket.on('error', () => {});
      socket.close();
      settle();
    };
    const onAbort = (): void => finish(() => reject(signal.reason));
    const timer = setTimeout(
      () => finish(() => reject(noAnswer(server, silence(timeoutMs, ignored)))),
      timeoutMs,
    );
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (cause) => finish(() => reject(noAnswer(server, cause.message, cause))));
    socket.on('message', (bytes) => {
      try {
        const answer = readAnswer(message, bytes);
        finish(() => resolve(answer));
      } catch {
        ignored += 1;
      }
    });
    // Connected, so that the kernel takes packets of this server alone.
    socket.on('connect', () => socket.send(message));
    socket.connect(server.port, server.address);
  });
}

/** RFC 1035, section 4.2.2: two bytes of length before each message. */
function askOverTcp(
  server: DnsServer,
  message: Buffer,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port });
    let received: Buffer = Buffer.alloc(0);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.destroy();
      settle();
    };
    const onAbort = (): void => finish(() => reject(signal.reason));
    const timer = setTimeout(() => finish(() => reject(noAnswer(server, silence(timeoutMs, 0)))), timeoutMs);
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (cause) => finish(() => reject(noAnswer(server, cause.message, cause))));
    socket.on('close', () => finish(() => reject(noAnswer(server, 'it closed the connection'))));
    socket.on('connect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      socket.write(Buffer.concat([length, message]));
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const bytes = received.subarray(2, 2 + received.readUInt16BE(0));
      finish(() => {
        try {
          resolve(readAnswer(message, bytes));
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  });
}

function silence(timeoutMs: number, ignored: number): string {
  const waited = `it did not answer within ${timeoutMs / 1000} s`;
  return ignored === 0 ? waited : `${waited} (${ignored} packets that fitted no question came)`;
}

/** `solvers.dns-no-answer`. */
export function noAnswer(server: DnsServer, why: string, cause?: NodeJS.ErrnoException): DnsError {
  const where = formatServer(server);
  return new DnsError(
    'solvers.dns-no-answer',
    {
      what: `The name server ${server.label === where ? where : `${server.label} (${where})`} gave no answer`,
      why,
      next: 'Check that certops can reach it over UDP and TCP; it is tried again by itself',
    },
    { data: { server: where }, ...(cause === undefined ? {} : { cause, errno: cause.code }) },
  );
}

interface Slots {
  free: number;
  readonly waiting: (() => void)[];
}

/** Turns at each server, so that a silent one holds up nobody else. */
class ServerSlots {
  readonly #servers = new Map<string, Slots>();

  async run<T>(server: string, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    // One signal ends everything that is under way, so many listeners are no leak.
    setMaxListeners(0, signal);
    const slots = this.#servers.get(server) ?? { free: MAX_EXCHANGES, waiting: [] };
    this.#servers.set(server, slots);
    if (slots.free > 0) slots.free -= 1;
    else await new Promise<void>((resolve) => slots.waiting.push(resolve));
    try {
      signal.throwIfAborted();
      return await task();
    } finally {
      const next = slots.waiting.shift();
      if (next === undefined) slots.free += 1;
      else next();
      if (slots.free === MAX_EXCHANGES) this.#servers.delete(server);
    }
  }
}
