import { badAnswer } from './dns-error.ts';

/** The data of a CAA record (RFC 8659, section 4.1), as it came. */
export interface CaaData {
  /** Whether a CA that does not know the tag must refuse. */
  readonly isCritical: boolean;
  /** Lower case: `issue`, `issuewild`, `iodef`, … */
  readonly tag: string;
  /** Bytes as latin-1. A stranger's words. */
  readonly value: string;
}

const CRITICAL = 0x80;

/** Throws `solvers.dns-bad-answer`. */
export function readCaaData(data: Buffer): CaaData {
  const [flags = 0, tagLength = 0] = data;
  if (data.length < 2 || tagLength === 0 || 2 + tagLength > data.length) {
    throw badAnswer('a CAA record has the wrong length');
  }
  const tag = data.subarray(2, 2 + tagLength).toString('latin1');
  if (!/^[A-Za-z0-9]+$/.test(tag))
    throw badAnswer('the tag of a CAA record has other characters than letters');
  return {
    isCritical: (flags & CRITICAL) !== 0,
    tag: tag.toLowerCase(),
    value: data.subarray(2 + tagLength).toString('latin1'),
  };
}

/** As a zone file has it: `0 issue "ca.example.net"`. */
export function formatCaa({ isCritical, tag, value }: CaaData): string {
  return `${isCritical ? CRITICAL : 0} ${tag} "${value}"`;
}
