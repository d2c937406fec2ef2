import { X509Certificate } from 'node:crypto';

/** The PEM text in a `caBundle` (base64, as Kubernetes writes bytes), or why it is none. */
export type CaBundle = { readonly pem: string } | { readonly fault: string };

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const MAX_CERTIFICATES = 500;

/** Decodes and checks a `caBundle`: at least one certificate, and nothing that is not one. */
export function readCaBundle(encoded: string): CaBundle {
  const compact = encoded.replace(/[\r\n]/g, '');
  if (compact === '' || !BASE64.test(compact)) return { fault: 'must be PEM certificates encoded in base64' };
  const pem = Buffer.from(compact, 'base64').toString('utf8');
  const blocks = pem.match(BLOCK) ?? [];
  const begun = pem.match(/-----BEGIN /g)?.length ?? 0;
  if (blocks.length === 0 || begun !== blocks.length)
    return { fault: 'must be PEM certificates and nothing else' };
  if (blocks.length > MAX_CERTIFICATES)
    return { fault: `must have at most ${MAX_CERTIFICATES} certificates` };
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      return { fault: `certificate ${index + 1} of the bundle cannot be read` };
    }
  }
  return { pem: `${blocks.join('\n')}\n` };
}
