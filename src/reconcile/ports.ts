import type { KeyObject } from 'node:crypto';
import type { RateLedger } from '../acme/rate-ledger.ts';
import type {
  Certificate,
  Pkcs12Profile,
  PrivateKeyEncoding,
  PrivateKeySpec,
  SubjectSpec,
} from '../api/certificate.ts';
import type { Issuer } from '../api/issuer.ts';
import type { ManifestFile } from '../api/manifest.ts';
import type { ObjectName, SecretKeyRef } from '../api/names.ts';
import type { Forge } from '../forge/forge.ts';
import type { AccountRollover } from '../issuers/acme-account.ts';
import type { IssuerAdapter, SigningRequest } from '../issuers/issuer.ts';
import type { Clock } from '../lib/clock.ts';
import type { FaultPoints } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import type { Plan } from '../plan/plan.ts';
import type { HeldChange } from './planned-hold.ts';

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
  /** The branch as whoever pushed to it last for certops left it; undefined where that was never. */
  lastPushedTip(): Promise<string | undefined>;
  /** First parents from a commit back to another, the newest first and without the other; `limit` at most. */
  firstParents(from: string, until: string, limit: number): Promise<readonly string[]>;
  /** Files that the newest commits of the branch took away, with their last content; the newest removal first. */
  removedFiles(maxCommits: number): Promise<readonly { readonly path: string; readonly blob: string }[]>;
  newestVouchedCommit(from?: string): Promise<string | null>;
  /** Commits that touched a path, from the tip back; `ours`: with a good signature of our own key. */
  log(options: {
    readonly path: string;
    readonly maxCount: number;
  }): Promise<readonly { readonly commit: string; readonly signature: 'ours' | 'other' | 'none' }[]>;
}

/** A Secret opened: its clear names and its data, which nothing prints. */
export interface OpenedSecret {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly data: Sensitive<ReadonlyMap<string, Buffer>>;
  /** The age recipients that the document names. */
  readonly recipients: readonly string[];
}

/** Whom a rule of `.sops.yaml` may show what it seals; an empty pattern matches every path. */
export interface AcceptedRule {
  readonly pattern: string;
  readonly recipients: readonly string[];
}

/** The tip of a branch that certops once made, and whether anybody else has committed to it since. */
export interface BranchTip {
  /** Object id of the commit. */
  readonly commit: string;
  /** The one commit of ours upon the source branch (by its `Certops-Proposal` trailer, and our signature where we sign). */
  readonly isOurs: boolean;
  /** Its parent, where it is ours. */
  readonly base?: string | undefined;
  /** Its whole message. */
  readonly message: string;
  readonly committedAt: Date;
}

/**
 * Branches beside the source branch, as `store` implements it: those of proposals, and the heads of pull requests.
 * Branch names come without `refs/heads/`. Throws store errors; `store.branch-moved` where a lease is lost. It reads
 * what it listed, published or fetched, and the source branch besides.
 */
export interface RepositoryBranches extends RepositoryReader {
  /** Throws `store.tree-too-large` where more than `maxChanges` files or folders differ. */
  changes(before: string | null, after: string, maxChanges?: number): Promise<readonly BlobChange[]>;
  /** Tips of the branches under a prefix that ends in `/`, as the remote has them now. */
  list(prefix: string, signal: AbortSignal): Promise<ReadonlyMap<string, BranchTip>>;
  /**
   * Makes one commit upon `base` with these files and lets the branch point to it. `expected` is the commit that the
   * branch is at (null: there is none). Gives the new commit; writes nothing where message, base and files are the same.
   */
  publish(
    proposal: {
      readonly branch: string;
      readonly base: string;
      readonly files: ReadonlyMap<string, string>;
      readonly message: string;
      readonly expected: string | null;
    },
    signal: AbortSignal,
  ): Promise<{ readonly commit: string }>;
  /** Takes the branch away where it is still at `expected`; one that is gone is fine. */
  remove(branch: string, expected: string, signal: AbortSignal): Promise<void>;
  /** Fetches a full ref name and gives its commit; refused where it brings more than `maxBytes`. */
  fetch(
    ref: string,
    options: { readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<{ readonly commit: string }>;
  /** The newest commit that both descend from. Throws `store.no-common-history`. */
  mergeBase(one: string, other: string): Promise<string>;
  /** Those that the source branch has by now, themselves or what they change; looked up at the remote. */
  mergedAmong(commits: Iterable<string>, signal: AbortSignal): Promise<ReadonlySet<string>>;
}

/** What `.sops.yaml` says and who is accepted, as `secrets` implements it. */
export interface SealingRules {
  /** Who is accepted, by entries of which the first that matches a path holds; undefined: whomever rules name. */
  setAccepted(accepted: readonly AcceptedRule[] | undefined): void;
  /** What the rules (or those of `text`) name, rule by rule; undefined where they cannot be read. */
  named(text?: string): readonly AcceptedRule[] | undefined;
  /** Entries without those whom the rules name no more. */
  narrowed(accepted: readonly AcceptedRule[]): readonly AcceptedRule[];
  /** Entries with `recipients` accepted for the rule that holds for `path`. */
  widened(
    accepted: readonly AcceptedRule[],
    path: string,
    recipients: readonly string[],
  ): readonly AcceptedRule[];
  /** Whom the rule for `path` names, accepted or not; undefined where no rule can be used. */
  namedRecipients(path: string): readonly string[] | undefined;
  /** Whom rules name and nothing is sealed to yet. */
  held(): readonly { readonly pattern: string; readonly recipient: string }[];
}

/** Encryption at rest, as `secrets` implements it. */
export interface SecretSealer {
  /** The newest `.sops.yaml`, undefined where there is none. */
  setRules(text: string | undefined): void;
  /** The rules, and who is accepted of those whom they name. */
  readonly rules: SealingRules;
  /** age recipients of the identities in hand. */
  ownRecipients(): Promise<readonly string[]>;
  /** Whom a Secret at `path` would be sealed to now, without proof; undefined where no rule can be used. */
  recipients(path: string): readonly string[] | undefined;
  /** The recipients that a sealed text names in clear. */
  sealedTo(text: string, where: string): readonly string[];
  /** The same content sealed anew by the rule for `path`; `where` is where the text stands. */
  reseal(
    path: string,
    text: string,
    where: string,
    expected: ObjectName | undefined,
    now: Date,
  ): Promise<string>;
  /** Opens two versions of one sealed file and compares what they hold. */
  compare(
    before: string,
    after: string,
    where: string,
    expected: ObjectName | undefined,
  ): Promise<{
    readonly isSame: boolean;
    /** The object that the later one says it is. */
    readonly name: ObjectName;
    readonly recipients: readonly string[];
    /** Those that somebody chose who could read it. */
    readonly provenRecipients: readonly string[];
  }>;
  /** Throws where the rules give no recipient for `path`, or where we could not open what we seal there. */
  prove(path: string): Promise<unknown>;
  /** Seals by the rule for `path`, which may differ from where the text is stored. */
  seal(path: string, document: Record<string, unknown>, now: Date): Promise<string>;
  /** `where` names the file in errors; a Secret of another name than `expected` is refused. */
  open(text: string, where: string, expected: ObjectName): Promise<OpenedSecret>;
  /** The same for what people wrote: two readers must agree. */
  openCredential(text: string, where: string, expected: ObjectName): Promise<OpenedSecret>;
}

/** Plain values of a Secret by key. */
export type SecretData = Readonly<Record<string, Sensitive<string> | Sensitive<Uint8Array> | string>>;

/** Labels and annotations of a Secret, which stand in clear. */
export interface SecretMetadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The shape of the Secrets that are written, as `secrets` knows it. */
export interface SecretWriter {
  /** `facts` are those of the leaf in `data`. */
  certificateSecret(
    certificate: Certificate,
    facts: CertificateFacts,
    data: SecretData,
  ): Record<string, unknown>;
  /** The same with a stand-in in it: nothing names an issuer. */
  temporarySecret(
    certificate: Certificate,
    facts: CertificateFacts,
    data: SecretData,
  ): Record<string, unknown>;
  /** Labels and annotations that a Secret with this certificate would have now; `current` are its annotations. */
  restatedMetadata(certificate: Certificate, current: Readonly<Record<string, unknown>>): SecretMetadata;
  keySecret(name: ObjectName, label: string, key: Sensitive<string>): Record<string, unknown>;
}

export interface CertificateFacts {
  readonly serialNumber: string;
  readonly fingerprintSHA256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly commonName?: string | undefined;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly subjectFields: SubjectSpec;
}

/** A key with its certificates in PEM, as keystores are made from it. */
export interface KeystoreContent {
  readonly password: Sensitive<string>;
  readonly key: KeyObject;
  /** The key's certificate first. */
  readonly chainPem: string;
  readonly caPem?: string | undefined;
}

/** A keystore, and the trust store that goes with it where a CA is known. */
export interface Keystores {
  readonly keystore: Sensitive<Uint8Array>;
  readonly truststore?: Sensitive<Uint8Array> | undefined;
}

/** Keys, requests and certificates, as `pki` implements them. */
export interface Pki {
  generatePrivateKey(spec: PrivateKeySpec): Promise<KeyObject>;
  encodePrivateKey(key: KeyObject, encoding: PrivateKeyEncoding): Sensitive<string>;
  decodePrivateKey(pem: Sensitive<string>): KeyObject;
  describePrivateKeyMismatch(key: KeyObject, spec: PrivateKeySpec): string | undefined;
  /** `isAcme`: as ACME CAs want it, with the commonName among the names. */
  createSigningRequest(
    spec: Certificate['spec'],
    key: KeyObject,
    options: { readonly isAcme: boolean },
  ): Promise<Uint8Array>;
  compareRequestWithSpec(
    csrDer: Uint8Array,
    spec: Certificate['spec'],
    options: { readonly isAcme: boolean },
  ): Promise<readonly string[]>;
  /** The facts of the first certificate in a PEM text. Throws `pki.unreadable-certificate`. */
  readCertificate(chainPem: string): CertificateFacts;
  encodePkcs12Stores(content: KeystoreContent & { readonly profile: Pkcs12Profile }): Promise<Keystores>;
  encodeJksStores(content: KeystoreContent & { readonly alias: string; readonly now: Date }): Keystores;
  /** A stand-in in PEM until the real certificate is there, signed by a CA that is thrown away. */
  temporaryCertificate(spec: Certificate['spec'], key: KeyObject, now: Date): Promise<string>;
  /** The identifier of RFC 9773, section 4.1; undefined for a certificate without an authority key identifier. */
  renewalInformationId(leafPem: string): string | undefined;
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
  /** ACME: the account on record has another key than `accountKey`, and is moved to this one. */
  readonly rollover?: AccountRollover | undefined;
  /** ACME: `status.acme.lastRegisteredEmail`. */
  readonly lastRegisteredEmail?: string | undefined;
  /** ACME: what was asked of CAs lately; absent where nobody counts. */
  readonly ledger?: RateLedger | undefined;
  /** CA: its key pair. */
  readonly keyPair?: Sensitive<ReadonlyMap<string, Buffer>> | undefined;
  /**
   * Opens one key of a Secret that the specification refers to (an EAB key, a TSIG key), in the issuer's own
   * namespace only. Throws `reconcile.credential-…` and `sops.…`.
   */
  readonly credential: (ref: SecretKeyRef) => Promise<Sensitive<Buffer>>;
  /** Whether an order URL stands in the record of another open request. */
  readonly isOrderTaken: (orderUrl: string, request: SigningRequest) => boolean;
}

/** Makes an adapter for one issuer; `daemon` knows the kinds. */
export type IssuerFactory = (issuer: Issuer, materials: IssuerMaterials) => Promise<IssuerAdapter>;

/** Reads one manifest file within limits of size and time. */
export type ManifestReader = (bytes: Uint8Array) => Promise<ManifestFile>;

/** What pull requests are made with. */
export interface ProposalPorts {
  readonly forge: Forge;
  readonly branches: RepositoryBranches;
  /** The branch that they are merged into. */
  readonly sourceBranch: string;
}

/** What a change would come to is asked so. */
export interface ReviewQuestion {
  /** Object ids by path: the branch to merge into, and what it would hold then. */
  readonly base: ReadonlyMap<string, string>;
  readonly head: ReadonlyMap<string, string>;
  /** What of the base waits for a confirmation. */
  readonly held?: HeldChange | undefined;
  readonly state: StateDocument;
  readonly now: Date;
  readonly warnings: readonly string[];
}

/**
 * Plans where nothing that strangers wrote can do harm: a thread without environment, with a bounded heap and time, which
 * gets blobs from `blobs` and nothing else. Throws `worker.too-slow`, `worker.failed`, what planning and `blobs` throw,
 * and the signal's reason.
 */
export type Planner = (
  question: ReviewQuestion,
  blobs: Pick<RepositoryReader, 'readBlob' | 'blobSizes'>,
  signal: AbortSignal,
) => Promise<Plan>;

/** All that the story needs from outside. */
export interface Ports {
  readonly store: RepositoryStore;
  readonly sealer: SecretSealer;
  readonly secrets: SecretWriter;
  readonly pki: Pki;
  readonly createIssuer: IssuerFactory;
  readonly readManifests: ManifestReader;
  /** Opens the forge; asked again where that fails. Absent: no pull requests are made. */
  readonly openProposing?: ((signal: AbortSignal) => Promise<ProposalPorts>) | undefined;
  /** Plans what pull requests bring. */
  readonly planner: Planner;
  /** Plans what the source branch has become: the same with more time, since nobody is answered for it. */
  readonly branchPlanner: Planner;
  readonly clock: Clock;
  readonly faults: FaultPoints;
  readonly log: Log;
}
