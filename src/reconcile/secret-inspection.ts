import { X509Certificate } from 'node:crypto';
import type { Certificate } from '../api/certificate.ts';
import type { ObjectName } from '../api/names.ts';
import { asCertopsError } from '../lib/errors.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { readPlainYaml } from '../lib/yaml-write.ts';
import type { ObservedSecret } from '../plan/observed.ts';
import { isStoreError } from './error-kinds.ts';
import { certificateKey } from './keys.ts';
import type { Ports } from './ports.ts';
import type { World } from './world.ts';

const SEALED_MAX_BYTES = 1 << 20;
const MAX_REMEMBERED = 1_000;

/**
 * Looks into Secrets that are not the ones on record, to say what is wrong with them in cert-manager's order:
 * missing data, a key pair that does not fit, another Certificate's. A Secret that cannot be opened tells nothing.
 */
export class SecretInspection {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #known = new Map<string, ObservedSecret>();

  constructor(ports: Ports, world: World) {
    this.#ports = ports;
    this.#world = world;
  }

  /** Throws store errors only. */
  async inspect(certificate: Certificate, blob: string): Promise<ObservedSecret> {
    const question = `${certificateKey(certificate.name)} ${certificate.spec.secretName} ${blob}`;
    const remembered = this.#known.get(question);
    if (remembered !== undefined) return remembered;
    const found = await this.#look(certificate, blob);
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    this.#known.set(question, found);
    return found;
  }

  async #look({ name, spec }: Certificate, blob: string): Promise<ObservedSecret> {
    const { store, sealer } = this.#ports;
    const secret = { namespace: name.namespace, name: spec.secretName };
    try {
      const text = Buffer.from(await store.readBlob(blob, SEALED_MAX_BYTES)).toString('utf8');
      const owner = certificateNameOf(text);
      const { data } = await sealer.open(text, this.#world.paths.secret(secret), secret);
      const trouble = this.#troubleOf(data);
      if (trouble !== undefined) return trouble;
      return owner === undefined || owner === name.name
        ? { kind: 'unrecorded' }
        : { kind: 'other-certificate', owner };
    } catch (thrown) {
      if (isStoreError(thrown)) throw thrown;
      this.#ports.log.debug(
        { secret: formatted(secret), ...asCertopsError(thrown).logFields() },
        'a Secret that is not on record cannot be opened',
      );
      return { kind: 'unrecorded' };
    }
  }

  #troubleOf(data: Sensitive<ReadonlyMap<string, Buffer>>): ObservedSecret | undefined {
    const entries = data.reveal();
    const [chain, key] = [entries.get('tls.crt'), entries.get('tls.key')];
    if (key === undefined || key.length === 0) return { kind: 'missing-data', detail: 'has no private key' };
    if (chain === undefined || chain.length === 0) {
      return { kind: 'missing-data', detail: 'has no certificate' };
    }
    let leaf: X509Certificate;
    try {
      leaf = new X509Certificate(chain);
    } catch {
      return { kind: 'invalid-certificate', detail: 'tls.crt cannot be read' };
    }
    try {
      const privateKey = this.#ports.pki.decodePrivateKey(new Sensitive(key.toString('utf8')));
      if (leaf.checkPrivateKey(privateKey)) return undefined;
    } catch {
      return { kind: 'invalid-key-pair', detail: 'tls.key cannot be read' };
    }
    return { kind: 'invalid-key-pair', detail: 'private key does not match the certificate' };
  }
}

/** The Certificate that a sealed Secret says it was issued for; it stands in clear. */
function certificateNameOf(text: string): string | undefined {
  // Checked member by member right here.
  const [document] = readPlainYaml(text) as [
    { readonly metadata?: { readonly annotations?: Readonly<Record<string, unknown>> } } | undefined,
  ];
  const owner = document?.metadata?.annotations?.['cert-manager.io/certificate-name'];
  return typeof owner === 'string' ? owner : undefined;
}

function formatted({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}
