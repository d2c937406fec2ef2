import { randomInt } from 'node:crypto';
import type { Rfc2136Provider } from '../../api/issuer.ts';
import type { Clock } from '../../lib/clock.ts';
import { InternalError } from '../../lib/errors.ts';
import type { Sensitive } from '../../lib/sensitive.ts';
import { DnsError, quoted } from '../dns/dns-error.ts';
import { encodeQuery } from '../dns/message.ts';
import { type DnsName, parentOf, parseDnsName } from '../dns/name.ts';
import {
  type DnsServer,
  locate,
  type Nameserver,
  parseNameserver,
  type ReachableAddresses,
} from '../dns/nameserver.ts';
import { zoneIn, zoneNotFound } from '../dns/resolver.ts';
import type { DnsAnswer, DnsTransport } from '../dns/transport.ts';
import { signMessage, type TsigKey, verifyMessage } from '../dns/tsig.ts';
import { encodeTxtUpdate } from '../dns/update.ts';
import { tsigFailure, unverified, updateFailure } from './update-failure.ts';

const TIMEOUT_MS = 4_000;
const TRIES = 3;
/** cert-manager's. */
const TTL_SECONDS = 60;

export interface Rfc2136Options {
  readonly provider: Rfc2136Provider;
  /** The Secret's value, base64 text as in cert-manager; present where the provider has `tsig`. */
  readonly tsigSecret?: Sensitive<Buffer> | undefined;
  readonly transport: DnsTransport;
  readonly reachable: ReachableAddresses;
  readonly clock: Clock;
}

/**
 * A zone's primary server, written to by UPDATE (RFC 2136), signed with TSIG (RFC 8945) where there is a key.
 * Methods throw `solvers.dns-…`, `solvers.tsig-…` and the signal's reason.
 */
export class Rfc2136Server {
  readonly #options: Rfc2136Options;
  readonly #nameserver: Nameserver & { readonly kind: 'host' };
  readonly #key: TsigKey | undefined;

  /** Throws `solvers.dns-bad-nameserver`, `solvers.dns-bad-name` and `solvers.tsig-bad-secret`. */
  constructor(options: Rfc2136Options) {
    this.#options = options;
    const nameserver = parseNameserver(options.provider.nameserver);
    // The schema takes no URL here.
    if (nameserver.kind !== 'host') throw new InternalError('an rfc2136 name server is a URL');
    this.#nameserver = nameserver;
    this.#key = readKey(options);
  }

  /** The addresses it is asked at. */
  servers(): Promise<readonly [DnsServer, ...DnsServer[]]> {
    return locate(this.#nameserver, this.#options.reachable);
  }

  /** Adds one value beside those that are there. Adding what is there already changes nothing (section 3.4.2.2). */
  addTxt(name: DnsName, value: string, signal: AbortSignal): Promise<void> {
    return this.#update(name, value, 'add', signal);
  }

  /** Removes exactly this value; removing what is not there is no error (section 3.4.2.4). */
  removeTxt(name: DnsName, value: string, signal: AbortSignal): Promise<void> {
    return this.#update(name, value, 'remove', signal);
  }

  async #update(name: DnsName, value: string, action: 'add' | 'remove', signal: AbortSignal): Promise<void> {
    const zone = await this.#zoneOf(name, signal);
    const id = randomInt(65_536);
    const update = encodeTxtUpdate({ id, zone, name, value, action, ttlSeconds: TTL_SECONDS });
    const { message } = await this.#send(update, signal);
    if (message.rcode !== 'NOERROR') {
      throw updateFailure(
        { name, zone, server: this.#label, isSigned: this.#key !== undefined },
        message.rcode,
      );
    }
  }

  /**
   * The zone is what the server itself says it serves, from the name upwards: a delegated part of a zone is a
   * zone of its own.
   */
  async #zoneOf(name: DnsName, signal: AbortSignal): Promise<DnsName> {
    const told: string[] = [];
    for (let at: DnsName | undefined = name; at !== undefined && at !== ''; at = parentOf(at)) {
      const query = encodeQuery({ id: randomInt(65_536), name: at, type: 'SOA', isRecursive: false });
      const { message } = await this.#send(query, signal);
      const zone = message.isAuthoritative ? zoneIn(message, at) : undefined;
      if (zone !== undefined && zone !== '') return zone;
      const cut = message.authorities.find(({ type }) => type === 'NS');
      if (message.rcode === 'NOERROR' && !message.isAuthoritative && cut !== undefined && cut.name !== '') {
        throw delegatedAway(name, cut.name, this.#label, cut.value);
      }
      told.push(`${at}: ${message.rcode}`);
    }
    throw zoneNotFound(name, `${this.#label} serves no zone above it (${quoted(told.join(', '))})`);
  }

  /** Tries the server's addresses one after the other. */
  async #send(message: Buffer, signal: AbortSignal): Promise<DnsAnswer> {
    const servers = await this.servers();
    let failure: unknown;
    for (const server of servers) {
      try {
        return await this.#sendTo(server, message, signal);
      } catch (thrown) {
        if (!(thrown instanceof DnsError) || thrown.code !== 'solvers.dns-no-answer') throw thrown;
        failure ??= thrown;
      }
    }
    throw failure;
  }

  async #sendTo(server: DnsServer, message: Buffer, signal: AbortSignal): Promise<DnsAnswer> {
    const { transport, provider, clock } = this.#options;
    const options = { protocol: provider.protocol, timeoutMs: TIMEOUT_MS, tries: TRIES };
    const key = this.#key;
    if (key === undefined) return transport.exchange(server, message, options, signal);
    const nowSeconds = (): number => Math.floor(clock.realNow().getTime() / 1000);
    const signed = signMessage(message, key, nowSeconds());
    const answer = await transport.exchange(server, signed.bytes, options, signal);
    const { tsig, rcode } = answer.message;
    if (tsig !== undefined && tsig.error !== 0) throw tsigFailure(tsig, this.#label, key, nowSeconds());
    const verdict = verifyMessage(answer.bytes, tsig, key, signed.mac, nowSeconds());
    // Servers may refuse before they look at the signature, and then have nothing to sign with. Believing a
    // refusal costs a new attempt at most.
    const isPlainRefusal = verdict === 'unsigned' && rcode !== 'NOERROR';
    if (verdict !== 'valid' && !isPlainRefusal) throw unverified(verdict, this.#label);
    return answer;
  }

  get #label(): string {
    return `${this.#nameserver.host}:${this.#nameserver.port}`;
  }
}

function readKey({ provider: { tsig }, tsigSecret }: Rfc2136Options): TsigKey | undefined {
  if (tsig === undefined) return undefined;
  if (tsigSecret === undefined) throw new InternalError('a TSIG key without its secret');
  return {
    name: parseDnsName(tsig.keyName),
    algorithm: tsig.algorithm,
    secret: tsigSecret.map((bytes) => decodeSecret(bytes, `${tsig.secretRef.name}/${tsig.secretRef.key}`)),
  };
}

/** cert-manager hands the Secret's value to its DNS library as base64 text, as it stands in a BIND key file. */
function decodeSecret(bytes: Buffer, where: string): Buffer {
  const text = bytes.toString('latin1').trim();
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0;
  if (isBase64) return Buffer.from(text, 'base64');
  throw new DnsError(
    'solvers.tsig-bad-secret',
    {
      what: `The TSIG secret in ${where} is not base64`,
      why: 'As in cert-manager, the value is the base64 text that stands in the key file of the name server',
      next: 'Put that text into the Secret (under stringData, or once more base64-encoded under data)',
    },
    { retry: { when: 'never' } },
  );
}

function delegatedAway(name: DnsName, zone: DnsName, server: string, to: string): DnsError {
  return new DnsError(
    'solvers.dns-zone-elsewhere',
    {
      what: `${server} does not serve ${quoted(zone)}, where ${quoted(name)} lies`,
      why: `It delegates that zone to ${quoted(to)}`,
      next: 'Name the primary server of that zone in dns01.rfc2136.nameserver',
    },
    { data: { name, zone } },
  );
}
