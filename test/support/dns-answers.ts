import { type Answer, AUTHORITATIVE_ANSWER, encode } from 'dns-packet';
import { DnsError } from '../../src/solvers/dns/dns-error.ts';
import { parseDnsMessage, RECORD_TYPES, type RecordType } from '../../src/solvers/dns/message.ts';
import type { DnsServer } from '../../src/solvers/dns/nameserver.ts';
import { type DnsTransport, noAnswer, readAnswer } from '../../src/solvers/dns/transport.ts';

const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

/** What a scripted server says. */
export interface ScriptedAnswer {
  readonly rcode?: keyof typeof RCODES;
  /** Defaults to true. */
  readonly isAuthoritative?: boolean;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
}

export interface Question {
  readonly name: string;
  readonly type: RecordType;
}

/** An answer to a query in wire format, made by dns-packet and not by the code under test. */
export function encodeAnswer(query: Buffer, said: ScriptedAnswer): Buffer {
  const { id } = parseDnsMessage(query);
  const { name, type } = questionOf(query);
  return encode({
    type: 'response',
    id,
    flags: (said.isAuthoritative === false ? 0 : AUTHORITATIVE_ANSWER) | RCODES[said.rcode ?? 'NOERROR'],
    questions: [{ name, type }],
    answers: [...(said.answers ?? [])],
    authorities: [...(said.authorities ?? [])],
  });
}

export function questionOf(query: Buffer): Question {
  const { question } = parseDnsMessage(query);
  const type = (Object.keys(RECORD_TYPES) as RecordType[]).find(
    (name) => RECORD_TYPES[name] === question?.type,
  );
  if (question === undefined || type === undefined) throw new Error('no question that is known');
  return { name: question.name, type };
}

/** DNS without a network: `say` answers for every server; an error code means that nothing comes back. */
export function scriptedTransport(
  say: (server: DnsServer, question: Question) => ScriptedAnswer | { readonly errno: string | undefined },
): DnsTransport {
  return {
    exchange: async (server, message, _options, signal) => {
      signal.throwIfAborted();
      const said = say(server, questionOf(message));
      if ('errno' in said) {
        const cause = Object.assign(new Error(said.errno ?? 'silence'), { code: said.errno });
        throw noAnswer(server, cause.message, cause);
      }
      return readAnswer(message, encodeAnswer(message, said));
    },
    exchangeHttps: () => Promise.reject(new DnsError('solvers.dns-no-answer', { what: 'no HTTPS here' })),
  };
}
