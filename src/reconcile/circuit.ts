import type { Cause } from '../diagnosis/cause.ts';
import type { Applicant } from './applicant.ts';
import { type CertificateKey, type IssuerKey, issuerKey } from './keys.ts';

const MINUTE_MS = 60_000;
/** Between two Certificates that are tried besides the probe; doubled each time. */
export const FIRST_ZONE_PROBE_MS = 5 * MINUTE_MS;
const LONGEST_ZONE_PROBE_MS = 2 * 60 * MINUTE_MS;

/** While it is open an issuer, a solver or a zone counts as broken. */
export interface Circuit {
  readonly cause: Cause;
  readonly issuer: IssuerKey;
  /** What the issuer was when it failed; undefined: not known. */
  readonly issuerHash: string | undefined;
  /** Those of the Certificate that failed; for causes of a solver. */
  readonly solvers: readonly string[];
  /** It was found on record: another process saw it fail. */
  isFromRecord: boolean;
  /** The newest failure that it was found by. */
  since: Date;
  probe: CertificateKey;
  /** When it became the probe's turn. */
  probeSince: Date;
  /** When one besides the probe may try: of a zone whoever asks, else one that comes near its end. */
  nextProbeAt: Date;
  probes: number;
  /** Those that were given leave though it is open, until they are back. */
  readonly letThrough: Set<CertificateKey>;
}

/** Why a Certificate may ask though a circuit is open; `later`: when nobody else does. */
export type Turn = 'own' | 'probe' | 'besides' | 'free' | 'later';

/** Whom an open circuit was found by. */
export type FoundBy = Pick<Applicant, 'key' | 'issuer' | 'issuerHash' | 'solvers'>;

/** Notes that one goes on its turn. */
export function take(circuit: Circuit, turn: Turn, key: CertificateKey, now: Date): void {
  circuit.letThrough.add(key);
  if (turn === 'own' || turn === 'free') return;
  if (turn === 'besides') {
    const waitMs = Math.min(FIRST_ZONE_PROBE_MS * 2 ** circuit.probes, LONGEST_ZONE_PROBE_MS);
    circuit.probes += 1;
    circuit.nextProbeAt = new Date(now.getTime() + waitMs);
    if (circuit.cause.scope !== 'zone') return;
  }
  circuit.probe = key;
  circuit.probeSince = now;
  circuit.isFromRecord = false;
}

/** Whether the issuer has changed, or was found ready again, since it failed. */
export function isOutdated(circuit: Circuit, { issuer, issuerHash, issuerReadySince }: Applicant): boolean {
  if (circuit.issuer !== issuer) return false;
  const isEdited = circuit.issuerHash !== undefined && issuerHash !== undefined;
  return (
    (isEdited && circuit.issuerHash !== issuerHash) ||
    (issuerReadySince !== undefined && issuerReadySince > circuit.since)
  );
}

/** The issuer that was asked, where one was. */
export function issuerOf({ issuer }: Cause): IssuerKey | undefined {
  return issuer && issuerKey(issuer.kind, issuer);
}

/** The last two labels of a name that failed: those of one registered domain have them in common. */
export function domainOf({ identifiers: [first] }: Cause): string {
  return (first?.identifier ?? '').split('.').slice(-2).join('.');
}

/** Whether it may be of the same registered domain: a first look, since many are compared. */
export function isOfDomain({ identifiers: [first] }: Cause, domain: string): boolean {
  return (first?.identifier ?? '').endsWith(domain);
}

/** Whether others than the Certificate that failed must fail for it. */
export function isShared({ scope }: Cause): boolean {
  return scope === 'issuer' || scope === 'solver' || scope === 'zone';
}

/** Whether a Certificate needs what is broken. */
export function matches({ cause, issuer, solvers }: Circuit, applicant: Applicant): boolean {
  if (issuer !== applicant.issuer) return false;
  const { zone } = cause;
  const isInZone = zone === undefined || applicant.names.some((name) => isUnder(name, zone));
  switch (cause.scope) {
    case 'zone':
      return isInZone;
    case 'solver':
      return isInZone && applicant.solvers.some((solver) => solvers.includes(solver));
    default:
      return true;
  }
}

function isUnder(name: string, zone: string): boolean {
  const plain = name.toLowerCase().replace(/^\*\./, '');
  const parent = zone.toLowerCase().replace(/\.$/, '');
  return plain === parent || plain.endsWith(`.${parent}`);
}
