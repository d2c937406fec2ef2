import type { ObjectName } from '../api/names.ts';

/** What a path under the output folders holds. */
export type OutputPath =
  | { readonly kind: 'secret'; readonly name: ObjectName }
  | { readonly kind: 'certificate-status'; readonly name: ObjectName }
  | { readonly kind: 'request'; readonly namespace: string; readonly file: string }
  | { readonly kind: 'request-key'; readonly namespace: string; readonly file: string }
  | { readonly kind: 'issuer-status'; readonly name: ObjectName }
  | { readonly kind: 'account-key'; readonly name: ObjectName }
  | { readonly kind: 'recipients' }
  /** Nothing of ours can ever lie there, and it stands where one of our folders must be. */
  | { readonly kind: 'obstruction' }
  | { readonly kind: 'other' };

/** The folder of ClusterIssuers; no namespace can have that name (RFC 1123 labels have no underscore). */
const CLUSTER_FOLDER = '_cluster';
/** A file that is called like a folder of ours. */
const NAMESPACE_FOLDER = /^(_cluster|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$/;

/** Where everything that certops writes lies; the folders are settings of the repository. */
export class OutputPaths {
  readonly #secrets: string;
  readonly #status: string;
  readonly #secretsPrefix: string;
  readonly #statusPrefix: string;
  /** The output folders and those that they lie in: a file of such a name stands in the way. */
  readonly #foldersAbove: ReadonlySet<string>;

  constructor(output: { readonly secrets: string; readonly status: string }) {
    this.#secrets = output.secrets;
    this.#status = output.status;
    this.#secretsPrefix = `${output.secrets}/`;
    this.#statusPrefix = `${output.status}/`;
    this.#foldersAbove = new Set([...withParents(output.secrets), ...withParents(output.status)]);
  }

  /** Whether both mean the same folders. */
  hasSameFolders(other: OutputPaths): boolean {
    return this.#secrets === other.#secrets && this.#status === other.#status;
  }

  secret(name: ObjectName): string {
    return `${this.#secrets}/${name.namespace}/${name.name}.yaml`;
  }

  certificateStatus(name: ObjectName): string {
    return `${this.#status}/${name.namespace}/certificates/${name.name}.yaml`;
  }

  request(certificate: ObjectName, revision: number): string {
    return `${this.#status}/${certificate.namespace}/requests/${certificate.name}-${revision}.yaml`;
  }

  requestKey(certificate: ObjectName, revision: number): string {
    return `${this.#status}/${certificate.namespace}/requests/${certificate.name}-${revision}.key.yaml`;
  }

  board(): string {
    return `${this.#status}/README.md`;
  }

  /** Whom sealed files may be shown to. */
  recipients(): string {
    return `${this.#status}/recipients.yaml`;
  }

  issuerStatus(name: ObjectName): string {
    return `${this.#status}/${name.namespace || CLUSTER_FOLDER}/issuers/${name.name}.yaml`;
  }

  accountKey(name: ObjectName): string {
    return `${this.#status}/${name.namespace || CLUSTER_FOLDER}/issuers/${name.name}.key.yaml`;
  }

  /** Undefined for a path outside the output folders. Asked of every file of a tree, so it looks no further than it must. */
  classify(path: string): OutputPath | undefined {
    if (this.#foldersAbove.has(path)) return { kind: 'obstruction' };
    if (path.startsWith(this.#secretsPrefix)) return classifySecret(path.slice(this.#secretsPrefix.length));
    if (!path.startsWith(this.#statusPrefix)) return undefined;
    if (path === this.recipients()) return { kind: 'recipients' };
    return classifyStatus(path.slice(this.#statusPrefix.length));
  }
}

/** `path` is relative to the folder of Secrets. */
function classifySecret(path: string): OutputPath {
  const slash = path.indexOf('/');
  const end = path.length - '.yaml'.length;
  // Of every file of a tree: without a regular expression it is several times as quick.
  if (slash > 0 && end > slash + 1 && path.endsWith('.yaml') && path.indexOf('/', slash + 1) < 0) {
    return { kind: 'secret', name: { namespace: path.slice(0, slash), name: path.slice(slash + 1, end) } };
  }
  return { kind: NAMESPACE_FOLDER.test(path) ? 'obstruction' : 'other' };
}

/** `path` is relative to the folder of statuses. */
function classifyStatus(path: string): OutputPath {
  const match = /^([^/]+)\/(certificates|requests|issuers)\/([^/]+?)(\.key)?\.yaml$/.exec(path);
  if (match === null) {
    const isFolder = NAMESPACE_FOLDER.test(path) || /^[^/]+\/(certificates|requests|issuers)$/.test(path);
    return { kind: isFolder ? 'obstruction' : 'other' };
  }
  const [, folder, room, name, key] = match as unknown as [string, string, string, string, string?];
  const namespace = folder === CLUSTER_FOLDER ? '' : folder;
  if (room === 'certificates') {
    return { kind: 'certificate-status', name: { namespace, name: `${name}${key ?? ''}` } };
  }
  if (room === 'requests')
    return { kind: key === undefined ? 'request' : 'request-key', namespace, file: name };
  return { kind: key === undefined ? 'issuer-status' : 'account-key', name: { namespace, name } };
}

/** A folder and all that it lies in. */
function withParents(folder: string): readonly string[] {
  const segments = folder.split('/');
  return segments.map((_, index) => segments.slice(0, index + 1).join('/'));
}
