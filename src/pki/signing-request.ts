import type { KeyObject } from 'node:crypto';
import type { Extension } from '@peculiar/x509';
import type { CertificateSpec } from '../api/certificate.ts';
import { specifiedNames } from './certificate-names.ts';
import { DER_TAG } from './der-reader.ts';
import { derElement, derOid, derSequence, derUnsignedInteger } from './der-writer.ts';
import { encodeName, subjectName } from './distinguished-name.ts';
import {
  altNameExtensions,
  encodeExtensions,
  nameConstraintExtensions,
  usageExtensions,
} from './extension-writer.ts';
import { EXTENSION_REQUEST_OID } from './request-reader.ts';
import { publicKeyDer, signatureScheme, signStructure } from './sign-structure.ts';
import { resolveUsages } from './usages.ts';
import { loadX509 } from './x509-library.ts';

export { acmeIdentifiers } from './certificate-names.ts';
export { compareRequestWithSpec } from './request-comparison.ts';

/** RFC 2986, 4.1: the only version there is has the number 0. */
const VERSION_1 = derUnsignedInteger(Uint8Array.of(0));

/**
 * The PKCS#10 request (RFC 2986) for a specification, as DER, signed by `key`, made as cert-manager makes it:
 * subject and alternative names as specified (commonName is not copied into them), usages unless
 * `encodeUsagesInRequest` is off, basicConstraints when a CA is asked for, and name constraints.
 * Throws `pki.unencodable-name`, `pki.bad-literal-subject`, `pki.unsupported-key`, `pki.wrong-signature-algorithm`.
 */
export async function createSigningRequest(spec: CertificateSpec, key: KeyObject): Promise<Uint8Array> {
  const scheme = signatureScheme(key, spec.signatureAlgorithm);
  const x509 = await loadX509();
  const subject = subjectName(spec);
  const extensions = [
    ...altNameExtensions(x509, specifiedNames(spec), subject),
    ...(spec.encodeUsagesInRequest ? usageExtensions(x509, resolveUsages(spec.usages, spec.isCA)) : []),
    ...(spec.isCA ? [new x509.BasicConstraintsExtension(true, undefined, true)] : []),
    ...nameConstraintExtensions(x509, spec.nameConstraints),
  ];
  const info = derSequence(
    VERSION_1,
    encodeName(subject),
    publicKeyDer(key),
    derElement(0xa0, ...extensionRequest(extensions)),
  );
  return await signStructure(info, key, scheme);
}

function extensionRequest(extensions: readonly Extension[]): Uint8Array[] {
  if (extensions.length === 0) return [];
  const values = derElement(DER_TAG.set, encodeExtensions(extensions));
  return [derSequence(derOid(EXTENSION_REQUEST_OID), values)];
}
