import { createHash } from 'node:crypto';
import type { Dns01SolverSpec } from '../../api/issuer.ts';
import type { Clock } from '../../lib/clock.ts';
import { deadline } from '../../lib/deadline.ts';
import { asCertopsError, type ErrorData } from '../../lib/errors.ts';
import type { HostPolicy } from '../../lib/host-policy.ts';
import type { Log } from '../../lib/log.ts';
import type { Sensitive } from '../../lib/sensitive.ts';
import { DnsError } from '../dns/dns-error.ts';
import { type DnsName, parseDnsName } from '../dns/name.ts';
import { parseNameserver, ReachableAddresses, systemNameservers } from '../dns/nameserver.ts';
import { DnsResolver } from '../dns/resolver.ts';
import { createDnsTransport, type DnsTransport } from '../dns/transport.ts';
import type { Challenge, ChallengePresenter, Presentation } from '../presenter.ts';
import { SharedRecords } from '../shared-records.ts';
import { waitUntilVisible } from './propagation.ts';
import { Rfc2136Server } from './rfc2136.ts';

/** Removing is tidiness: it must not hold up a certificate. */
const REMOVE_TIMEOUT_MS = 10_000;
const MAX_RESOLVERS = 32;
const MAX_LEFTOVERS = 1000;

export interface Dns01Options {
  /** `host:port` or https URLs of recursive resolvers; empty: the system's. */
  readonly resolvers: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  readonly hostPolicy?: HostPolicy | undefined;
  /** How long a record is looked for at the authoritative servers; defaults to 2 min. */
  readonly propagationLimitMs?: number | undefined;
  /** How long servers that say nothing are waited for; defaults to 20 s. */
  readonly silenceMs?: number | undefined;
  /** PEM; replaces the system's trust store for DNS over HTTPS. */
  readonly trust?: string | undefined;
  /** How messages travel; UDP, TCP and HTTPS unless told otherwise. */
  readonly transport?: DnsTransport | undefined;
}

/**
 * DNS-01 (RFC 8555, section 8.4) for a whole daemon: what is shown where is known in one place, so that two
 * orders that need the same value do not take it away from one another.
 */
export class Dns01 {
  readonly #options: Dns01Options;
  readonly #reachable: ReachableAddresses;
  readonly #transport: DnsTransport;
  readonly #records = new SharedRecords();
  readonly #resolvers = new Map<string, DnsResolver>();
  /** Removals that failed; tried again when one succeeds. */
  readonly #leftovers = new Map<string, (signal: AbortSignal) => Promise<void>>();
  #isSweeping = false;

  constructor(options: Dns01Options) {
    this.#options = options;
    this.#reachable = new ReachableAddresses(options.hostPolicy);
    this.#transport =
      options.transport ?? createDnsTransport({ reachable: this.#reachable, trust: options.trust });
  }

  /**
   * The presenter of one solver. `tsigSecret` is the value of the Secret that it names, absent where it names
   * none. Throws `solvers.dns-bad-nameserver`, `solvers.dns-bad-name`, `solvers.tsig-bad-secret`. Data of every error
   * name the provider, its server and its credential.
   */
  presenter(solver: Dns01SolverSpec, tsigSecret: Sensitive<Buffer> | undefined): ChallengePresenter {
    try {
      return this.#presenter(solver, tsigSecret);
    } catch (thrown) {
      throw naming(solver, thrown, { isConfiguration: true });
    }
  }

  #presenter(solver: Dns01SolverSpec, tsigSecret: Sensitive<Buffer> | undefined): ChallengePresenter {
    const { clock } = this.#options;
    const server = new Rfc2136Server({
      provider: solver.provider,
      tsigSecret,
      transport: this.#transport,
      reachable: this.#reachable,
      clock,
    });
    const resolver = this.#resolver(solver.nameservers);
    return {
      present: async (challenge, signal) => {
        try {
          return await this.#present({ solver, server, resolver }, challenge, signal);
        } catch (thrown) {
          throw naming(solver, thrown);
        }
      },
      withdraw: (challenge) =>
        this.#tidy(challenge.identifier, async (signal) => {
          const { key, name, value } = await this.#locate({ solver, server, resolver }, challenge, signal);
          await this.#records.sweep(key, () => server.removeTxt(name, value, signal));
        }),
    };
  }

  async #present(parts: SolverParts, challenge: Challenge, signal: AbortSignal): Promise<Presentation> {
    const { clock, log, propagationLimitMs, silenceMs } = this.#options;
    const { solver, server, resolver } = parts;
    const { key, name, value } = await this.#locate(parts, challenge, signal);
    await this.#records.acquire(key, () => server.addTxt(name, value, signal));
    log.debug({ identifier: challenge.identifier, name }, 'challenge presented');

    let removal: Promise<void> | undefined;
    return {
      becomeVisible: async (visibleSignal) => {
        const waitMs = solver.waitInsteadOfSelfCheckMs;
        if (waitMs !== undefined) return clock.sleep(waitMs, visibleSignal);
        const options = {
          resolver,
          transport: this.#transport,
          clock,
          log,
          limitMs: propagationLimitMs,
          silenceMs,
        };
        try {
          const record = { name, value, writtenTo: await server.servers() };
          return await waitUntilVisible(record, options, visibleSignal);
        } catch (thrown) {
          throw naming(solver, thrown);
        }
      },
      remove: () => {
        const removeTxt = (removeSignal: AbortSignal) => server.removeTxt(name, value, removeSignal);
        removal ??= this.#tidy(
          challenge.identifier,
          (removeSignal) => this.#records.release(key, () => removeTxt(removeSignal)),
          () => this.#keepLeftover(key, removeTxt),
        );
        return removal;
      },
    };
  }

  async #locate(
    { solver, resolver }: SolverParts,
    { identifier, keyAuthorization }: Challenge,
    signal: AbortSignal,
  ): Promise<{ readonly key: string; readonly name: DnsName; readonly value: string }> {
    const own = parseDnsName(`_acme-challenge.${identifier}`);
    const name = solver.cnameStrategy === 'Follow' ? await resolver.followCnames(own, signal) : own;
    const value = txtValue(keyAuthorization);
    return { key: `${solver.provider.nameserver} ${name} ${value}`, name, value };
  }

  /** What is left behind is said and does no harm: the value proves nothing any more. */
  async #tidy(
    identifier: string,
    task: (signal: AbortSignal) => Promise<void>,
    onFailure: () => void = () => {},
  ): Promise<void> {
    try {
      await task(deadline(REMOVE_TIMEOUT_MS));
      void this.#sweepLeftovers();
    } catch (thrown) {
      const fields = asCertopsError(thrown).logFields();
      this.#options.log.warn({ identifier, ...fields }, 'a challenge record could not be removed');
      onFailure();
    }
  }

  #keepLeftover(key: string, removeTxt: (signal: AbortSignal) => Promise<void>): void {
    if (this.#leftovers.size >= MAX_LEFTOVERS) return;
    this.#leftovers.set(key, (signal) => this.#records.sweep(key, () => removeTxt(signal)));
  }

  /** DNS answers again, so what it would not remove before may go now. Never rejects. */
  async #sweepLeftovers(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    const signal = deadline(REMOVE_TIMEOUT_MS);
    for (const [key, sweep] of [...this.#leftovers]) {
      try {
        await sweep(signal);
        this.#leftovers.delete(key);
      } catch {
        // Said when it failed first; the next success tries again.
        if (signal.aborted) break;
      }
    }
    this.#isSweeping = false;
  }

  #resolver(nameservers: readonly string[]): DnsResolver {
    const texts = nameservers.length > 0 ? nameservers : this.#options.resolvers;
    const key = texts.join(' ');
    const known = this.#resolvers.get(key);
    if (known !== undefined) return known;
    const made = new DnsResolver({
      nameservers: texts.length > 0 ? texts.map(parseNameserver) : systemNameservers(),
      transport: this.#transport,
      reachable: this.#reachable,
      clock: this.#options.clock,
    });
    if (this.#resolvers.size >= MAX_RESOLVERS) this.#resolvers.clear();
    this.#resolvers.set(key, made);
    return made;
  }
}

interface SolverParts {
  readonly solver: Dns01SolverSpec;
  readonly server: Rfc2136Server;
  readonly resolver: DnsResolver;
}

/** An error of a solver with what says which it is. */
function naming({ provider }: Dns01SolverSpec, thrown: unknown, data: ErrorData = {}): unknown {
  if (!(thrown instanceof DnsError)) return thrown;
  const { secretRef } = provider.tsig ?? {};
  return thrown.with({
    ...data,
    provider: provider.type,
    nameserver: provider.nameserver,
    ...(secretRef === undefined ? {} : { credentialName: secretRef.name, credentialKey: secretRef.key }),
  });
}

/** What stands in the TXT record (RFC 8555, section 8.4). */
export function txtValue(keyAuthorization: string): string {
  return createHash('sha256').update(keyAuthorization).digest('base64url');
}
