import { CertopsError } from '../lib/errors.ts';

/** More certificates than any chain needs. */
export const MAX_CHAIN_CERTIFICATES = 20;

/** Longest PEM text of a chain that is looked at, in characters. */
export const MAX_CHAIN_CHARS = 1024 * 1024;

const BLOCK = /-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The PEM text of DER (RFC 7468), with a final newline; `label` is for example `CERTIFICATE REQUEST`. */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/**
 * The certificates of a PEM text, one a string, each with a final newline, in the order they stand in.
 *
 * At most 20 of them in 1 MiB. Text around them is refused (RFC 8555, 9.1), unless `surroundings` is `ignore`,
 * which is for files that people made with `openssl ca` or `openssl x509 -text`.
 * Throws `pki.unreadable-certificate`; what is within the blocks is not looked at.
 */
export function splitChain(pem: string, surroundings: 'refuse' | 'ignore' = 'refuse'): string[] {
  if (pem.length > MAX_CHAIN_CHARS) throw unreadable('There is over 1 MiB of it');
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0) throw unreadable('There is no certificate in PEM form in it');
  if (blocks.length > MAX_CHAIN_CERTIFICATES) {
    throw unreadable(
      `There are ${blocks.length} certificates in it, and ${MAX_CHAIN_CERTIFICATES} is the limit`,
    );
  }
  if (surroundings === 'refuse' && pem.replace(BLOCK, '').trim() !== '') {
    throw unreadable('There is something else between or around its certificates');
  }
  return blocks.map((block) => `${block.replaceAll('\r\n', '\n')}\n`);
}

function unreadable(why: string): CertopsError {
  return new CertopsError('pki.unreadable-certificate', {
    what: 'The certificate chain cannot be read',
    why,
  });
}
