import type { KeyObject } from 'node:crypto';
import type { RateLedger } from '../acme/rate-ledger.ts';
import { isTrue } from '../api/condition.ts';
import type { SecretKeyRef } from '../api/names.ts';
import { accountKeyHash } from '../issuers/account-key-hash.ts';
import type { IssuerAdapter } from '../issuers/issuer.ts';
import { CertopsError } from '../lib/errors.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { clearName } from './clear-name.ts';
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
  readonly #ledger: RateLedger | undefined;
  readonly #adapters = new Map<IssuerKey, Pooled>();

  /** `ledger` keeps the limits of CAs, for all issuers together. */
  constructor(ports: Ports, world: World, ledger?: RateLedger) {
    this.#ports = ports;
    this.#world = world;
    this.#ledger = ledger;
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
    const { issuer, credential } = target;
    const data = credential === undefined ? undefined : await this.#open(credential);
    const accountKey =
      issuer.spec.type === 'acme' && data !== undefined ? this.#accountKey(target, data) : undefined;
    const materials: IssuerMaterials = {
      accountKey,
      ...(accountKey === undefined ? {} : await this.#account(target, accountKey)),
      ledger: this.#ledger,
      keyPair: issuer.spec.type === 'ca' ? data : undefined,
      credential: (ref) => this.#provided(target, ref),
      isOrderTaken: (orderUrl, request) => {
        const holder = this.#world.recorded.orderHolder(orderUrl);
        return holder !== undefined && holder !== certificateKey(request.certificate);
      },
    };
    return this.#ports.createIssuer(issuer, materials);
  }

  /** What is on record of the account that this key is for, or that is to get it. */
  async #account(target: IssuerCase, accountKey: KeyObject) {
    const { issuer, recorded, declared } = target;
    const { spec } = issuer;
    const acme = recorded?.status.acme;
    if (spec.type !== 'acme' || recorded === undefined || acme === undefined) return {};
    // An account belongs to one CA; another one never hears of it.
    if (!isSameOrigin(acme.uri, spec.server)) return {};
    const { lastRegisteredEmail, lastPrivateKeyHash } = acme;
    if (lastPrivateKeyHash !== undefined && lastPrivateKeyHash !== accountKeyHash(accountKey)) {
      const previousKey = await this.#previousKey(target, lastPrivateKeyHash);
      if (previousKey === undefined) return {};
      return { rollover: { previousKey, accountUrl: acme.uri }, lastRegisteredEmail };
    }
    const isAsRegistered =
      isTrue(recorded.status.conditions, 'Ready') &&
      recorded.status.source?.specHash === declared.specHash &&
      lastRegisteredEmail === spec.email;
    return { lastRegisteredEmail, ...(isAsRegistered ? { accountUri: acme.uri } : {}) };
  }

  /** The key that the CA knows the account by, from the commit where it stood; undefined where it cannot be had. */
  async #previousKey(target: IssuerCase, hash: string): Promise<KeyObject | undefined> {
    const { recorded, credentialSecret, issuer } = target;
    const { status } = recorded ?? {};
    const blob = status?.accountKeyBlob ?? status?.credentialBlob;
    const path = status?.accountKeyPath ?? status?.credentialPath;
    if (blob === undefined || path === undefined || credentialSecret === undefined) return undefined;
    try {
      const text = await this.#read(blob);
      const name = clearName(text) ?? credentialSecret;
      const { sealer } = this.#ports;
      const isOurs = path === this.#world.paths.accountKey(issuer.name);
      const { data } = isOurs
        ? await sealer.open(text, path, name)
        : await sealer.openCredential(text, path, name);
      // Which of them it was may have been renamed since: the hash on record tells.
      for (const [entry, value] of data.reveal()) {
        if (!value.includes('PRIVATE KEY')) continue;
        const key = this.#ports.pki.decodePrivateKey(new Sensitive(value.toString('utf8')));
        if (accountKeyHash(key) === hash) return key;
        this.#ports.log.debug({ issuer: target.key, entry }, 'not the key of the account on record');
      }
    } catch (thrown) {
      if (!(thrown instanceof CertopsError)) throw thrown;
      this.#ports.log.warn(
        { issuer: target.key, ...thrown.logFields() },
        'the former key of the ACME account cannot be opened: the account cannot be moved to its new key',
      );
    }
    return undefined;
  }

  async #read(blob: string): Promise<string> {
    const bytes = await this.#ports.store.readBlob(blob, CREDENTIAL_MAX_BYTES);
    return Buffer.from(bytes).toString('utf8');
  }

  async #provided(target: IssuerCase, ref: SecretKeyRef): Promise<Sensitive<Buffer>> {
    const { namespace } = target.credentialSecret ?? target.issuer.name;
    const [file, ...others] = target.provided.get(ref.name) ?? [];
    const secret = `Secret "${namespace}/${ref.name}"`;
    const data = { secret: `${namespace}/${ref.name}` };
    if (file === undefined) {
      throw new CertopsError(
        'reconcile.credential-missing',
        {
          what: `${secret}, which the issuer names, is not there`,
          next: `Commit it, sealed with sops, with the key "${ref.key}"`,
        },
        { retry: { when: 'never' }, data },
      );
    }
    if (others.length > 0) {
      throw new CertopsError(
        'reconcile.credential-ambiguous',
        {
          what: `${secret} is declared in ${others.length + 1} files`,
          why: 'Which of them is meant is not for certops to guess',
          next: 'Keep one of them',
        },
        { retry: { when: 'never' }, data },
      );
    }
    const opened = await this.#open(file);
    const value = opened.reveal().get(ref.key);
    if (value !== undefined) return new Sensitive(value);
    throw new CertopsError(
      'reconcile.credential-incomplete',
      { what: `${file.path} has no key "${ref.key}"`, next: 'Add it with sops, or name the right key' },
      { retry: { when: 'never' }, data },
    );
  }

  async #open(credential: Credential): Promise<Sensitive<ReadonlyMap<string, Buffer>>> {
    const { path, blob, writtenBy, secret } = credential;
    const text = await this.#read(blob);
    const { sealer } = this.#ports;
    if (writtenBy === 'people') return (await sealer.openCredential(text, path, secret)).data;
    // An account key of ours keeps the namespace it was made under when clusterResourceNamespace changes; whose
    // file it is says its path, which our signature vouches for.
    const isAccountKey = path !== this.#world.paths.secret(secret);
    return (await sealer.open(text, path, isAccountKey ? (clearName(text) ?? secret) : secret)).data;
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
        { retry: { when: 'never' }, data: { secret: target.credential?.path } },
      );
    }
    return this.#ports.pki.decodePrivateKey(new Sensitive(pem.toString('utf8')));
  }
}

function isSameOrigin(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).origin === new URL(other).origin;
}
