import type { KeyObject } from 'node:crypto';
import type { Pkcs12Profile } from '../api/certificate.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { encodeJksKeyStore, encodeJksTrustStore } from './jks.ts';
import { splitChain } from './pem.ts';
import { encodePkcs12KeyStore, encodePkcs12TrustStore } from './pkcs12.ts';

/** A key with its certificates, as keystores are made from it. */
export interface KeystoreContent {
  readonly password: Sensitive<string>;
  readonly key: KeyObject;
  /** PEM, the key's certificate first. */
  readonly chainPem: string;
  /** PEM of the CAs that the issuer names, where it does. */
  readonly caPem?: string | undefined;
}

/** A keystore, and the trust store that goes with it where a CA is known. */
export interface Keystores {
  readonly keystore: Sensitive<Uint8Array>;
  readonly truststore?: Sensitive<Uint8Array> | undefined;
}

/**
 * `keystore.p12` and `truststore.p12` as cert-manager makes them: the CAs follow the chain.
 * Throws `pki.unreadable-certificate`.
 */
export async function encodePkcs12Stores(
  content: KeystoreContent & { readonly profile: Pkcs12Profile },
): Promise<Keystores> {
  const { profile, password, key, chainPem, caPem } = content;
  const cas = casOf(caPem);
  const certificates = [...new Set([...splitChain(chainPem), ...cas])];
  return {
    keystore: await encodePkcs12KeyStore({ profile, password, key, certificates }),
    truststore:
      cas.length === 0 ? undefined : await encodePkcs12TrustStore({ profile, password, certificates: cas }),
  };
}

/**
 * `keystore.jks` and `truststore.jks` as cert-manager makes them: the CAs are entries of their own.
 * Throws `pki.unreadable-certificate`.
 */
export function encodeJksStores(
  content: KeystoreContent & { readonly alias: string; readonly now: Date },
): Keystores {
  const { alias, password, key, chainPem, caPem, now } = content;
  const cas = casOf(caPem);
  return {
    keystore: encodeJksKeyStore({ alias, password, key, chain: splitChain(chainPem), cas, now }),
    truststore: cas.length === 0 ? undefined : encodeJksTrustStore({ password, cas, now }),
  };
}

function casOf(pem: string | undefined): readonly string[] {
  return pem === undefined || pem.trim() === '' ? [] : splitChain(pem);
}
