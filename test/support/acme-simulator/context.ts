import type { KeyObject } from 'node:crypto';
import type { Authority } from './authority.ts';
import type { Behaviours } from './behaviour.ts';
import type { Journal } from './journal.ts';
import type { AcmeSimulatorOptions, ValidationOptions } from './simulator.ts';

/** What the parts of the CA share. */
export interface CaContext {
  readonly options: AcmeSimulatorOptions;
  /** `https://localhost:<port>`, known once it listens. */
  readonly origin: string;
  readonly authority: Authority;
  readonly behaviours: Behaviours;
  readonly journal: Journal;
  readonly validation: ValidationOptions;
  /** A new identifier for a resource; none comes twice, in no simulator. */
  nextId(): string;
}

/** RFC 8555, section 9.7.7 and RFC 8738; a wildcard is a `dns` identifier `*.…`. */
export interface Identifier {
  readonly type: 'dns' | 'ip';
  readonly value: string;
}

export interface Account {
  readonly id: string;
  readonly url: string;
  key: KeyObject;
  /** RFC 7638 thumbprint of `key`. */
  thumbprint: string;
  contact: readonly string[];
  status: 'valid' | 'deactivated';
}

/** A request as it came in. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly contentType: string | undefined;
  readonly userAgent: string | undefined;
  readonly body: string;
}

/** A request whose JWS was verified. */
export interface SignedRequest {
  /** The last part of the URL's path; empty where there is none. */
  readonly id: string;
  readonly url: string;
  readonly payload: unknown;
  /** The key that signed. */
  readonly key: KeyObject;
  /** Undefined where the key came as `jwk`. */
  readonly account: Account | undefined;
}

/** An answer before it is sent. An object is JSON. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | object;
}
