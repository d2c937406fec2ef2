import type { ObjectName } from '../api/names.ts';
import { asCertopsError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { type CertificateStatus, parseCertificateStatus } from '../status/certificate-status.ts';
import { type IssuerStatus, parseIssuerStatus } from '../status/issuer-status.ts';
import type { OutputPath, OutputPaths } from '../status/paths.ts';
import { parseRecipientsStatus, type RecipientsStatus } from '../status/recipients-status.ts';
import { isOpen, parseRequestRecord } from '../status/request-document.ts';
import { clearName } from './clear-name.ts';
import { type CertificateKey, certificateKey, type IssuerKey, issuerKey } from './keys.ts';

/** A status document and the blob it stands in. */
export interface Recorded<T> {
  readonly blob: string;
  readonly status: T;
}

/** What is kept of a request: enough to decide; the rest is read when it is needed. */
export interface RecordedRequest {
  readonly certificate: ObjectName;
  readonly revision: number;
  readonly blob: string;
  readonly isOpen: boolean;
  readonly requestHash: string;
  readonly trigger: string;
  readonly orderUrl?: string | undefined;
}

interface RecordedAccountKey {
  readonly blob: string;
  readonly secretName?: string | undefined;
}

/** What a change of output files touched. */
export interface TouchedOutputs {
  readonly certificates: Set<CertificateKey>;
  readonly issuers: Set<IssuerKey>;
  /** `namespace/name` of Secrets under the output folder. */
  readonly secrets: Set<string>;
}

/** What certops wrote, as the tip has it. */
export class RecordedState {
  readonly #paths: OutputPaths;
  readonly #log: Log;
  readonly #secrets = new Map<string, string>();
  readonly #certificates = new Map<CertificateKey, Recorded<CertificateStatus>>();
  readonly #issuers = new Map<IssuerKey, Recorded<IssuerStatus>>();
  readonly #accountKeys = new Map<IssuerKey, RecordedAccountKey>();
  readonly #requests = new Map<CertificateKey, ReadonlyMap<number, RecordedRequest>>();
  readonly #requestFiles = new Map<string, RecordedRequest>();
  readonly #requestKeys = new Map<string, string>();
  readonly #orders = new Map<string, CertificateKey>();
  readonly #owners = new Map<string, CertificateKey>();
  #recipients: Recorded<RecipientsStatus> | undefined;

  constructor(paths: OutputPaths, log: Log) {
    this.#paths = paths;
    this.#log = log;
  }

  /** Whom sealed files may be shown to. */
  get recipients(): Recorded<RecipientsStatus> | undefined {
    return this.#recipients;
  }

  /** Object id of the Secret file at the output path, whoever wrote it. */
  secretBlob(name: ObjectName): string | undefined {
    return this.#secrets.get(certificateKey(name));
  }

  certificate(key: CertificateKey): Recorded<CertificateStatus> | undefined {
    return this.#certificates.get(key);
  }

  certificates(): IterableIterator<[CertificateKey, Recorded<CertificateStatus>]> {
    return this.#certificates.entries();
  }

  issuer(key: IssuerKey): Recorded<IssuerStatus> | undefined {
    return this.#issuers.get(key);
  }

  issuers(): IterableIterator<[IssuerKey, Recorded<IssuerStatus>]> {
    return this.#issuers.entries();
  }

  accountKeyBlob(key: IssuerKey): string | undefined {
    return this.#accountKeys.get(key)?.blob;
  }

  /** Name of the Secret that the issuer's account key was made for; undefined where its file does not say. */
  accountKeySecret(key: IssuerKey): string | undefined {
    return this.#accountKeys.get(key)?.secretName;
  }

  requests(key: CertificateKey): readonly RecordedRequest[] {
    return [...(this.#requests.get(key)?.values() ?? [])].sort((a, b) => a.revision - b.revision);
  }

  allRequests(): readonly RecordedRequest[] {
    return [...this.#requestFiles.values()];
  }

  openRequest(key: CertificateKey): RecordedRequest | undefined {
    return this.requests(key).findLast((request) => request.isOpen);
  }

  requestKeyBlob(certificate: ObjectName, revision: number): string | undefined {
    return this.#requestKeys.get(this.#paths.requestKey(certificate, revision));
  }

  /** Which Certificate's status says that this Secret (`namespace/name`) is its own. */
  secretOwner(secret: string): CertificateKey | undefined {
    return this.#owners.get(secret);
  }

  /** Which Certificate's open request holds this order, if any. */
  orderHolder(orderUrl: string): CertificateKey | undefined {
    return this.#orders.get(orderUrl);
  }

  /**
   * Takes the newest blob of an output path (`content` undefined: it is gone). A document of ours that
   * cannot be read counts as absent and is logged: the next status replaces it.
   */
  set(
    path: string,
    place: OutputPath,
    content: { readonly blob: string; readonly text: () => string } | undefined,
    touched: TouchedOutputs,
  ): void {
    try {
      this.#set(path, place, content, touched);
    } catch (thrown) {
      this.#log.error({ path, ...asCertopsError(thrown).logFields() }, 'an output cannot be read');
    }
  }

  #set(
    path: string,
    place: OutputPath,
    content: { readonly blob: string; readonly text: () => string } | undefined,
    touched: TouchedOutputs,
  ): void {
    switch (place.kind) {
      case 'secret':
        setOrDelete(this.#secrets, certificateKey(place.name), content?.blob);
        touched.secrets.add(certificateKey(place.name));
        break;
      case 'certificate-status': {
        const key = certificateKey(place.name);
        touched.certificates.add(key);
        const before = this.#certificates.get(key)?.status.issued;
        if (before !== undefined) this.#disown(`${place.name.namespace}/${before.secretName}`, key, touched);
        this.#certificates.delete(key);
        if (content === undefined) break;
        const status = parseCertificateStatus(content.text(), path);
        this.#certificates.set(key, { blob: content.blob, status });
        if (status.issued !== undefined) {
          this.#owners.set(`${place.name.namespace}/${status.issued.secretName}`, key);
        }
        break;
      }
      case 'issuer-status': {
        const kind = place.name.namespace === '' ? 'ClusterIssuer' : 'Issuer';
        const key = issuerKey(kind, place.name);
        touched.issuers.add(key);
        this.#issuers.delete(key);
        if (content === undefined) break;
        this.#issuers.set(key, {
          blob: content.blob,
          status: parseIssuerStatus(content.text(), kind, path),
        });
        break;
      }
      case 'account-key': {
        const key = issuerKey(place.name.namespace === '' ? 'ClusterIssuer' : 'Issuer', place.name);
        touched.issuers.add(key);
        setOrDelete(this.#accountKeys, key, content && { blob: content.blob });
        if (content === undefined) break;
        this.#accountKeys.set(key, { blob: content.blob, secretName: clearName(content.text())?.name });
        break;
      }
      case 'request':
        this.#setRequest(path, content, touched);
        break;
      case 'request-key':
        setOrDelete(this.#requestKeys, path, content?.blob);
        break;
      case 'recipients':
        this.#recipients = content && {
          blob: content.blob,
          status: parseRecipientsStatus(content.text(), path),
        };
        break;
      case 'obstruction':
      case 'other':
        break;
    }
  }

  /** Whoever waits for the Secret is looked at again; somebody else may own it by now. */
  #disown(secret: string, owner: CertificateKey, touched: TouchedOutputs): void {
    if (this.#owners.get(secret) === owner) this.#owners.delete(secret);
    touched.secrets.add(secret);
  }

  #setRequest(
    path: string,
    content: { readonly blob: string; readonly text: () => string } | undefined,
    touched: TouchedOutputs,
  ): void {
    const before = this.#requestFiles.get(path);
    if (before !== undefined) {
      const key = certificateKey(before.certificate);
      touched.certificates.add(key);
      const others = new Map(this.#requests.get(key));
      others.delete(before.revision);
      this.#requests.set(key, others);
      this.#requestFiles.delete(path);
      if (before.orderUrl !== undefined) this.#orders.delete(before.orderUrl);
    }
    if (content === undefined) return;
    const record = parseRequestRecord(content.text(), path);
    const key = certificateKey(record.certificate);
    const request: RecordedRequest = {
      certificate: record.certificate,
      revision: record.revision,
      blob: content.blob,
      isOpen: isOpen(record),
      requestHash: record.requestHash,
      trigger: record.trigger,
      orderUrl: record.order?.url,
    };
    touched.certificates.add(key);
    this.#requestFiles.set(path, request);
    this.#requests.set(key, new Map([...(this.#requests.get(key) ?? []), [record.revision, request]]));
    if (request.isOpen && request.orderUrl !== undefined) this.#orders.set(request.orderUrl, key);
  }
}

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
