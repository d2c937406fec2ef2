import type { KeyObject } from 'node:crypto';
import { asCertopsError, CertopsError } from '../lib/errors.ts';
import { Sensitive } from '../lib/sensitive.ts';
import {
  type CertificateFacts,
  isSignedBy,
  parseCertificate,
  readCertificate,
  splitChain,
} from '../pki/certificate-facts.ts';
import { decodePrivateKey } from '../pki/private-key.ts';
import type { OpenedSecret, Sealer } from '../secrets/sealer.ts';
import type { AgeIdentities } from '../secrets/sops/identities.ts';
import type { OpenWorld } from './open-world.ts';
import { finding, type OutputText, type VerifyFinding } from './verify-repository.ts';

/** What was found of one sealed file. */
export interface SecretCheck {
  readonly path: string;
  readonly blob: string;
  readonly isOpened: boolean;
  /** Whether it says that an issuer made it for a Certificate. */
  readonly isIssued: boolean;
  /** The leaf in it, where it was opened and holds one. */
  readonly leaf?: CertificateFacts | undefined;
  readonly findings: readonly VerifyFinding[];
}

export interface SecretTools {
  readonly sealer: Sealer;
  readonly identities: AgeIdentities;
  readonly world: OpenWorld['world'];
}

/** Checks one sealed file: structure, recipients and, with an identity, MAC, names, key and chain. */
export async function checkSecret(
  { path, blob, place, text }: OutputText,
  { sealer, identities, world }: SecretTools,
): Promise<SecretCheck> {
  const findings: VerifyFinding[] = [];
  const isCertificates =
    place.kind === 'secret' &&
    world.paths.classify(path)?.kind === 'secret' &&
    text.includes('cert-manager.io/certificate-name');
  // A stand-in until the first certificate comes names no issuer, and is on no record.
  const isIssued = isCertificates && text.includes('cert-manager.io/issuer-name');
  const check = { path, blob, isIssued, findings };
  let isOpened = false;
  try {
    const recipients = sealer.sealedTo(text, path);
    if (isCertificates)
      findings.push(...checkRecipients(path, recipients, sealer.rules.namedRecipients(path)));
    const own = await identities.recipients();
    if (!own.some((recipient) => recipients.includes(recipient))) return { ...check, isOpened: false };
    const opened = await sealer.open(text, path, place.kind === 'secret' ? place.name : undefined);
    isOpened = true;
    if (place.kind === 'account-key') {
      const rulePath = world.paths.secret({ namespace: opened.namespace, name: opened.name });
      findings.push(...checkRecipients(path, recipients, sealer.rules.namedRecipients(rulePath)));
    }
    const leaf = isCertificates ? checkKeyPair(opened) : undefined;
    if (place.kind === 'account-key' || place.kind === 'request-key') privateKeyOf(opened);
    return { ...check, isOpened, leaf };
  } catch (thrown) {
    const error = asCertopsError(thrown);
    findings.push(finding('error', path, ruleOf(error), error.explain()));
    return { ...check, isOpened };
  }
}

function checkRecipients(
  path: string,
  sealedTo: readonly string[],
  named: readonly string[] | undefined,
): readonly VerifyFinding[] {
  if (named === undefined) {
    return [finding('error', path, 'no-rule', 'no rule of .sops.yaml can be used for it')];
  }
  const extra = sealedTo.filter((recipient) => !named.includes(recipient));
  const missing = named.filter((recipient) => !sealedTo.includes(recipient));
  return [
    ...extra.map((one) =>
      finding(
        'error',
        path,
        'recipient-not-named',
        `is sealed to ${one}, which .sops.yaml does not name for it`,
      ),
    ),
    ...missing.map((one) =>
      finding(
        'warning',
        path,
        'recipient-waits',
        `is not sealed to ${one}, which .sops.yaml names: certops rekey, or the daemon’s setting "recipients"`,
      ),
    ),
  ];
}

/** The leaf of a Secret whose key is the certificate's, and whose chain holds. Throws what is wrong. */
function checkKeyPair(opened: OpenedSecret): CertificateFacts {
  const data = opened.data.reveal();
  const chainPem = data.get('tls.crt');
  if (chainPem === undefined) throw broken('cli.chain-missing', 'it holds no tls.crt');
  const key = privateKeyOf(opened);
  checkChain(chainPem.toString('utf8'), data.get('ca.crt')?.toString('utf8'));
  const leaf = parseCertificate(splitChain(chainPem.toString('utf8'))[0] ?? '');
  if (!leaf.checkPrivateKey(key)) throw broken('cli.wrong-key', 'its tls.key is not the key of its tls.crt');
  return readCertificate(chainPem.toString('utf8'));
}

function privateKeyOf(opened: OpenedSecret): KeyObject {
  const key = opened.data.reveal().get('tls.key');
  if (key === undefined) throw broken('cli.key-missing', 'it holds no tls.key');
  return decodePrivateKey(new Sensitive(key.toString('utf8')));
}

/** Every certificate is signed by the one that follows, the last by `caPem` where that is known. */
export function checkChain(chainPem: string, caPem?: string): void {
  const chain = splitChain(chainPem).map(parseCertificate);
  const authorities = caPem === undefined ? [] : splitChain(caPem).map(parseCertificate);
  for (const [index, certificate] of chain.entries()) {
    const next = chain[index + 1];
    const issuers = next === undefined ? authorities : [next];
    const isLast = next === undefined;
    if (isLast && issuers.length === 0) return;
    if (!issuers.some((issuer) => isSignedBy(certificate, issuer))) {
      throw broken('cli.broken-chain', `certificate ${index + 1} of its chain is not signed by the next`);
    }
  }
}

/** The error's code without the room that it comes from. */
export function ruleOf({ code }: CertopsError): string {
  return code.slice(code.indexOf('.') + 1);
}

function broken(code: string, what: string): CertopsError {
  return new CertopsError(code, { what }, { retry: { when: 'never' } });
}
