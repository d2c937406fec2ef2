import type { KeyObject } from 'node:crypto';
import type { Certificate, KeystorePassword } from '../api/certificate.ts';
import { fingerprint } from '../api/fingerprint.ts';
import { formatObjectName, type ObjectName } from '../api/names.ts';
import { CertopsError } from '../lib/errors.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { KEYSTORE_PASSWORD_CODE } from './error-kinds.ts';
import type { Ports, SecretData } from './ports.ts';
import type { World } from './world.ts';

const CREDENTIAL_MAX_BYTES = 1 << 20;
/** What a Secret without keystores and extra formats is known by; records need not say it. */
export const NOTHING_EXTRA = 'none';

/** A key with its certificates, as issued or as the Secret holds them. */
export interface CertificateMaterial {
  readonly key: KeyObject;
  readonly keyPem: Sensitive<string>;
  readonly chainPem: string;
  readonly caPem?: string | undefined;
}

/** What a Secret's content besides key and certificates is made with. */
export interface ContentMaterial {
  readonly passwords: { readonly jks?: Sensitive<string>; readonly pkcs12?: Sensitive<string> };
  /** Fingerprint of what the passwords and the specification were. */
  readonly contentHash: string;
}

/** Makes the whole `data` of a Certificate's Secret. */
export class SecretContent {
  readonly #ports: Pick<Ports, 'store' | 'sealer' | 'pki' | 'clock'>;
  readonly #world: Pick<World, 'desired'>;

  constructor(ports: Pick<Ports, 'store' | 'sealer' | 'pki' | 'clock'>, world: Pick<World, 'desired'>) {
    this.#ports = ports;
    this.#world = world;
  }

  /**
   * Fingerprint of everything in a Certificate's Secret besides key and certificates: keystores, with the files their
   * passwords come from, and extra formats. Opens nothing.
   */
  contentHash(certificate: Certificate): string {
    const { keystores, additionalOutputFormats } = certificate.spec;
    const { jks, pkcs12 } = keystores;
    if (jks === undefined && pkcs12 === undefined && additionalOutputFormats.length === 0)
      return NOTHING_EXTRA;
    return fingerprint({
      jks: jks && { alias: jks.alias, password: this.#mark(certificate, jks.password) },
      pkcs12: pkcs12 && { profile: pkcs12.profile, password: this.#mark(certificate, pkcs12.password) },
      formats: [...additionalOutputFormats].sort(),
    });
  }

  /** Whether a Secret with the content on record (undefined: nothing extra) is what the Certificate asks for now. */
  isUpToDate(certificate: Certificate, recordedHash: string | undefined): boolean {
    return (recordedHash ?? NOTHING_EXTRA) === this.contentHash(certificate);
  }

  /**
   * Opens the passwords of the keystores, from the sealed Secrets that people wrote in the Certificate's namespace.
   * Throws `reconcile.keystore-password-missing`, `-ambiguous`, `-incomplete`, and what opening throws (`sops.…`).
   */
  async material(certificate: Certificate): Promise<ContentMaterial> {
    const { jks, pkcs12 } = certificate.spec.keystores;
    // Before anything is read: it must be that of the same view of the repository.
    const contentHash = this.contentHash(certificate);
    const passwords = {
      ...(jks === undefined ? {} : { jks: await this.#password(certificate, 'JKS', jks.password) }),
      ...(pkcs12 === undefined
        ? {}
        : { pkcs12: await this.#password(certificate, 'PKCS12', pkcs12.password) }),
    };
    return { passwords, contentHash };
  }

  /** All of a Secret's `data`, keys named as cert-manager names them. Throws `pki.unreadable-certificate`. */
  async data(
    { spec }: Certificate,
    material: CertificateMaterial,
    { passwords }: ContentMaterial,
  ): Promise<SecretData> {
    const { pki, clock } = this.#ports;
    const { jks, pkcs12 } = spec.keystores;
    const { key, keyPem, chainPem, caPem } = material;
    const data: Record<string, Sensitive<string> | Sensitive<Uint8Array> | string> = {
      'tls.crt': chainPem,
      'tls.key': keyPem,
    };
    if (caPem !== undefined) data['ca.crt'] = caPem;
    const content = { key, chainPem, caPem };
    if (pkcs12 !== undefined && passwords.pkcs12 !== undefined) {
      const { profile } = pkcs12;
      const made = await pki.encodePkcs12Stores({ ...content, profile, password: passwords.pkcs12 });
      data['keystore.p12'] = made.keystore;
      if (made.truststore !== undefined) data['truststore.p12'] = made.truststore;
    }
    if (jks !== undefined && passwords.jks !== undefined) {
      const { alias } = jks;
      const made = pki.encodeJksStores({ ...content, alias, password: passwords.jks, now: clock.now() });
      data['keystore.jks'] = made.keystore;
      if (made.truststore !== undefined) data['truststore.jks'] = made.truststore;
    }
    for (const format of spec.additionalOutputFormats) {
      // Both are made from the very text of tls.key, in whatever encoding that is.
      if (format === 'DER') data['key.der'] = keyPem.map(derOf);
      else data['tls-combined.pem'] = keyPem.map((pem) => `${pem}\n${chainPem}`);
    }
    return data;
  }

  /** What tells whether a password changed: its digest, or the files that may hold it. */
  #mark(certificate: Certificate, password: KeystorePassword) {
    if (password.kind === 'literal') return password.digest;
    const files = this.#files(certificate, password.ref.name);
    return { ...password.ref, blobs: files.map(({ blob }) => blob) };
  }

  #files({ name }: Certificate, secret: string) {
    return this.#world.desired.secrets(name.namespace, secret);
  }

  async #password(
    certificate: Certificate,
    keystore: string,
    password: KeystorePassword,
  ): Promise<Sensitive<string>> {
    if (password.kind === 'literal') return password.value;
    const { ref } = password;
    const name = { namespace: certificate.name.namespace, name: ref.name };
    const [file, ...others] = this.#files(certificate, ref.name);
    if (file === undefined) {
      throw passwordError('missing', name, {
        what: `${keystore} keystore password Secret "${formatObjectName(name)}" not found`,
        next: `Commit it, sealed with sops, with the key "${ref.key}"`,
      });
    }
    if (others.length > 0) {
      throw passwordError('ambiguous', name, {
        what: `${keystore} keystore password Secret "${formatObjectName(name)}" is declared in ${others.length + 1} files`,
        why: 'Which of them is meant is not for certops to guess',
        next: 'Keep one of them',
      });
    }
    const bytes = await this.#ports.store.readBlob(file.blob, CREDENTIAL_MAX_BYTES);
    const text = Buffer.from(bytes).toString('utf8');
    const { data } = await this.#ports.sealer.openCredential(text, file.path, name);
    const value = data.reveal().get(ref.key);
    if (value !== undefined && value.length > 0) return new Sensitive(value.toString('utf8'));
    throw passwordError('incomplete', name, {
      what: `${keystore} keystore password Secret contains no data for key "${ref.key}"`,
      why: `It stands in ${file.path}`,
      next: 'Add it with sops, or name the right key',
    });
  }
}

function passwordError(
  what: 'missing' | 'ambiguous' | 'incomplete',
  secret: ObjectName,
  explanation: CertopsError['explanation'],
): CertopsError {
  return new CertopsError(`${KEYSTORE_PASSWORD_CODE}${what}`, explanation, {
    retry: { when: 'never' },
    data: { secret: formatObjectName(secret) },
  });
}

function derOf(pem: string): Uint8Array {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
}
