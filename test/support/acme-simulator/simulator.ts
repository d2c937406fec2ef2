import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { Authority } from './authority.ts';
import { type Behaviour, Behaviours } from './behaviour.ts';
import { FrontDesk } from './front-desk.ts';
import {
  Journal,
  type LoggedCertificate,
  type LoggedRequest,
  type LoggedValidation,
  type SimulatorCounts,
} from './journal.ts';
import { receive, send } from './sending.ts';

/** How the CA validates. */
export interface ValidationOptions {
  /** Port of 127.0.0.1 where HTTP-01 knocks for every name that `hosts` does not list. */
  readonly httpPort?: number | undefined;
  /** Where HTTP-01 knocks for a name: `host:port`, or that the name does not exist. */
  readonly hosts?: Readonly<Record<string, string | 'nxdomain'>> | undefined;
  /** `host:port` of the DNS server that is asked for DNS-01's TXT records. */
  readonly dnsServer?: string | undefined;
  /** Succeeds without being tried. */
  readonly isAlwaysValid?: boolean | undefined;
  /** For each connection and question; default 2 s. */
  readonly timeoutMs?: number | undefined;
}

/** One entry of `meta.profiles` (draft-ietf-acme-profiles). */
export interface ProfileOptions {
  readonly description?: string;
  /** How long its certificates live; default the simulator's. */
  readonly lifetimeMs?: number;
  /** Default 100. */
  readonly maxNames?: number;
  /** Whether IP addresses may be asked for; default true. */
  readonly allowsIpAddresses?: boolean;
  /** Whether a common name is put into the certificate; default true. */
  readonly hasCommonName?: boolean;
}

export interface AcmeSimulatorOptions {
  /** Made once by `Authority.create()`, it saves many simulators the making of their certificates. */
  readonly authority?: Authority | undefined;
  /** Default `https`, with a CA of its own (`caPem`); `http` is on loopback too. */
  readonly scheme?: 'https' | 'http' | undefined;
  /** Default a free one. */
  readonly port?: number | undefined;
  readonly validation?: ValidationOptions | undefined;
  /** By name; none by default, and an order that names one is then refused (`invalidProfile`). */
  readonly profiles?: Readonly<Record<string, ProfileOptions>> | undefined;
  /** EAB MAC keys (unpadded base64url) by key ID; where there are any, newAccount wants a binding. */
  readonly externalAccountKeys?: Readonly<Record<string, string>> | undefined;
  /** How long certificates live; default 90 days. Seconds will do. */
  readonly lifetimeMs?: number | undefined;
  /** Default 7 days. */
  readonly orderLifetimeMs?: number | undefined;
  /** Whether a valid authorization serves later orders of the account; default false. */
  readonly reusesAuthorizations?: boolean | undefined;
  /** Whether an order for the same names that is still open is handed out again, as Boulder does; default true. */
  readonly reusesOrders?: boolean | undefined;
  /** Whether `notBefore` and `notAfter` are honoured; by default they are refused, as Boulder does. */
  readonly allowsNotAfter?: boolean | undefined;
  /** How many looks an order stays `processing` after finalize; default 0. */
  readonly processingLooks?: number | undefined;
  /** `meta.termsOfService` must be agreed to; default true. */
  readonly hasTerms?: boolean | undefined;
  /** Whether there is renewal information (RFC 9773); default true. */
  readonly hasRenewalInformation?: boolean | undefined;
}

/** What `renewalInfo` answers in place of two thirds of the life. */
export interface RenewalWindow {
  readonly start: Date;
  readonly end: Date;
  readonly explanationURL?: string;
  /** Seconds or an HTTP-date; default 21600, null for none. */
  readonly retryAfter?: string | null;
}

/** An ACME CA of our own; see README.md. */
export interface AcmeSimulator {
  readonly directoryUrl: string;
  readonly origin: string;
  readonly port: number;
  /** Trust anchor of its HTTPS, for `caBundle`. */
  readonly caPem: string;
  /** The root of the default chain, PEM; its CN is `Simulated Root X1`. */
  readonly rootPem: string;
  /** The root of the alternate chain, PEM; its CN is `Simulated Root X2`. */
  readonly alternateRootPem: string;
  readonly counts: SimulatorCounts;
  /** Every request so far, in order of answer. */
  readonly requests: readonly LoggedRequest[];
  readonly validations: readonly LoggedValidation[];
  readonly certificates: readonly LoggedCertificate[];
  /**
   * What the simulator refused by its own rules as a breach of the protocol: bad JWS, URL, nonce or key, no
   * User-Agent, a method or resource that is not there. Empty after a well-behaved client.
   */
  readonly violations: readonly string[];
  /** Misbehaves from now on, as the data says. */
  behave(...behaviours: readonly Behaviour[]): void;
  /** Behaves again. */
  calmDown(): void;
  /** Changes how it validates from now on; options that are not named stay. */
  validate(change: ValidationOptions): void;
  /** Suggests a window for one certificate (by its RFC 9773 identifier), or for all; `undefined` ends that. */
  suggestRenewal(certificateId: string | 'all', window: RenewalWindow | undefined): void;
  /** All accounts are gone, and the keys may register again. */
  forgetAccounts(): void;
  deactivateAccounts(): void;
  forgetOrders(): void;
  /** Ends it and its connections. */
  close(): Promise<void>;
}

/** What only a client that breaks the protocol is told. */
const BREACHES: readonly string[] = [
  'malformed',
  'badNonce',
  'badSignatureAlgorithm',
  'badPublicKey',
  'badCSR',
];

/** Starts one; resolves when it listens. Close it when the test ends. */
export async function startAcmeSimulator(options: AcmeSimulatorOptions = {}): Promise<AcmeSimulator> {
  const authority = options.authority ?? (await Authority.create());
  const behaviours = new Behaviours();
  const journal = new Journal();
  const scheme = options.scheme ?? 'https';
  const server =
    scheme === 'https'
      ? https.createServer({ cert: authority.server.certPem, key: authority.server.keyPem })
      : http.createServer();
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  // A listening TCP server's address is neither a string nor null.
  const { port } = server.address() as AddressInfo;
  const origin = `${scheme}://localhost:${port}`;
  let validation = options.validation ?? {};
  let ids = 0;
  // A CA started again must not give out the URLs of the last one.
  const prefix = randomBytes(4).toString('hex');
  const desk = new FrontDesk({
    ...{ options, origin, authority, behaviours, journal },
    get validation() {
      return validation;
    },
    nextId: () => {
      ids += 1;
      return `${prefix}${ids}`;
    },
  });
  server.on('request', (request, response) => {
    receive(request)
      .then((raw) => desk.answer(raw))
      .then((verdict) => send(response, verdict))
      // Who hung up in the middle, or sent too much, gets no answer.
      .catch(() => response.destroy());
  });
  return {
    ...{ origin, port },
    directoryUrl: `${origin}/directory`,
    caPem: authority.caPem,
    rootPem: authority.rootPem,
    alternateRootPem: authority.alternateRootPem,
    get counts() {
      return journal.counts();
    },
    requests: journal.requests,
    validations: journal.validations,
    certificates: journal.certificates,
    get violations() {
      return journal.requests
        .filter(({ isProvoked, problemType }) => !isProvoked && BREACHES.includes(problemType ?? ''))
        .map(({ method, path, problemType, detail }) => `${method} ${path}: ${problemType}: ${detail}`);
    },
    behave: (...wanted) => {
      for (const behaviour of wanted) behaviours.add(behaviour);
    },
    calmDown: () => behaviours.clear(),
    validate: (change) => {
      validation = { ...validation, ...change };
    },
    suggestRenewal: (certificateId, window) => desk.certificates.suggest(certificateId, window),
    forgetAccounts: () => desk.accounts.forgetAll(),
    deactivateAccounts: () => desk.accounts.deactivateAll(),
    forgetOrders: () => desk.orders.forgetAll(),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
