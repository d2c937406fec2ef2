import { findCondition, isTrue } from '../api/condition.ts';
import { formatObjectName } from '../api/names.ts';
import { rejectedKey } from './desired-state.ts';
import type { World } from './world.ts';

/** What a run ended with. */
export interface Summary {
  readonly certificates: number;
  readonly ready: number;
  /** Whatever is not as it should be, with the reason for people: objects, and places in files. */
  readonly findings: readonly Finding[];
}

export interface Finding {
  /** `Certificate web/www`, `ClusterIssuer pebble`, `web.yaml:3:1`. */
  readonly object: string;
  readonly message: string;
}

/**
 * Sums up a view of the repository. A Certificate or issuer counts as a finding when it is not ready, when its
 * last attempt failed, or when its newest revision is not in force; so does every error in a file that no
 * object's status tells. `unhandled` are objects by key that could not even be decided about, and why.
 */
export function summarize(world: World, unhandled: ReadonlyMap<string, string>): Summary {
  const { desired, recorded } = world;
  const keys = new Set([...desired.certificateKeys(), ...[...recorded.certificates()].map(([key]) => key)]);
  const findings: Finding[] = [];
  let ready = 0;
  for (const key of keys) {
    const status = recorded.certificate(key)?.status;
    const issuing = status && findCondition(status.conditions, 'Issuing');
    const isReady = status !== undefined && isTrue(status.conditions, 'Ready');
    if (isReady) ready += 1;
    if (isReady && issuing?.status !== 'False' && status.problem === undefined) continue;
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
  if (world.settingsProblem !== undefined) {
    findings.push({ object: 'certops.yaml', message: world.settingsProblem });
  }
  return { certificates: keys.size, ready, findings: [...findings, ...findingsInFiles(world)] };
}

function findingsInFiles({ desired, recorded }: World): readonly Finding[] {
  return desired.problems().flatMap(({ path, problem }): Finding[] => {
    const key = rejectedKey(problem);
    const isTold =
      key !== undefined && (recorded.certificate(key) ?? recorded.issuer(key))?.status.problem !== undefined;
    if (problem.severity !== 'error' || isTold) return [];
    const { line, column } = problem.position;
    return [{ object: `${path}:${line}:${column}`, message: problem.message }];
  });
}
