import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { formatInstant } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import { printable } from '../lib/printable.ts';
import { type CertificateFacts, readCertificate } from '../pki/certificate-facts.ts';
import type { Draft } from './draft.ts';
import { codeOf, describeErrno } from './http-look.ts';
import type { KnownCertificate } from './observed.ts';

const MAX_NAMES_TOLD = 3;
const MAX_NAME_CHARACTERS = 40;

export interface ServedTarget {
  /** A DNS name, sent as SNI, or an IP address. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** The certificate in use; undefined where none covers the name. */
  readonly inForce: KnownCertificate | undefined;
  readonly now: Date;
}

/**
 * The certificate that a name presents today. It is looked at and not believed: whoever sits at the address chooses it.
 * Throws the signal's reason.
 */
export async function lookAtServed(target: ServedTarget, signal: AbortSignal): Promise<Draft> {
  const { host, address, port } = target;
  const asked = `TLS ${host}:${port} at ${address}`;
  try {
    const facts = readCertificate(await presented(target, signal));
    return { asked, found: describeCertificate(facts), finding: judge(facts, target) };
  } catch (thrown) {
    signal.throwIfAborted();
    if (thrown instanceof CertopsError) {
      return { asked, found: 'a certificate that cannot be read', finding: 'something-else' };
    }
    const code = codeOf(thrown);
    return code.startsWith('ERR_SSL') || code === 'EPROTO'
      ? { asked, found: `no TLS that can be spoken with (${code})`, finding: 'something-else' }
      : { asked, found: describeErrno(code), finding: 'unreachable' };
  }
}

/**
 * A name is served elsewhere where somebody else has obtained a good certificate for it since ours: one that does not
 * cover it is a server's stand-in, and one from before ours may be an earlier one of ours, not loaded anew.
 */
function judge(facts: CertificateFacts, { host, inForce, now }: ServedTarget): Draft['finding'] {
  if (inForce === undefined) return 'unknown';
  if (facts.fingerprintSHA256 === inForce.fingerprintSHA256) return 'served-here';
  const wildcard = `*.${host.split('.').slice(1).join('.')}`;
  const isCovered = facts.dnsNames.some((name) => [host, wildcard].includes(name.toLowerCase()));
  const isInDate = facts.notBefore <= now && now < facts.notAfter;
  return isCovered && isInDate && facts.notBefore > inForce.notBefore ? 'served-elsewhere' : 'something-else';
}

/** The fingerprint first, so that nothing long before it can push it out of the line. */
function describeCertificate(facts: CertificateFacts): string {
  const names = [...facts.dnsNames, ...facts.ipAddresses];
  const told = names.slice(0, MAX_NAMES_TOLD).map(cut);
  const rest = names.length - told.length;
  const list = told.length === 0 ? 'no name' : `${told.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  const until = formatInstant(facts.notAfter);
  return `SHA256:${facts.fingerprintSHA256} until ${until} by ${cut(facts.issuer)} for ${list}`;
}

function cut(text: string): string {
  const told = printable(text);
  return told.length <= MAX_NAME_CHARACTERS ? told : `${told.slice(0, MAX_NAME_CHARACTERS - 1)}…`;
}

/** DER of the leaf. */
function presented({ host, address, port }: ServedTarget, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({
      host: address,
      port,
      // Expired and foreign certificates are what is looked for.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const finish = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.destroy();
      settle();
    };
    const onAbort = (): void => finish(() => reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (cause) => finish(() => reject(cause)));
    socket.on('close', () =>
      finish(() => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))),
    );
    socket.on('secureConnect', () => {
      const der = leafOf(socket);
      finish(() => (der === undefined ? reject(new Error('no certificate')) : resolve(der)));
    });
  });
}

/** Undefined where Node cannot read what OpenSSL took. */
function leafOf(socket: TLSSocket): Buffer | undefined {
  try {
    return socket.getPeerX509Certificate()?.raw;
  } catch {
    return undefined;
  }
}
