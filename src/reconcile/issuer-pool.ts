import type { KeyObject } from 'node:crypto';
import type { ObjectName } from '../api/names.ts';
import type { IssuerAdapter } from '../issuers/issuer.ts';
import { CertopsError } from '../lib/errors.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { readPlainYaml } from '../lib/yaml-write.ts';
import type { Credential, IssuerCase } from './issuer-case.ts';
import { certificateKey, type IssuerKey } from './keys.ts';
import type { IssuerMaterials, Ports } from './ports.ts';
import type { World } from './world.ts';

const CREDENTIAL_MAX_BYTES = 1 << 20;

interface Pooled {
  readonly hash: string;
  readonly adapter: Promise<IssuerAdapter>;
}

/** One adapter an issuer, made from its manifest and its credential, kept while both stand. */
export class IssuerPool {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #adapters = new Map<IssuerKey, Pooled>();

  constructor(ports: Ports, world: World) {
    this.#ports = ports;
    this.#world = world;
  }

  /** Throws what reading its credential throws (`sops.…`, `reconcile.credential-…`). */
  adapter(target: IssuerCase): Promise<IssuerAdapter> {
    const pooled = this.#adapters.get(target.key);
    if (pooled?.hash === target.hash) return pooled.adapter;
    this.drop(target.key);
    const adapter = this.#create(target);
    this.#adapters.set(target.key, { hash: target.hash, adapter });
    // A failed one is made anew the next time.
    adapter.catch(() => {
      if (this.#adapters.get(target.key)?.adapter === adapter) this.#adapters.delete(target.key);
    });
    return adapter;
  }

  drop(key: IssuerKey): void {
    const pooled = this.#adapters.get(key);
    this.#adapters.delete(key);
    pooled?.adapter.then(
      (adapter) => adapter.close(),
      () => {},
    );
  }

  close(): void {
    for (const key of [...this.#adapters.keys()]) this.drop(key);
  }

  async #create(target: IssuerCase): Promise<IssuerAdapter> {
    const { issuer, credential, recorded, declared } = target;
    const data = credential === undefined ? undefined : await this.#open(credential);
    const isSameAccount = recorded?.status.source?.specHash === declared.specHash;
    const materials: IssuerMaterials = {
      accountKey:
        issuer.spec.type === 'acme' && data !== undefined ? this.#accountKey(target, data) : undefined,
      accountUri: isSameAccount ? recorded?.status.acme?.uri : undefined,
      keyPair: issuer.spec.type === 'ca' ? data : undefined,
      isOrderTaken: (orderUrl, request) => {
        const holder = this.#world.recorded.orderHolder(orderUrl);
        return holder !== undefined && holder !== certificateKey(request.certificate);
      },
    };
    return this.#ports.createIssuer(issuer, materials);
  }

  async #open(credential: Credential): Promise<Sensitive<ReadonlyMap<string, Buffer>>> {
    const { path, blob, writtenBy, secret } = credential;
    const bytes = await this.#ports.store.readBlob(blob, CREDENTIAL_MAX_BYTES);
    const text = Buffer.from(bytes).toString('utf8');
    const { sealer } = this.#ports;
    if (writtenBy === 'people') return (await sealer.openCredential(text, path, secret)).data;
    // An account key of ours keeps the name it was made under when privateKeySecretRef is renamed; whose file
    // it is says its path, which our signature vouches for.
    const isAccountKey = path !== this.#world.paths.secret(secret);
    return (await sealer.open(text, path, isAccountKey ? clearName(text, secret) : secret)).data;
  }

  #accountKey(target: IssuerCase, data: Sensitive<ReadonlyMap<string, Buffer>>): KeyObject {
    const { spec } = target.issuer;
    const key = spec.type === 'acme' ? spec.privateKeySecretRef.key : 'tls.key';
    const pem = data.reveal().get(key);
    if (pem === undefined) {
      throw new CertopsError(
        'reconcile.credential-incomplete',
        {
          what: `${target.credential?.path} has no key "${key}"`,
          next: 'Add it with sops, or name the right key in spec.acme.privateKeySecretRef.key',
        },
        { retry: { when: 'never' } },
      );
    }
    return this.#ports.pki.decodePrivateKey(new Sensitive(pem.toString('utf8')));
  }
}

/** The name in clear of a sealed Secret; `otherwise` where it has none. */
function clearName(text: string, otherwise: ObjectName): ObjectName {
  // Checked member by member right here.
  const [document] = readPlainYaml(text) as [{ readonly metadata?: Partial<ObjectName> } | undefined];
  const { namespace, name } = document?.metadata ?? {};
  return typeof namespace === 'string' && typeof name === 'string' ? { namespace, name } : otherwise;
}
