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

/** Where everything that certops writes lies; the folders are settings of the repository. */
export class OutputPaths {
  readonly #secrets: string;
  readonly #status: string;

  constructor(output: { readonly secrets: string; readonly status: string }) {
    this.#secrets = output.secrets;
    this.#status = output.status;
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

  /** A file that is called like a folder of ours. */
  #isObstruction(path: string): boolean {
    if (`${this.#secrets}/`.startsWith(`${path}/`) || `${this.#status}/`.startsWith(`${path}/`)) return true;
    const [folder, rest] = path.startsWith(`${this.#secrets}/`)
      ? ['secrets', path.slice(this.#secrets.length + 1)]
      : path.startsWith(`${this.#status}/`)
        ? ['status', path.slice(this.#status.length + 1)]
        : ['', ''];
    const isNamespace = /^(_cluster|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$/.test(rest);
    const isRoom = folder === 'status' && /^[^/]+\/(certificates|requests|issuers)$/.test(rest);
    return folder !== '' && (isNamespace || isRoom);
  }

  /** Undefined for a path outside the output folders. */
  classify(path: string): OutputPath | undefined {
    if (this.#isObstruction(path)) return { kind: 'obstruction' };
    if (path.startsWith(`${this.#secrets}/`)) {
      const match = /^([^/]+)\/([^/]+)\.yaml$/.exec(path.slice(this.#secrets.length + 1));
      if (match === null) return { kind: 'other' };
      return { kind: 'secret', name: { namespace: match[1] as string, name: match[2] as string } };
    }
    if (!path.startsWith(`${this.#status}/`)) return undefined;
    if (path === this.recipients()) return { kind: 'recipients' };
    const match = /^([^/]+)\/(certificates|requests|issuers)\/([^/]+?)(\.key)?\.yaml$/.exec(
      path.slice(this.#status.length + 1),
    );
    if (match === null) return { kind: 'other' };
    const [, folder, room, name, key] = match as unknown as [string, string, string, string, string?];
    const namespace = folder === CLUSTER_FOLDER ? '' : folder;
    if (room === 'certificates') {
      return { kind: 'certificate-status', name: { namespace, name: `${name}${key ?? ''}` } };
    }
    if (room === 'requests')
      return { kind: key === undefined ? 'request' : 'request-key', namespace, file: name };
    return { kind: key === undefined ? 'issuer-status' : 'account-key', name: { namespace, name } };
  }
}
