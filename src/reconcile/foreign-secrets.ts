import { requestFingerprint } from '../api/fingerprint.ts';
import type { ObjectName } from '../api/names.ts';
import { asCertopsError } from '../lib/errors.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import {
  type CertificateStatus,
  parseCertificateStatus,
  renderCertificateStatus,
} from '../status/certificate-status.ts';
import type { OutputPath, OutputPaths } from '../status/paths.ts';
import { parseRecipientsStatus, renderRecipientsStatus } from '../status/recipients-status.ts';
import { isStoreError } from './error-kinds.ts';
import type { ForeignChange } from './foreign-change.ts';
import type { BlobChange, FileChange, RepositoryReader } from './ports.ts';
import type { VouchingPorts } from './vouching.ts';

const SEALED_MAX_BYTES = 1 << 20;
const OUTPUT_MAX_BYTES = 4 << 20;
const MANIFEST_MAX_BYTES = 1 << 20;
const SOPS_RULES_FILE = '.sops.yaml';
/** How many changes of a status are looked through for an earlier version. */
const MAX_VERSIONS = 50;
/**
 * So many Secrets gone at once, and more than half of all, is an accident and no wish for new keys: they come back from
 * history, at no cost of a CA's limits.
 */
const VANISHED_MIN = 5;

/** The stretch of history that is looked at, and where outputs lie in it. */
export interface ForeignStretch {
  /** The commit whose outputs are ours. */
  readonly base: string;
  readonly tip: string;
  readonly paths: OutputPaths;
}

/** What could be told apart, and the paths about which nothing more is to be said. */
export interface Told {
  readonly told: readonly ForeignChange[];
  readonly settled: ReadonlySet<string>;
}

type Blobs = BlobChange & { readonly before: string; readonly after: string };

/** Tells apart what others did to sealed files of ours. What it does not settle is drift, or theirs to do. */
export class ForeignSecrets {
  readonly #ports: VouchingPorts;
  readonly #stretch: ForeignStretch;
  readonly #settled = new Set<string>();
  readonly #proven: {
    readonly change: BlobChange;
    /** The path that the rule is for. */
    readonly path: string;
    readonly recipients: readonly string[];
  }[] = [];

  constructor(ports: VouchingPorts, stretch: ForeignStretch) {
    this.#ports = ports;
    this.#stretch = stretch;
  }

  /** `changes` are those of outputs between the two commits. Throws store errors only. */
  async tell(changes: readonly BlobChange[]): Promise<Told> {
    const { paths, tip } = this.#stretch;
    const sealed = changes.flatMap((change) => {
      const place = paths.classify(change.path);
      return place !== undefined && SEALED.includes(place.kind) ? [{ change, place }] : [];
    });
    if (sealed.length === 0) return { told: [], settled: this.#settled };
    // By the rules that stand beside them: the view of the repository has not moved there yet.
    const rules = await this.#ports.store.readPath(tip, SOPS_RULES_FILE);
    this.#ports.sealer.setRules(rules === null ? undefined : Buffer.from(rules.content).toString('utf8'));
    const told: ForeignChange[] = [];
    const loop = new FairLoop();
    for (const { change, place } of sealed) {
      if (!isReplaced(change)) continue;
      const answer = await this.#orUndefined(() => this.#tellOne(change, place, changes));
      if (answer !== undefined) told.push(answer);
      await loop.pause();
    }
    told.push(...(await this.#vanished(sealed.filter(({ place }) => place.kind === 'secret'))));
    return { told: await this.#withProven(told), settled: this.#settled };
  }

  async #tellOne(
    change: Blobs,
    place: OutputPath,
    changes: readonly BlobChange[],
  ): Promise<ForeignChange | undefined> {
    if (place.kind !== 'secret') {
      const key = await this.#resealed(change, place);
      if (key !== undefined) this.#settled.add(change.path);
      // An account key is sealed as the Secret that it is in name.
      if (key !== undefined && place.kind === 'account-key' && key.provenRecipients.length > 0) {
        const rulePath = this.#stretch.paths.secret(key.name);
        this.#proven.push({ change, path: rulePath, recipients: key.provenRecipients });
      }
      return undefined;
    }
    const certificate = await certificateNameIn(this.#ports, change.before);
    if (certificate === undefined) return undefined;
    const name = { namespace: place.name.namespace, name: certificate };
    const resealed = await this.#resealed(change, place);
    return resealed === undefined
      ? this.#tellRevert(change, name, changes)
      : this.#acceptResealed(change, name, resealed);
  }

  /** A version with the same content, whose recipients are all named by the rule for it. */
  async #resealed({ path, before, after }: Blobs, place: OutputPath) {
    const { sealer } = this.#ports;
    const [earlier, later] = await Promise.all([this.#text(before), this.#text(after)]);
    return this.#orUndefined(async () => {
      const expected = place.kind === 'secret' ? place.name : undefined;
      const compared = await sealer.compare(earlier, later, path, expected);
      // An account key is sealed as the Secret that it is in name; a next key, which goes away soon, gains nobody.
      const named =
        place.kind === 'request-key'
          ? sealer.sealedTo(earlier, path)
          : sealer.rules.namedRecipients(this.#stretch.paths.secret(compared.name));
      const isPermitted =
        named !== undefined && compared.recipients.every((recipient) => named.includes(recipient));
      return compared.isSame && isPermitted ? compared : undefined;
    });
  }

  /** It stands: the status takes over the blob and its recipients, so that nothing is issued for it. */
  async #acceptResealed(
    change: Blobs,
    certificate: ObjectName,
    { recipients, provenRecipients }: { recipients: readonly string[]; provenRecipients: readonly string[] },
  ): Promise<ForeignChange | undefined> {
    const status = await this.#statusAt(this.#stretch.base, certificate);
    if (status?.issued === undefined || status.issued.secretBlob !== change.before) return undefined;
    if (provenRecipients.length > 0) {
      this.#proven.push({ change, path: change.path, recipients: provenRecipients });
    }
    const path = this.#stretch.paths.certificateStatus(certificate);
    // Who could read it before has read it, whatever is said now: whoever of them is named no longer asks for a new key.
    const readers = [...new Set([...recipients, ...status.issued.recipients])];
    const issued = { ...status.issued, secretBlob: change.after, recipients: readers };
    this.#settled.add(change.path).add(path);
    const follows = [{ path, content: renderCertificateStatus({ ...status, issued }) }];
    return { ...change, kind: 'resealed', follows };
  }

  /** An earlier version of ours: its own status and request come back with it, where it is valid and fits. */
  async #tellRevert(
    change: Blobs,
    certificate: ObjectName,
    changes: readonly BlobChange[],
  ): Promise<ForeignChange | undefined> {
    const { store } = this.#ports;
    const { base, tip, paths } = this.#stretch;
    const statusPath = paths.certificateStatus(certificate);
    const earlier = await this.#earlier(change.after, certificate);
    const current = await this.#statusAt(base, certificate);
    if (earlier === undefined || current === undefined) return undefined;
    if (!(await this.#stillServes(change, earlier.status, current))) return undefined;
    const isRequest = (path: string) =>
      path.startsWith(paths.request(certificate, 0).replace(/0\.yaml$/, '')) && !path.endsWith('.key.yaml');
    // Requests that are as they were then, or gone as they were not there yet, went back with it.
    for (const { path, after } of changes) {
      if (!isRequest(path)) continue;
      if (((await store.readPath(earlier.commit, path))?.oid ?? null) === after) this.#settled.add(path);
    }
    const follows: FileChange[] = [];
    const request = paths.request(certificate, earlier.status.issued?.revision ?? 0);
    for (const path of [statusPath, request]) {
      const [then, now] = await Promise.all([
        store.readPath(earlier.commit, path),
        store.readPath(tip, path),
      ]);
      if (then === null) continue;
      this.#settled.add(path);
      const content = Buffer.from(then.content).toString('utf8');
      if (then.oid !== now?.oid) follows.push({ path, content, isForced: true });
    }
    this.#settled.add(change.path);
    // All of it stands as it was then: the next commit of ours vouches for it.
    return follows.length === 0 ? undefined : { ...change, kind: 'reverted', follows };
  }

  /** The newest signed commit of ours in which the Certificate's Secret was this blob. */
  async #earlier(blob: string, certificate: ObjectName) {
    const path = this.#stretch.paths.certificateStatus(certificate);
    for (const { commit, signature } of await this.#ports.store.log({ path, maxCount: MAX_VERSIONS })) {
      if (signature !== 'ours') continue;
      const status = await this.#statusAt(commit, certificate);
      if (status?.issued?.secretBlob === blob) return { commit, status };
    }
    return undefined;
  }

  /** Whether putting it in force brings about no order: it is not due, fits the manifest, and nobody lost access. */
  async #stillServes(
    { path, after }: Blobs,
    { source, issued, name }: CertificateStatus,
    current: CertificateStatus,
  ): Promise<boolean> {
    const { clock, sealer } = this.#ports;
    const due = issued?.renewalTime ?? issued?.notAfter;
    if (issued === undefined || due === undefined || due <= clock.now()) return false;
    if (issued.issuerIdentity !== current.issued?.issuerIdentity) return false;
    if (issued.renewRequestedAt?.getTime() !== current.issued?.renewRequestedAt?.getTime()) return false;
    const named = sealer.rules.namedRecipients(path);
    if (!sealer.sealedTo(await this.#text(after), path).every((recipient) => named?.includes(recipient))) {
      return false;
    }
    const wanted = await this.#declared(current.source?.path ?? source?.path, name);
    return wanted !== undefined && requestFingerprint(wanted.spec) === issued.requestHash;
  }

  /** A mass deletion is undone for what is still declared. A revocation, once there is one, belongs here: never then. */
  async #vanished(
    secrets: readonly { readonly change: BlobChange; readonly place: OutputPath }[],
  ): Promise<readonly ForeignChange[]> {
    const { store } = this.#ports;
    const { base, paths } = this.#stretch;
    const gone = secrets.filter(({ change }) => change.after === null && change.before !== null);
    if (gone.length < VANISHED_MIN) return [];
    const all = await store.changes(null, base);
    const recorded = all.filter(({ path }) => paths.classify(path)?.kind === 'certificate-status').length;
    const missed: ForeignChange[] = [];
    for (const { change, place } of gone) {
      const certificate = await certificateNameIn(this.#ports, change.before ?? '');
      if (certificate === undefined || place.kind !== 'secret') continue;
      const name = { namespace: place.name.namespace, name: certificate };
      const source = (await this.#statusAt(base, name))?.source;
      if ((await this.#orUndefined(() => this.#declared(source?.path, name))) === undefined) continue;
      missed.push({ ...change, kind: 'vanished', follows: [] });
    }
    if (missed.length < VANISHED_MIN || missed.length * 2 <= recorded) return [];
    for (const { path } of missed) this.#settled.add(path);
    return missed;
  }

  /** Whom somebody who holds an identity has shown a Secret to is accepted for its rule. */
  async #withProven(told: readonly ForeignChange[]): Promise<readonly ForeignChange[]> {
    const { store, sealer } = this.#ports;
    const { base, paths } = this.#stretch;
    const path = paths.recipients();
    const [shown] = this.#proven;
    const file = shown === undefined ? null : await store.readPath(base, path);
    if (file === null || shown === undefined) return told;
    const text = Buffer.from(file.content).toString('utf8');
    const before = parseRecipientsStatus(text, path);
    const accepted = this.#proven.reduce(
      (rules, { path: shown, recipients }) => sealer.rules.widened(rules, shown, recipients),
      before.accepted,
    );
    const content = renderRecipientsStatus({ ...before, accepted });
    const follow: FileChange = { path, content, isForced: true };
    this.#settled.add(path);
    const [first, ...others] = told;
    if (first !== undefined) return [{ ...first, follows: [...first.follows, follow] }, ...others];
    // Account keys alone: they need no other answer than that.
    if (content === renderRecipientsStatus(before)) return told;
    return [{ ...shown.change, kind: 'resealed', follows: [follow] }];
  }

  async #declared(path: string | undefined, name: ObjectName) {
    if (path === undefined) return undefined;
    const file = await this.#ports.store.readPath(this.#stretch.tip, path);
    if (file === null || file.content.length > MANIFEST_MAX_BYTES) return undefined;
    for (const { object } of (await this.#ports.readManifests(file.content)).objects) {
      if (object.kind !== 'Certificate') continue;
      if (object.name.namespace === name.namespace && object.name.name === name.name) return object;
    }
    return undefined;
  }

  async #statusAt(commit: string, certificate: ObjectName): Promise<CertificateStatus | undefined> {
    const path = this.#stretch.paths.certificateStatus(certificate);
    const file = await this.#ports.store.readPath(commit, path);
    if (file === null || file.content.length > OUTPUT_MAX_BYTES) return undefined;
    return this.#orUndefined(async () =>
      parseCertificateStatus(Buffer.from(file.content).toString('utf8'), path),
    );
  }

  async #text(blob: string): Promise<string> {
    return Buffer.from(await this.#ports.store.readBlob(blob, SEALED_MAX_BYTES)).toString('utf8');
  }

  /** What cannot be opened or read proves nothing. */
  async #orUndefined<T>(look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await look();
    } catch (thrown) {
      if (isStoreError(thrown)) throw thrown;
      this.#ports.log.debug(asCertopsError(thrown).logFields(), 'a foreign output could not be told apart');
      return undefined;
    }
  }
}

const SEALED: readonly OutputPath['kind'][] = ['secret', 'account-key', 'request-key'];

function isReplaced(change: BlobChange): change is Blobs {
  return change.before !== null && change.after !== null;
}

/**
 * Which Certificate a Secret says that it was issued for, in clear; undefined where it names none, or is larger than
 * anything of ours. Throws store errors.
 */
export async function certificateNameIn(
  { store }: { readonly store: Pick<RepositoryReader, 'readBlob'> },
  blob: string,
): Promise<string | undefined> {
  try {
    const content = await store.readBlob(blob, OUTPUT_MAX_BYTES);
    const text = Buffer.from(content).toString('utf8');
    return /cert-manager\.io\/certificate-name"?: *"?([-.a-z0-9]+)/.exec(text)?.[1];
  } catch (thrown) {
    if (isStoreError(thrown)) throw thrown;
    return undefined;
  }
}
