import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { formatInstant } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import { printable } from '../lib/printable.ts';
import { type CertificateFacts, readCertificate } from '../pki/certificate-facts.ts';
import type { Draft } from './draft.ts';
import { codeOf, describeErrno } from './http-look.ts';
import type { KnownCertificate } from './observed.ts';
import { isTimeout } from './time-box.ts';

const MAX_ADDRESSES = 4;
const MAX_NAMES_TOLD = 3;
const MAX_NAME_CHARACTERS = 40;

export interface ServedTarget {
  /** A DNS name, sent as SNI, or an IP address. */
  readonly host: string;
  /** All that it has. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly isAllowed: (host: string, address: string) => boolean;
  /** The certificate in use; undefined where none covers the name. */
  readonly inForce: KnownCertificate | undefined;
  /** PEM of whom to believe; undefined: whom Node trusts. */
  readonly roots: readonly string[] | undefined;
  readonly now: Date;
}

/** What one address presents. */
interface Presented {
  /** DER of the leaf. */
  readonly leaf: Buffer;
  /** An authority that this host trusts vouches for it, for this name and now. */
  readonly isTrusted: boolean;
}

/**
 * The certificates that a name presents today, those of several addresses together where they are the same. It is
 * looked at and not believed: whoever sits at an address chooses it. Throws the signal's reason where that is not that
 * the time is up.
 */
export async function lookAtServed(target: ServedTarget, signal: AbortSignal): Promise<readonly Draft[]> {
  const { host, port, addresses } = target;
  const asked = pick(addresses).filter((address) => target.isAllowed(host, address));
  const sights = await Promise.all(asked.map((address) => lookAt(address, target, signal)));
  // One address of several may be somebody else's while ours serves on, whether or not that is seen at the moment.
  const isElsewhere =
    asked.length === addresses.length && sights.every(({ finding }) => finding === 'served-elsewhere');
  const drafts = new Map<string, Draft>();
  for (const [index, { found, finding: own }] of sights.entries()) {
    const finding = own === 'served-elsewhere' && !isElsewhere ? 'something-else' : own;
    const address = asked[index] ?? '';
    const same = drafts.get(`${finding} ${found}`);
    const told = same === undefined ? `TLS ${host}:${port} at ${address}` : `${same.asked}, ${address}`;
    drafts.set(`${finding} ${found}`, { asked: told, found, finding });
  }
  return [...drafts.values()];
}

/** The first few, and the first of IPv6, which comes after IPv4. */
function pick(addresses: readonly string[]): readonly string[] {
  const [six] = addresses.filter((address) => isIP(address) === 6);
  return [...new Set([...addresses.slice(0, MAX_ADDRESSES), ...(six === undefined ? [] : [six])])];
}

async function lookAt(
  address: string,
  target: ServedTarget,
  signal: AbortSignal,
): Promise<Pick<Draft, 'found' | 'finding'>> {
  try {
    const { leaf, isTrusted } = await presented(address, target, signal);
    const facts = readCertificate(leaf);
    return { found: describeCertificate(facts), finding: judge(facts, isTrusted, target) };
  } catch (thrown) {
    if (isTimeout(thrown)) return { found: 'no answer within the time', finding: 'unreachable' };
    signal.throwIfAborted();
    if (thrown instanceof CertopsError) {
      return { found: 'a certificate that cannot be read', finding: 'something-else' };
    }
    const code = codeOf(thrown);
    return code.startsWith('ERR_SSL') || code === 'EPROTO'
      ? { found: `no TLS that can be spoken with (${code})`, finding: 'something-else' }
      : { found: describeErrno(code), finding: 'unreachable' };
  }
}

/**
 * A name is served elsewhere where somebody else has obtained a certificate for it since ours from whom everybody
 * trusts: one that nobody vouches for anybody can make, one of
 * another Certificate of ours is ours as well, one that does not cover the name is a server's stand-in, and
 * one from before ours may be an earlier one of ours, not loaded anew.
 */
function judge(
  facts: CertificateFacts,
  isTrusted: boolean,
  { host, inForce, now }: ServedTarget,
): Draft['finding'] {
  if (inForce === undefined) return 'unknown';
  if (facts.fingerprintSHA256 === inForce.fingerprintSHA256) return 'served-here';
  const wildcard = `*.${host.split('.').slice(1).join('.')}`;
  const isCovered = facts.dnsNames.some((name) => [host, wildcard].includes(name.toLowerCase()));
  const isInDate = facts.notBefore <= now && now < facts.notAfter;
  const isNewer = facts.notBefore > inForce.notBefore;
  const isStrange = isTrusted && inForce.isOnRecord?.(facts.fingerprintSHA256) !== true;
  return isStrange && isCovered && isInDate && isNewer ? 'served-elsewhere' : 'something-else';
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

function presented(
  address: string,
  { host, port, roots }: ServedTarget,
  signal: AbortSignal,
): Promise<Presented> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({
      host: address,
      port,
      // Expired and foreign certificates are what is looked for.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(roots === undefined ? {} : { ca: [...roots] }),
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
      const leaf = leafOf(socket);
      const isTrusted = socket.authorized;
      finish(() => (leaf === undefined ? reject(new Error('no certificate')) : resolve({ leaf, isTrusted })));
    });
  });
}

/** DER; undefined where Node cannot read what OpenSSL took. */
function leafOf(socket: TLSSocket): Buffer | undefined {
  try {
    return socket.getPeerX509Certificate()?.raw;
  } catch {
    return undefined;
  }
}
