import { createHash } from 'node:crypto';
import type { CauseCode, CauseScope, CauseSubject } from './cause.ts';

/** Goes into every key: another way of making keys must not find the pull requests of the old one. */
const VERSION = 1;

/** What makes a cause that cause. */
export interface CauseIdentity {
  /** `validation` stands for whatever a CA found wrong with names: our own look may name it otherwise each time. */
  readonly code: CauseCode | 'validation';
  readonly scope: CauseScope;
  readonly subject: CauseSubject;
  readonly zone?: string | undefined;
  /** Names that fail, in any order, form and number. */
  readonly names?: readonly string[] | undefined;
  /** What else tells it from others: provider, server and credential of a solver, a Secret, a plan. */
  readonly parts?: readonly (string | undefined)[] | undefined;
}

/** The key of a cause: 64 hex digits, the same wherever and whenever it is made. */
export function causeKey({ code, scope, subject, zone, names = [], parts = [] }: CauseIdentity): string {
  const { kind, namespace, name } = subject;
  const failing = [...new Set(names.map((one) => one.toLowerCase()))].sort();
  const identity = [VERSION, code, scope, kind, namespace, name, plainZone(zone), failing, parts];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

/** A zone as it is compared and told: lower case, without the full stop at its end. */
export function plainZone(zone: string | undefined): string | null {
  return zone === undefined ? null : zone.toLowerCase().replace(/\.$/, '');
}
