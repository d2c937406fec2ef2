import { randomInt } from 'node:crypto';
import { CertopsError } from '../../lib/errors.ts';
import { DnsError } from './dns-error.ts';
import { type DnsMessage, encodeQuery, type RecordType } from './message.ts';
import type { DnsName } from './name.ts';
import type { DnsServer, Nameserver } from './nameserver.ts';
import type { DnsResolver, ZoneServers } from './resolver.ts';
import type { DnsTransport } from './transport.ts';

const ASK_TIMEOUT_MS = 1_500;

/** What one of a zone's own servers says to one question. */
export type AuthorityAnswer =
  /** It answers for the zone: NOERROR or NXDOMAIN, with the authoritative bit. */
  | { readonly kind: 'word'; readonly server: DnsServer; readonly message: DnsMessage }
  /** It answers and not for the zone: lame, refusing, broken. */
  | { readonly kind: 'other'; readonly server: DnsServer; readonly rcode: string }
  /** Nothing that can be used came back; `errno` where the connection failed at once. */
  | {
      readonly kind: 'silence';
      readonly server: DnsServer;
      readonly why: string;
      readonly errno: string | undefined;
    };

export interface AuthoritiesOptions {
  readonly resolver: DnsResolver;
  readonly transport: DnsTransport;
  /** Servers with a port of their own: one that a zone names by such an address is asked at that port. */
  readonly known: readonly Nameserver[];
}

/** Asks the servers that a zone names, past every cache. Nothing that they say is believed for more than it is. */
export class Authorities {
  readonly #options: AuthoritiesOptions;

  constructor(options: AuthoritiesOptions) {
    this.#options = options;
  }

  /** The zone of a name and its servers. Throws what `DnsResolver.serversFor` throws. */
  async serversFor(name: DnsName, signal: AbortSignal): Promise<ZoneServers> {
    const found = await this.#options.resolver.serversFor(name, signal);
    return { ...found, servers: found.servers.map((server) => this.#atItsPort(server)) };
  }

  /** Each server once and over TCP where UDP does not suffice. Throws the signal's reason alone. */
  ask(
    servers: readonly DnsServer[],
    name: DnsName,
    type: RecordType,
    signal: AbortSignal,
  ): Promise<readonly AuthorityAnswer[]> {
    return Promise.all(servers.map((server) => this.#askOne(server, name, type, signal)));
  }

  async #askOne(
    server: DnsServer,
    name: DnsName,
    type: RecordType,
    signal: AbortSignal,
  ): Promise<AuthorityAnswer> {
    const query = encodeQuery({ id: randomInt(65_536), name, type, isRecursive: false });
    const options = { protocol: 'UDP', timeoutMs: ASK_TIMEOUT_MS, tries: 1 } as const;
    try {
      const { message } = await this.#options.transport.exchange(server, query, options, signal);
      const { rcode, isAuthoritative } = message;
      return isAuthoritative && (rcode === 'NOERROR' || rcode === 'NXDOMAIN')
        ? { kind: 'word', server, message }
        : { kind: 'other', server, rcode };
    } catch (thrown) {
      if (!(thrown instanceof CertopsError)) throw thrown;
      const errno = thrown instanceof DnsError ? thrown.errno : undefined;
      return { kind: 'silence', server, why: thrown.explanation.why ?? thrown.explanation.what, errno };
    }
  }

  #atItsPort(server: DnsServer): DnsServer {
    const own = this.#options.known.find((known) => known.kind === 'host' && known.host === server.address);
    return own?.kind === 'host' ? { ...server, port: own.port } : server;
  }
}
