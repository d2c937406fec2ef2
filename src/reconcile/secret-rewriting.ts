import type { Certificate } from '../api/certificate.ts';
import { asCertopsError, type CertopsError } from '../lib/errors.ts';
import { gitBlobId } from '../lib/git-blob-id.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { readPlainYaml } from '../lib/yaml-write.ts';
import type { IssuedFacts } from '../status/certificate-status.ts';
import type { CertificateCase } from './certificate-case.ts';
import { isStoreError } from './error-kinds.ts';
import type { EarlierCertificate } from './going-back.ts';
import type { CertificateKey } from './keys.ts';
import type { Ports, RepositoryReader } from './ports.ts';
import { type ContentMaterial, SecretContent } from './secret-content.ts';
import type { World } from './world.ts';

const SEALED_MAX_BYTES = 1 << 20;

/** A Secret written anew around the certificate that it holds. */
export interface RewrittenSecret {
  readonly content: string;
  readonly blob: string;
  readonly contentHash: string;
  /** Whoever can open it, or could open it before with the same key in it. */
  readonly recipients: readonly string[];
}

/**
 * Secrets whose certificate stays and whose other content does not: labels, annotations, keystores, extra formats
 * (cert-manager's `SecretTemplateMismatch`, `AdditionalOutputFormatsMismatch` and keystore mismatches).
 */
export class SecretRewriting {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #content: SecretContent;
  readonly #faults = new Map<
    CertificateKey,
    { readonly contentHash: string; readonly error: CertopsError }
  >();

  constructor(ports: Ports, world: World) {
    this.#ports = ports;
    this.#world = world;
    this.#content = new SecretContent(ports, world);
  }

  /** Whether the Secret holds something else than is asked for now. Opens nothing. */
  async isDue({ certificate, secretBlob, observed, recorded, declared }: CertificateCase): Promise<boolean> {
    if (observed.secret.kind !== 'issued' || secretBlob === undefined) return false;
    if (!this.#content.isUpToDate(certificate, recorded?.status.issued?.contentHash)) return true;
    if (recorded?.status.source?.specHash === declared.specHash) return false;
    const current = await clearMetadata(this.#ports.store, secretBlob);
    return !this.#isAsAskedFor(asIssued(certificate, recorded?.status.issued), current);
  }

  #isAsAskedFor(certificate: Certificate, current: ClearMetadata): boolean {
    const wanted = this.#ports.secrets.restatedMetadata(certificate, current.annotations);
    return canonical(wanted) === canonical(current);
  }

  /** Why it could not be written the last time, while nothing has changed since. */
  fault({ key, certificate }: CertificateCase): CertopsError | undefined {
    const fault = this.#faults.get(key);
    return fault?.contentHash === this.#content.contentHash(certificate) ? fault.error : undefined;
  }

  /**
   * The Secret as it is asked for now; undefined when it is so already, and when a keystore's password cannot be had,
   * which `fault` then tells. Throws what opening and sealing the Secret itself throws.
   */
  async rewritten(target: CertificateCase): Promise<RewrittenSecret | undefined> {
    const { certificate, secretBlob } = target;
    if (secretBlob === undefined || !(await this.isDue(target))) return undefined;
    const material = await this.#material(target);
    if (material === undefined) return undefined;
    const bytes = await this.#ports.store.readBlob(secretBlob, SEALED_MAX_BYTES);
    const issued = target.recorded?.status.issued;
    const text = Buffer.from(bytes).toString('utf8');
    return this.#anew(asIssued(certificate, issued), text, issued?.recipients ?? [], material);
  }

  /**
   * An earlier Secret as it is asked for now; undefined when it is so already, and when a keystore's password cannot
   * be had. Throws what opening and sealing the Secret itself throws.
   */
  async restated(
    target: CertificateCase,
    { secret, status: { issued } }: EarlierCertificate,
  ): Promise<RewrittenSecret | undefined> {
    const { certificate } = target;
    const isSame =
      this.#content.isUpToDate(certificate, issued?.contentHash) &&
      this.#isAsAskedFor(certificate, metadataOf(secret));
    const material = isSame ? undefined : await this.#material(target);
    return material && this.#anew(certificate, secret, issued?.recipients ?? [], material);
  }

  /** The same certificate and key, with the rest as the Certificate has it. */
  async #anew(
    certificate: Certificate,
    text: string,
    /** Who could open it so far. */
    before: readonly string[],
    material: ContentMaterial,
  ): Promise<RewrittenSecret> {
    const { secrets, sealer, clock, pki } = this.#ports;
    const name = { namespace: certificate.name.namespace, name: certificate.spec.secretName };
    const path = this.#world.paths.secret(name);
    const { data } = await sealer.open(text, path, name);
    const { chainPem, caPem, keyPem } = heldBy(data);
    const held = { key: pki.decodePrivateKey(keyPem), keyPem, chainPem, caPem };
    const document = secrets.certificateSecret(
      certificate,
      pki.readCertificate(chainPem),
      await this.#content.data(certificate, held, material),
    );
    const content = await sealer.seal(path, document, clock.now());
    const recipients = [...new Set([...sealer.sealedTo(content, path), ...before])];
    return { content, blob: gitBlobId(content), contentHash: material.contentHash, recipients };
  }

  async #material(target: CertificateCase): Promise<ContentMaterial | undefined> {
    const { key, certificate } = target;
    try {
      const material = await this.#content.material(certificate);
      this.#faults.delete(key);
      return material;
    } catch (thrown) {
      if (isStoreError(thrown)) throw thrown;
      const error = asCertopsError(thrown);
      this.#faults.set(key, { contentHash: this.#content.contentHash(certificate), error });
      this.#ports.log.warn(
        { certificate: key, ...error.logFields() },
        "a certificate's Secret could not be brought up to date",
      );
      return undefined;
    }
  }
}

/** Labels and annotations of a sealed Secret, which stand in clear. Throws store errors and `yaml.malformed`. */
export async function clearMetadata(reader: RepositoryReader, blob: string): Promise<ClearMetadata> {
  const bytes = await reader.readBlob(blob, SEALED_MAX_BYTES);
  return metadataOf(Buffer.from(bytes).toString('utf8'));
}

function metadataOf(text: string): ClearMetadata {
  const [document] = readPlainYaml(text);
  // Members that are no maps compare unequal to any that are wanted, and so are replaced.
  const { metadata } = (document ?? {}) as { readonly metadata?: Partial<ClearMetadata> };
  return { labels: metadata?.labels ?? {}, annotations: metadata?.annotations ?? {} };
}

/**
 * While another issuer is asked for and has not answered, the Secret goes on naming the one that its certificate came
 * from (as with cert-manager).
 */
function asIssued(certificate: Certificate, issued: IssuedFacts | undefined): Certificate {
  if (issued === undefined) return certificate;
  return { ...certificate, spec: { ...certificate.spec, issuerRef: issued.issuerRef } };
}

/** What stands in clear in a sealed Secret; whoever wrote it, its values may be anything. */
export interface ClearMetadata {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly annotations: Readonly<Record<string, unknown>>;
}

function canonical({ labels, annotations }: ClearMetadata): string {
  const sorted = (map: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify([sorted(labels), sorted(annotations)]);
}

function heldBy(data: Sensitive<ReadonlyMap<string, Buffer>>) {
  const entries = data.reveal();
  const text = (name: string) => entries.get(name)?.toString('utf8');
  return {
    chainPem: text('tls.crt') ?? '',
    keyPem: new Sensitive(text('tls.key') ?? ''),
    caPem: text('ca.crt'),
  };
}
