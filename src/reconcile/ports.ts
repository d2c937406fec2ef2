import type { KeyObject } from 'node:crypto';
import type { Certificate, PrivateKeyEncoding, PrivateKeySpec } from '../api/certificate.ts';
import type { Issuer } from '../api/issuer.ts';
import type { ManifestFile } from '../api/manifest.ts';
import type { ObjectName } from '../api/names.ts';
import type { IssuerAdapter, SigningRequest } from '../issuers/issuer.ts';
import type { Clock } from '../lib/clock.ts';
import type { FaultPoints } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import type { Sensitive } from '../lib/sensitive.ts';

/** A blob that differs between two commits; `before` or `after` is null where there is none. */
export interface BlobChange {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What reading a repository takes. Object ids are 40 hex digits. */
export interface RepositoryReader {
  changes(before: string | null, after: string): Promise<readonly BlobChange[]>;
  /** Throws `store.blob-too-large` over `maxBytes`. */
  readBlob(oid: string, maxBytes: number): Promise<Uint8Array>;
  blobSizes(oids: readonly string[]): Promise<ReadonlyMap<string, number>>;
  readPath(
    commit: string,
    path: string,
  ): Promise<{ readonly oid: string; readonly content: Uint8Array } | null>;
}

/** The tree a change set is about to be built on: the newest tip, and the change sets before it. */
export interface TreeView {
  /** The remote tip that the batch is built on. */
  readonly base: string;
  oid(path: string): Promise<string | null>;
  read(path: string): Promise<Uint8Array | null>;
}

export interface Precondition {
  readonly what: string;
  holds(view: TreeView): Promise<boolean>;
}

export type FileChange =
  | { readonly path: string; readonly content: string; readonly isForced?: boolean }
  | { readonly path: string; readonly remove: true };

export type StateDocument = { readonly [key: string]: unknown };

/** One commit to be: all of it or nothing. */
export interface ChangeSet {
  readonly label: 'account-key' | 'account' | 'start' | 'issue' | 'other';
  readonly message: string;
  readonly files: readonly FileChange[];
  readonly preconditions: readonly Precondition[];
  readonly state?: (state: StateDocument) => StateDocument;
}

/** The one writer's repository, as `store` implements it. */
export interface RepositoryStore extends RepositoryReader {
  readonly tip: { readonly commit: string };
  refresh(signal?: AbortSignal): Promise<{ readonly commit: string }>;
  commit(changeSet: ChangeSet, signal?: AbortSignal): Promise<{ readonly commit: string }>;
  readState(): Promise<StateDocument>;
  updateState(change: (state: StateDocument) => StateDocument, signal?: AbortSignal): Promise<void>;
  isAncestor(ancestor: string, descendant: string): Promise<boolean>;
  newestVouchedCommit(from?: string): Promise<string | null>;
}

/** A Secret opened: its clear names and its data, which nothing prints. */
export interface OpenedSecret {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly data: Sensitive<ReadonlyMap<string, Buffer>>;
}

/** Encryption at rest, as `secrets` implements it. */
export interface SecretSealer {
  /** The newest `.sops.yaml`, undefined where there is none. */
  setRules(text: string | undefined): void;
  /** Throws where the rules give no recipient for `path`, or where we could not open what we seal there. */
  prove(path: string): Promise<unknown>;
  /** Seals by the rule for `path`, which may differ from where the text is stored. */
  seal(path: string, document: Record<string, unknown>, now: Date): Promise<string>;
  /** `where` names the file in errors; a Secret of another name than `expected` is refused. */
  open(text: string, where: string, expected: ObjectName): Promise<OpenedSecret>;
  /** The same for what people wrote: two readers must agree. */
  openCredential(text: string, where: string, expected: ObjectName): Promise<OpenedSecret>;
}

/** The shape of the Secrets that are written, as `secrets` knows it. */
export interface SecretWriter {
  certificateSecret(
    certificate: Certificate,
    data: Readonly<Record<string, Sensitive<string> | string>>,
  ): Record<string, unknown>;
  keySecret(name: ObjectName, label: string, key: Sensitive<string>): Record<string, unknown>;
}

export interface CertificateFacts {
  readonly serialNumber: string;
  readonly fingerprintSHA256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly dnsNames: readonly string[];
}

/** Keys, requests and certificates, as `pki` implements them. */
export interface Pki {
  generatePrivateKey(spec: PrivateKeySpec): Promise<KeyObject>;
  encodePrivateKey(key: KeyObject, encoding: PrivateKeyEncoding): Sensitive<string>;
  decodePrivateKey(pem: Sensitive<string>): KeyObject;
  describePrivateKeyMismatch(key: KeyObject, spec: PrivateKeySpec): string | undefined;
  createSigningRequest(spec: Certificate['spec'], key: KeyObject): Promise<Uint8Array>;
  compareRequestWithSpec(csrDer: Uint8Array, spec: Certificate['spec']): Promise<readonly string[]>;
  checkIssuedChain(input: {
    readonly chainPem: readonly string[];
    readonly key: KeyObject;
    readonly spec: Certificate['spec'];
    readonly now: Date;
    readonly isAcme: boolean;
  }): Promise<CertificateFacts>;
}

/** Everything an issuer is made from besides its manifest. */
export interface IssuerMaterials {
  /** ACME: the account key, in the remote already. */
  readonly accountKey?: KeyObject | undefined;
  readonly accountUri?: string | undefined;
  /** CA: its key pair. */
  readonly keyPair?: Sensitive<ReadonlyMap<string, Buffer>> | undefined;
  /** Whether an order URL stands in the record of another open request. */
  readonly isOrderTaken: (orderUrl: string, request: SigningRequest) => boolean;
}

/** Makes an adapter for one issuer; `daemon` knows the kinds. */
export type IssuerFactory = (issuer: Issuer, materials: IssuerMaterials) => Promise<IssuerAdapter>;

/** Reads one manifest file within limits of size and time. */
export type ManifestReader = (bytes: Uint8Array) => Promise<ManifestFile>;

/** All that the story needs from outside. */
export interface Ports {
  readonly store: RepositoryStore;
  readonly sealer: SecretSealer;
  readonly secrets: SecretWriter;
  readonly pki: Pki;
  readonly createIssuer: IssuerFactory;
  readonly readManifests: ManifestReader;
  readonly clock: Clock;
  readonly faults: FaultPoints;
  readonly log: Log;
}
