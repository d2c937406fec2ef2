import { findCondition, isTrue } from '../api/condition.ts';
import { formatObjectName } from '../api/names.ts';
import type { CertificateStatus } from '../status/certificate-status.ts';
import { describeHeld } from '../status/recipients-status.ts';
import { type HeldObjects, heldInWords } from './held-plan.ts';
import { rejectedKey } from './rejected-key.ts';
import type { World } from './world.ts';

/** What a run ended with. */
export interface Summary {
  readonly certificates: number;
  readonly ready: number;
  /** Whatever is not as it should be, with the reason for people: objects, and places in files. */
  readonly findings: readonly Finding[];
  /** What people should know of and is no fault: recipients that wait. One line each. */
  readonly warnings: readonly string[];
}

export interface Finding {
  /** `Certificate web/www`, `ClusterIssuer pebble`, `web.yaml:3:1`. */
  readonly object: string;
  readonly message: string;
}

/**
 * Sums up a view of the repository. A Certificate or issuer counts as a finding when it is not ready, when its
 * last attempt failed, or when its newest revision is not in force; so does every error in a file that no
 * object's status tells, and a large change that waits (`held`). `unhandled` are objects by key that could not even be decided about, and why.
 */
export function summarize(
  world: World,
  unhandled: ReadonlyMap<string, string>,
  held: HeldObjects | undefined,
  now: Date,
): Summary {
  const { desired, recorded } = world;
  const keys = new Set([...desired.certificateKeys(), ...[...recorded.certificates()].map(([key]) => key)]);
  const findings: Finding[] = [];
  let ready = 0;
  for (const key of keys) {
    const status = recorded.certificate(key)?.status;
    // What is new in a change that is held is told of with it.
    if (status === undefined && held?.certificates.has(key) === true) continue;
    const issuing = status && findCondition(status.conditions, 'Issuing');
    const isReady = status !== undefined && isTrue(status.conditions, 'Ready');
    if (isReady) ready += 1;
    if (isReady && issuing?.status !== 'False' && status.problem === undefined) continue;
    if (status !== undefined && isLeftAlone(status, now)) continue;
    const why = issuing ?? (status && findCondition(status.conditions, 'Ready'));
    const message = status?.problem ?? why?.message ?? 'not issued';
    findings.push({ object: `Certificate ${key}`, message });
  }
  for (const [, { status }] of recorded.issuers()) {
    const condition = findCondition(status.conditions, 'Ready');
    if (condition?.status === 'True' && status.problem === undefined) continue;
    const object = `${status.kind} ${formatObjectName(status.name)}`;
    findings.push({ object, message: status.problem ?? condition?.message ?? '' });
  }
  for (const [key, message] of unhandled) {
    findings.push({ object: key.includes(':') ? key.replace(':', ' ') : `Certificate ${key}`, message });
  }
  if (held !== undefined) findings.push({ object: 'certops.yaml', message: heldInWords(held) });
  if (world.settingsProblem !== undefined) {
    findings.push({ object: 'certops.yaml', message: world.settingsProblem });
  }
  const warnings = (recorded.recipients?.status.held ?? []).map(
    (entry) => `.sops.yaml: nothing is sealed yet to ${describeHeld(entry)}`,
  );
  return { certificates: keys.size, ready, findings: [...findings, ...findingsInFiles(world)], warnings };
}

/** Suspended as people wished; a certificate that has ended meanwhile is worth a word all the same. */
function isLeftAlone({ conditions, problem, issued }: CertificateStatus, now: Date): boolean {
  const isSuspended = findCondition(conditions, 'Issuing')?.reason === 'Suspended';
  return isSuspended && problem === undefined && (issued === undefined || issued.notAfter > now);
}

function findingsInFiles({ desired, recorded }: World): readonly Finding[] {
  return desired.problems().flatMap(({ path, problem }): Finding[] => {
    const key = rejectedKey(problem);
    const told = key && (recorded.certificate(key) ?? recorded.issuer(key))?.status.problem;
    // A status tells the first thing that is wrong with a document; of another file it says nothing.
    const isTold = told?.startsWith(`${path}:`) === true;
    if (problem.severity !== 'error' || isTold) return [];
    const { line, column } = problem.position;
    return [{ object: `${path}:${line}:${column}`, message: problem.message }];
  });
}
