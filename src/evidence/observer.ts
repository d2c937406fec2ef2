import { isIP } from 'node:net';
import type { Observation } from '../diagnosis/failure.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import { createForbiddenAddresses } from '../lib/host-policy.ts';
import { Slots } from '../lib/slots.ts';
import { Authorities } from '../solvers/dns/authorities.ts';
import { parseDnsName } from '../solvers/dns/name.ts';
import { parseNameserver, ReachableAddresses, systemNameservers } from '../solvers/dns/nameserver.ts';
import { DnsResolver } from '../solvers/dns/resolver.ts';
import { createDnsTransport } from '../solvers/dns/transport.ts';
import { txtValue } from '../solvers/dns01/dns01.ts';
import { type FoundAddresses, findAddresses } from './address-look.ts';
import { lookForCaa } from './caa-look.ts';
import type { Draft } from './draft.ts';
import { lookByHttp } from './http-look.ts';
import { createInsideAddresses } from './network-place.ts';
import type { ObservedCa, ObservedName, Observer, ObserverOptions } from './observed.ts';
import { type Cleaner, createCleaner } from './redaction.ts';
import { lookAtServed } from './served-look.ts';
import { isTimeout, timeBox } from './time-box.ts';
import { lookForTxt } from './txt-look.ts';
import type { DnsEyes } from './zone-sight.ts';

const TOTAL_TIMEOUT_MS = 9_000;
const LOOK_TIMEOUT_MS = 3_000;
const MAX_NAMES = 10;
const MAX_LOOKS_OF_A_CALL = 4;
const MAX_LOOKS = 10;
/** So many failures at once have few causes: who comes later goes on without evidence instead of waiting for it. */
const MAX_CALLS = 16;

/** An observer for a whole daemon. Throws `solvers.dns-bad-nameserver`. */
export function createObserver(options: ObserverOptions): Observer {
  return new NetworkObserver(options);
}

/** One look that is to be made. */
interface Look {
  readonly kind: Observation['kind'];
  readonly identifier: string;
  /** For an observation that the look itself could not make. */
  readonly asked: string;
  /** What it comes to when the time is up. */
  readonly lateFinding: 'unknown' | 'unreachable';
  /** What it needs the addresses of; their time is not the look's. Where there are none there is nothing to see. */
  readonly host?: string;
  readonly run: (signal: AbortSignal, addresses: readonly string[]) => Promise<readonly Draft[]>;
}

/** What the looks of one call share. */
interface Call {
  readonly ca: ObservedCa;
  readonly clean: Cleaner;
  /** Each name is asked for once in a call. Throws `CertopsError` and a `TimeoutError`. */
  readonly addresses: (host: string) => Promise<FoundAddresses>;
}

class NetworkObserver implements Observer {
  readonly #options: ObserverOptions;
  readonly #clock: Clock;
  readonly #eyes: DnsEyes;
  readonly #timeoutMs: number;
  readonly #slots = new Slots(MAX_LOOKS);
  readonly #isForbidden = createForbiddenAddresses();
  readonly #isInside = createInsideAddresses();
  #calls = 0;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock();
    this.#timeoutMs = options.timeoutMs ?? LOOK_TIMEOUT_MS;
    const { resolvers } = options;
    const nameservers = resolvers.length > 0 ? resolvers.map(parseNameserver) : systemNameservers();
    const reachable = new ReachableAddresses(options.hostPolicy);
    const transport = options.transport ?? createDnsTransport({ reachable });
    const resolver = new DnsResolver({ nameservers, transport, reachable, clock: this.#clock });
    const known = resolvers.length > 0 ? nameservers : [];
    this.#eyes = { resolver, authorities: new Authorities({ resolver, transport, known }) };
  }

  async observe(
    names: readonly ObservedName[],
    ca: ObservedCa,
    signal: AbortSignal,
  ): Promise<readonly Observation[]> {
    const { log, maxNames = MAX_NAMES, totalTimeoutMs = TOTAL_TIMEOUT_MS } = this.#options;
    if (signal.aborted || names.length === 0) return [];
    if (this.#calls >= MAX_CALLS) {
      log.debug({ names: names.length }, 'too many validations fail at once to look into each');
      return [];
    }
    this.#calls += 1;
    const startMs = this.#clock.monotonicMs();
    const seen: Observation[][] = [];
    try {
      await timeBox(totalTimeoutMs, signal, (total) =>
        this.#lookAtAll(names.slice(0, maxNames), ca, seen, total),
      );
    } catch {
      // Its time was up, or the process ends: what was seen by then is told.
    } finally {
      this.#calls -= 1;
    }
    const observations = seen.flat();
    const elapsedMs = Math.round(this.#clock.monotonicMs() - startMs);
    log.debug(
      { names: names.length, observations: observations.length, elapsedMs },
      'looked at failed names',
    );
    return observations;
  }

  /** Fills `seen` with the observations of each look, in the order of the names. */
  async #lookAtAll(
    names: readonly ObservedName[],
    ca: ObservedCa,
    seen: Observation[][],
    signal: AbortSignal,
  ): Promise<void> {
    const call = this.#newCall(names, ca, signal);
    const looks = names.map((name) => this.#looksAt(name, call));
    const places = looks.flatMap((ofName, name) => ofName.map((look, rank) => ({ look, name, rank })));
    // Where time is short every name gets its most telling look before any gets its second.
    const inOrder = places.map((place, index) => ({ ...place, index }));
    inOrder.sort((one, other) => one.rank - other.rank || one.name - other.name);
    const slots = new Slots(MAX_LOOKS_OF_A_CALL);
    await Promise.allSettled(
      inOrder.map(({ look, index }) =>
        slots.run(signal, () =>
          this.#slots.run(signal, async () => {
            seen[index] = await this.#look(look, call, signal);
          }),
        ),
      ),
    );
  }

  #newCall(names: readonly ObservedName[], ca: ObservedCa, signal: AbortSignal): Call {
    const found = new Map<string, Promise<FoundAddresses>>();
    const secrets = names.flatMap(({ challenge }) => challenge?.keyAuthorization ?? []);
    return {
      ca,
      clean: createCleaner(secrets),
      addresses: (host) => {
        const known = found.get(host);
        if (known !== undefined) return known;
        const look = timeBox(this.#timeoutMs, signal, async (lookSignal) =>
          findAddresses(parseDnsName(host), this.#eyes, this.#isInside, lookSignal),
        );
        look.catch(() => {});
        found.set(host, look);
        return look;
      },
    };
  }

  /** The most telling first. */
  #looksAt(name: ObservedName, call: Call): readonly Look[] {
    const { identifier, challengeType } = name;
    const isWildcard = identifier.startsWith('*.');
    const host = identifier.replace(/^\*\./, '');
    const isAddress = isIP(host) !== 0;
    return [
      ...(challengeType === 'dns-01' ? [this.#txtLook(name, host)] : []),
      ...(challengeType === 'http-01' ? [this.#httpLook(name, host, call)] : []),
      ...(isAddress ? [] : [this.#addressLook(name, host, call)]),
      ...(isAddress ? [] : [this.#caaLook(name, host, isWildcard, call)]),
      // No host answers for a wildcard.
      ...(isWildcard ? [] : [this.#servedLook(name, host)]),
    ];
  }

  #addressLook({ identifier, challengeType }: ObservedName, host: string, call: Call): Look {
    return {
      ...{ kind: 'dns', identifier, asked: `A, AAAA ${host}`, lateFinding: 'unknown' },
      run: async () => {
        const { drafts, isUndelegated } = await call.addresses(host);
        // DNS-01 needs no address, and not even the name: what is missing then is no evidence.
        return challengeType === 'http-01' || isUndelegated ? drafts : [];
      },
    };
  }

  #txtLook({ identifier, challenge }: ObservedName, host: string): Look {
    const asked = `TXT _acme-challenge.${host}`;
    const expected = challenge && txtValue(challenge.keyAuthorization.reveal());
    return {
      ...{ kind: 'dns', identifier, asked, lateFinding: 'unknown' },
      run: async (signal) =>
        lookForTxt(parseDnsName(`_acme-challenge.${host}`), expected, this.#eyes, signal),
    };
  }

  #caaLook(
    { identifier, challengeType }: ObservedName,
    host: string,
    isWildcard: boolean,
    { ca }: Call,
  ): Look {
    const question = { isWildcard, method: challengeType, ...ca };
    return {
      ...{ kind: 'caa', identifier, asked: `CAA ${host}`, lateFinding: 'unknown' },
      run: async (signal) => [await lookForCaa(parseDnsName(host), question, this.#eyes, signal)],
    };
  }

  #httpLook({ identifier, challenge }: ObservedName, host: string, call: Call): Look {
    const { httpPort = 80, tlsPort = 443 } = this.#options;
    const eyes = {
      ...{ httpPort, tlsPort, isAllowed: this.#isAllowed, isInside: this.#isInside, clean: call.clean },
      addressesOf: async (other: string) => (await call.addresses(other)).addresses,
    };
    const { token, keyAuthorization } = challenge ?? {};
    const asked = `GET http://${host}/.well-known/acme-challenge/…`;
    return {
      ...{ kind: 'http', identifier, asked, lateFinding: 'unreachable', host },
      run: (signal, addresses) =>
        Promise.all(
          oneOfEachFamily(addresses).map((address) =>
            lookByHttp({ host, address, token, keyAuthorization }, eyes, signal),
          ),
        ),
    };
  }

  #servedLook({ identifier, inForce }: ObservedName, host: string): Look {
    const { tlsPort: port = 443, roots } = this.#options;
    return {
      ...{ kind: 'served', identifier, asked: `TLS ${host}:${port}`, lateFinding: 'unreachable', host },
      run: (signal, addresses) => {
        const [isAllowed, now] = [this.#isAllowed, this.#clock.realNow()];
        return lookAtServed({ host, addresses, port, inForce, roots, isAllowed, now }, signal);
      },
    };
  }

  /** None where they cannot be found, which the look at the addresses tells of. */
  async #addressesOf(host: string, call: Call): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    try {
      return (await call.addresses(host)).addresses;
    } catch {
      return [];
    }
  }

  readonly #isAllowed = (host: string, address: string): boolean =>
    !this.#isForbidden(address) && (this.#options.hostPolicy?.isHostAllowed(host, address) ?? true);

  async #look(look: Look, call: Call, signal: AbortSignal): Promise<Observation[]> {
    const { kind, identifier, host } = look;
    const { clean } = call;
    const observed = ({ at, asked, found, finding }: Draft): Observation => ({
      ...{ kind, identifier, ...(at === undefined ? {} : { at }) },
      ...{ asked: clean(asked), found: clean(found), finding },
    });
    try {
      const addresses = host === undefined ? [] : await this.#addressesOf(host, call);
      if (host !== undefined && addresses.length === 0) return [];
      const drafts = await timeBox(this.#timeoutMs, signal, (own) => look.run(own, addresses));
      // What is cut short because the whole call ends was given too little time to say anything.
      return signal.aborted ? [] : drafts.map(observed);
    } catch (thrown) {
      if (signal.aborted) return [];
      const { asked, lateFinding } = look;
      if (thrown instanceof CertopsError) {
        const { what, why } = thrown.explanation;
        return [observed({ asked, found: why === undefined ? what : `${what}: ${why}`, finding: 'unknown' })];
      }
      const found = isTimeout(thrown)
        ? `no answer within ${this.#timeoutMs / 1000} s`
        : 'it could not be looked';
      return [observed({ asked, found, finding: isTimeout(thrown) ? lateFinding : 'unknown' })];
    }
  }
}

/** CAs try IPv6 first and may not fall back, so a name with both is looked at by both. */
function oneOfEachFamily(addresses: readonly string[]): readonly string[] {
  return [4, 6].flatMap((family) => addresses.find((address) => isIP(address) === family) ?? []);
}
