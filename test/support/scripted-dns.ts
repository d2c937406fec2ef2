import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import type { Answer } from 'dns-packet';
import { parseDnsMessage } from '../../src/solvers/dns/message.ts';
import { isWithin, readName } from '../../src/solvers/dns/name.ts';
import { encodeAnswer, type Question, questionOf, type ScriptedAnswer } from './dns-answers.ts';

const OPCODE_UPDATE = 5;
const RCODE_REFUSED = 5;
const CLASS_NONE = 254;
const TYPE_TXT = 16;
const TTL_SECONDS = 60;

/** How the server is with one zone; changed while it runs. */
export interface ScriptedZone {
  /** Nothing about the zone is answered. */
  isSilent?: boolean;
  /** Updates are taken and nobody is shown what they brought. */
  isHidden?: boolean;
  /** How many removals are refused. */
  refusedRemovals?: number;
}

export interface ScriptedDns {
  /** `127.0.0.1:port`, over UDP. */
  readonly address: string;
  readonly zones: Readonly<Record<string, ScriptedZone>>;
  /** TXT values that are there, shown or not, by name. */
  txt(): Readonly<Record<string, readonly string[]>>;
  /** How many messages came. */
  messages(): number;
  stop(): Promise<void>;
}

/**
 * A server for zones whose TXT records anybody may change (RFC 2136) and that misbehaves as it is told; where a real
 * one cannot be made to. Each zone names `ns1.<zone>` at 127.0.0.1 as its only server.
 */
export async function startScriptedDns(zones: Readonly<Record<string, ScriptedZone>>): Promise<ScriptedDns> {
  const values = new Map<string, Set<string>>();
  let messages = 0;
  const socket = createSocket('udp4');
  socket.on('message', (message, from: RemoteInfo) => {
    messages += 1;
    const { question, opcode } = parseDnsMessage(message);
    const zone = Object.keys(zones).find((name) => isWithin(question?.name ?? '', name)) ?? '';
    const manner = zones[zone];
    if (manner?.isSilent === true) return;
    const answer =
      opcode === OPCODE_UPDATE
        ? takeUpdate(message, manner, values)
        : encodeAnswer(message, say(questionOf(message), zone, manner, values));
    socket.send(answer, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    zones,
    txt: () => Object.fromEntries([...values].map(([name, texts]) => [name, [...texts]])),
    messages: () => messages,
    stop: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

function say(
  { name, type }: Question,
  zone: string,
  manner: ScriptedZone | undefined,
  values: ReadonlyMap<string, ReadonlySet<string>>,
): ScriptedAnswer {
  if (manner === undefined) return { rcode: 'REFUSED', isAuthoritative: false };
  const data = { mname: `ns1.${zone}`, rname: `hostmaster.${zone}`, serial: 1, minimum: 1 };
  const soa: Answer = { type: 'SOA', name: zone, ttl: TTL_SECONDS, data };
  const texts = manner.isHidden === true ? [] : [...(values.get(name) ?? [])];
  const server = `ns1.${zone}`;
  if (type === 'TXT' && texts.length > 0) {
    return { answers: texts.map((data) => ({ type: 'TXT', name, ttl: TTL_SECONDS, data })) };
  }
  if (name === zone && type === 'SOA') return { answers: [soa] };
  if (name === zone && type === 'NS') {
    return { answers: [{ type: 'NS', name, ttl: TTL_SECONDS, data: server }] };
  }
  if (name === server) {
    return type === 'A'
      ? { answers: [{ type: 'A', name, ttl: TTL_SECONDS, data: '127.0.0.1' }] }
      : { authorities: [soa] };
  }
  return { rcode: name === zone || texts.length > 0 ? 'NOERROR' : 'NXDOMAIN', authorities: [soa] };
}

/** Carries out the one change of an UPDATE as certops writes it: nothing in it is compressed. */
function takeUpdate(
  message: Buffer,
  manner: ScriptedZone | undefined,
  values: Map<string, Set<string>>,
): Buffer {
  const answer = Buffer.alloc(12);
  message.copy(answer, 0, 0, 4);
  answer.writeUInt16BE((message.readUInt16BE(2) & 0x7800) | 0x8000, 2);
  const refuse = (): Buffer => {
    answer.writeUInt16BE(answer.readUInt16BE(2) | RCODE_REFUSED, 2);
    return answer;
  };
  if (manner === undefined) return refuse();
  let at = readName(message, 12).end + 4;
  for (let left = message.readUInt16BE(6); left > 0; left -= 1) at = recordAt(message, at).end;
  const { name, type, recordClass, data } = recordAt(message, at);
  if (type !== TYPE_TXT) return refuse();
  const value = data.subarray(1).toString('latin1');
  const texts = values.get(name) ?? new Set<string>();
  if (recordClass !== CLASS_NONE) {
    values.set(name, texts.add(value));
    return answer;
  }
  if ((manner.refusedRemovals ?? 0) > 0) {
    manner.refusedRemovals = (manner.refusedRemovals ?? 0) - 1;
    return refuse();
  }
  texts.delete(value);
  if (texts.size === 0) values.delete(name);
  return answer;
}

function recordAt(message: Buffer, at: number) {
  const { name, end: fixed } = readName(message, at);
  const end = fixed + 10 + message.readUInt16BE(fixed + 8);
  return {
    ...{ name, end, type: message.readUInt16BE(fixed), recordClass: message.readUInt16BE(fixed + 2) },
    data: message.subarray(fixed + 10, end),
  };
}
