import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** What the DNS responder says about a name. */
export type NameAnswer = 'loopback' | 'nxdomain' | 'servfail' | { readonly address: string };

export interface DnsResponder {
  /** `host:port`, for Pebble's `-dnsserver`. */
  readonly address: string;
  /** Changes what is said about a name from now on. */
  set(name: string, answer: NameAnswer): void;
  /** From now on the name is a zone, with itself as the one name server. */
  setZone(name: string): void;
  stop(): Promise<void>;
}

/** A hundred validations begin at once and ask six questions each; the default drops some of them. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const TYPE_A = 1;
const TYPE_NS = 2;
const TYPE_SOA = 6;
const RCODE = { ok: 0, servfail: 2, nxdomain: 3 } as const;

/**
 * A DNS responder on loopback (RFC 1035; UDP as Pebble 2.4 asks, TCP as Pebble 2.10 does): every A question is
 * answered with 127.0.0.1 unless a name was set to something else, NS and SOA of a zone with itself, the rest with
 * nothing. So a CA validates against our own listener.
 */
export async function startDnsResponder(): Promise<DnsResponder> {
  const names = new Map<string, NameAnswer>();
  const zones = new Set<string>();
  const tcp = createServer((connection) => {
    let pending = Buffer.alloc(0);
    // A CA that hangs up in the middle is no concern of the test.
    connection.on('error', () => {});
    connection.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      // RFC 1035, section 4.2.2: two bytes of length before each message.
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const answer = answerOf(pending.subarray(2, end), names, zones);
        pending = pending.subarray(end);
        if (answer === undefined) connection.destroy();
        else
          connection.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
      }
    });
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  // A listening TCP server's address is neither a string nor null.
  const { port } = tcp.address() as AddressInfo;
  const udp: Socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  udp.on('message', (query, peer) => {
    const answer = answerOf(query, names, zones);
    if (answer !== undefined) udp.send(answer, peer.port, peer.address);
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  return {
    address: `127.0.0.1:${port}`,
    set: (name, answer) => void names.set(name.toLowerCase(), answer),
    setZone: (name) => void zones.add(name.toLowerCase()),
    stop: async () => {
      tcp.close();
      udp.close();
      await once(udp, 'close');
    },
  };
}

function answerOf(
  query: Buffer,
  names: ReadonlyMap<string, NameAnswer>,
  zones: ReadonlySet<string>,
): Buffer | undefined {
  if (query.length < 17) return undefined;
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    if (at + 1 + length >= query.length) return undefined;
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  if (at + 5 > query.length) return undefined;
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  const name = labels.join('.').toLowerCase();
  const said = names.get(name) ?? 'loopback';

  const rcode = said === 'nxdomain' ? RCODE.nxdomain : said === 'servfail' ? RCODE.servfail : RCODE.ok;
  const data = rcode === RCODE.ok ? dataOf(type, said, zones.has(name)) : undefined;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // QR and AA, with the question's RD copied (RFC 1035, section 4.1.1).
  header.writeUInt16BE(0x8400 | (query.readUInt16BE(2) & 0x0100) | rcode, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(data === undefined ? 0 : 1, 6);
  if (data === undefined) return Buffer.concat([header, question]);

  const record = Buffer.alloc(12);
  // A pointer to the name in the question, the type, class IN, a minute to live, the length of the data.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(60, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([header, question, record, data]);
}

/** The data of the one record of an answer; undefined where there is none of the type. */
function dataOf(type: number, said: NameAnswer, isZone: boolean): Buffer | undefined {
  // The label `ns`, below the name in the question.
  const nameServer = Buffer.from([2, 0x6e, 0x73, 0xc0, 0x0c]);
  if (type === TYPE_A) {
    const address = typeof said === 'object' ? said.address : '127.0.0.1';
    return Buffer.from(address.split('.').map(Number));
  }
  if (!isZone) return undefined;
  if (type === TYPE_NS) return nameServer;
  // Primary, mailbox, then serial, refresh, retry, expire and minimum (RFC 1035, section 3.3.13).
  return type === TYPE_SOA ? Buffer.concat([nameServer, nameServer, Buffer.alloc(20, 1)]) : undefined;
}
