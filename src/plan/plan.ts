import { fingerprint } from '../api/fingerprint.ts';
import type { IssuerCost } from './plan-costs.ts';

/** What merging does about one object. */
export type PlanAction =
  /** A first certificate. */
  | 'issue'
  /** Another certificate, because what is wanted changed. */
  | 'reissue'
  /** Another certificate, because it is time or somebody asks. */
  | 'renew'
  /** Taken over without another certificate. */
  | 'update'
  | 'remove'
  /** Nothing. */
  | 'none'
  | 'suspended'
  /** Cannot be accepted as it is written. */
  | 'invalid'
  /** A policy or the tenancy rules do not allow it. */
  | 'denied';

/** All of them, in the order in which a plan shows them: what needs eyes first. */
export const PLAN_ACTIONS: readonly PlanAction[] = [
  'invalid',
  'denied',
  'remove',
  'reissue',
  'issue',
  'renew',
  'update',
  'suspended',
  'none',
];

/** A value before and after; undefined where there is none. */
export interface FromTo<T> {
  readonly from?: T | undefined;
  readonly to?: T | undefined;
}

/** What a policy has against a Certificate. */
export interface PolicyRefusal {
  /** Name of the CertificateRequestPolicy. */
  readonly policy: string;
  readonly file?: string | undefined;
  /** Of the expression, where one speaks against it. */
  readonly line?: number | undefined;
  /** Field of the policy. */
  readonly field: string;
  readonly message: string;
}

/** One object that a change touches. */
export interface PlannedChange {
  readonly action: PlanAction;
  /** cert-manager's or certops's own reason: `DoesNotExist`, `RequestChanged`, `Denied`. */
  readonly reason: string;
  /** `Certificate`, `Issuer`, `ClusterIssuer`; `File` where not even the object is known. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Where it is declared, or was. */
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** One sentence for people. */
  readonly message: string;
  readonly namesAdded?: readonly string[] | undefined;
  readonly namesRemoved?: readonly string[] | undefined;
  /** `Kind/name`. */
  readonly issuer?: FromTo<string> | undefined;
  /** `ECDSA 256`. */
  readonly key?: FromTo<string> | undefined;
  readonly secretPath?: FromTo<string> | undefined;
  /** Age recipients by the base's `.sops.yaml`. */
  readonly recipients?: FromTo<readonly string[]> | undefined;
  /** Fields that differ, as field paths. */
  readonly fields?: readonly string[] | undefined;
  readonly policies?: readonly PolicyRefusal[] | undefined;
  /** Fingerprint of what is declared, before and after: what the plan's id speaks of. */
  readonly content?: FromTo<string> | undefined;
}

/** A plan in figures. */
export interface PlanSummary {
  /** Number of changes by action; actions without any are left out. */
  readonly actions: Readonly<Partial<Record<PlanAction, number>>>;
  /** Certificates that the base declares. */
  readonly certificates: number;
  /** It would issue, reissue or remove more than 30 per cent of at least 10 Certificates, or more than 50 in all. */
  readonly isLarge: boolean;
  /** It is large, the base declares at least 10 Certificates, and what is to be merged does not confirm it. */
  readonly isUnconfirmed: boolean;
  readonly costs: readonly IssuerCost[];
  readonly warnings: readonly string[];
}

/** What merging a change would do, object by object. */
export interface Plan {
  /** Hash of the affected objects and what changes for each: the same after a rebase and at another time. */
  readonly id: string;
  readonly summary: PlanSummary;
  readonly changes: readonly PlannedChange[];
}

const LARGE_SHARE = 0.3;
const LARGE_SHARE_OF_AT_LEAST = 10;
const LARGE_COUNT = 50;

/** Puts a plan together; the order in which changes are given does not matter. */
export function createPlan(input: {
  readonly changes: readonly PlannedChange[];
  /** Certificates that the base declares. */
  readonly certificates: number;
  readonly costs: readonly IssuerCost[];
  readonly warnings: readonly string[];
  /** Ids of plans that what is to be merged confirms: its `spec.confirmed`. */
  readonly confirmed?: readonly string[];
}): Plan {
  const changes = input.changes.toSorted((a, b) => compareText(sortKey(a), sortKey(b)));
  const actions: Partial<Record<PlanAction, number>> = {};
  for (const action of PLAN_ACTIONS) {
    const count = changes.filter((change) => change.action === action).length;
    if (count > 0) actions[action] = count;
  }
  const { certificates, costs, warnings, confirmed = [] } = input;
  const id = planId(changes);
  const count = weightyChanges(changes).length;
  const isUnconfirmed = isOverRail(count, certificates) && !confirmed.includes(id);
  const summary = {
    ...{ actions, certificates, costs, warnings },
    ...{ isLarge: isLarge(count, certificates), isUnconfirmed },
  };
  return { id, summary, changes };
}

/** Whether a plan holds something that must not be merged as it is. */
export function hasFinding({ changes }: Plan): boolean {
  return changes.some(({ action }) => action === 'invalid' || action === 'denied');
}

/**
 * Certificates that are issued, reissued or removed: what the safety rail counts. A first certificate that was wanted
 * before is none of them: whoever corrects what never worked puts nothing at stake.
 */
export function weightyChanges(changes: readonly PlannedChange[]): readonly PlannedChange[] {
  return changes.filter(({ kind, action, content }) => {
    if (kind !== 'Certificate') return false;
    const isNew = action === 'issue' && content?.from === undefined;
    return isNew || action === 'reissue' || action === 'remove';
  });
}

/**
 * Whether so many changes to a branch that declares so many Certificates wait until somebody confirms them. The first
 * filling of a repository is no slip, whatever its size.
 */
export function isOverRail(count: number, certificates: number): boolean {
  return certificates >= LARGE_SHARE_OF_AT_LEAST && isLarge(count, certificates);
}

function isLarge(count: number, certificates: number): boolean {
  const isLargeShare = certificates >= LARGE_SHARE_OF_AT_LEAST && count > LARGE_SHARE * certificates;
  return isLargeShare || count > LARGE_COUNT;
}

/** No message, no place and no reason is part of it: they may depend on the time, and on commits of others. */
function planId(changes: readonly PlannedChange[]): string {
  const objects = changes.map(({ action, kind, namespace, name, file, content, ...change }) => ({
    ...{ action, kind, namespace, name, content },
    // What has no name of its own is known by its file.
    ...(kind === 'File' ? { file } : {}),
    namesAdded: change.namesAdded,
    namesRemoved: change.namesRemoved,
    issuer: change.issuer,
    key: change.key,
    secretPath: change.secretPath,
    recipients: change.recipients,
  }));
  return fingerprint(objects).slice(0, 16);
}

function sortKey({ action, kind, namespace, name, file = '' }: PlannedChange): string {
  return [PLAN_ACTIONS.indexOf(action), kind, namespace, name, file].join('\u0000');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
