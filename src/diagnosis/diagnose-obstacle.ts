import { cutText } from '../lib/cut-text.ts';
import { printable } from '../lib/printable.ts';
import type { Cause, CauseCode, CauseScope, CauseSubject, Obstacle, ObstacleContext } from './cause.ts';
import { causeKey } from './cause-key.ts';
import { CAUSE_WORDS } from './cause-words.ts';
import type { ToldProblem } from './failure.ts';
import { sentence } from './telling.ts';

const MAX_DETAIL_CHARACTERS = 500;

const CODES: Readonly<Record<Obstacle['kind'], CauseCode>> = {
  invalid: 'manifest-invalid',
  'not-allowed': 'not-allowed-here',
  'not-served': 'not-served',
  denied: 'denied',
  unapproved: 'unapproved',
  'issuer-missing': 'issuer-missing',
  'secret-claimed': 'secret-claimed',
  'secret-not-owned': 'secret-not-owned',
  suspended: 'suspended-too-long',
  held: 'plan-held',
};

/**
 * What stands in the way of an object, as a cause. Its key does not hang on what exactly is wrong with a manifest: two
 * bad fields of one object are mended in one pull request. Never throws.
 */
export function diagnoseObstacle(obstacle: Obstacle, context: ObstacleContext): Cause {
  const code = CODES[obstacle.kind];
  const issuer = issuerOf(context);
  const subject = subjectOf(obstacle, context.subject, issuer);
  const scope = SCOPES[subject.kind] ?? 'certificate';
  const words = CAUSE_WORDS[code];
  const problem = problemOf(obstacle);
  return {
    key: causeKey({ code, scope, subject, parts: partsOf(obstacle) }),
    class: words.class,
    scope,
    subject,
    ...(issuer === undefined ? {} : { issuer }),
    code,
    title: words.title,
    explanation: { what: sentence(words.title), why: words.why, next: words.next },
    otherCures: words.cures,
    ...(problem === undefined ? {} : { problem }),
    identifiers: [],
    observations: [],
  };
}

const SCOPES: Readonly<Record<string, CauseScope>> = {
  Certificate: 'certificate',
  Issuer: 'issuer',
  ClusterIssuer: 'issuer',
  File: 'repository',
};

/** All that want an issuer which is not there, and a plan that is held, are one cause. */
function subjectOf(
  { kind }: Obstacle,
  subject: CauseSubject,
  issuer: CauseSubject | undefined,
): CauseSubject {
  if (kind === 'held') return { kind: 'File', namespace: '', name: 'certops.yaml' };
  return kind === 'issuer-missing' ? (issuer ?? subject) : subject;
}

/** `Kind/name`, as seen from the object's namespace. */
function issuerOf({ subject, issuer }: ObstacleContext): CauseSubject | undefined {
  const slash = issuer?.indexOf('/') ?? -1;
  if (issuer === undefined || slash <= 0) return undefined;
  const kind = issuer.slice(0, slash);
  const name = issuer.slice(slash + 1);
  if (kind !== 'Issuer' && kind !== 'ClusterIssuer') return undefined;
  return { kind, namespace: kind === 'ClusterIssuer' ? '' : subject.namespace, name };
}

function partsOf(obstacle: Obstacle): readonly string[] {
  if (obstacle.kind === 'secret-claimed') return [obstacle.owner];
  return obstacle.kind === 'held' ? [obstacle.planId] : [];
}

/** What was said of it, and where: it may quote what somebody wrote. */
function problemOf(obstacle: Obstacle): ToldProblem | undefined {
  switch (obstacle.kind) {
    case 'invalid': {
      const { path, line, column, rule, message } = obstacle;
      return told(rule, `${path}:${line}:${column}: ${message}`);
    }
    case 'not-allowed':
    case 'not-served':
      return told(obstacle.kind, `${obstacle.path}: ${obstacle.message}`);
    case 'suspended':
      return told(obstacle.kind, obstacle.reason);
    default:
      return told(obstacle.kind, obstacle.message);
  }
}

function told(type: string, detail: string): ToldProblem | undefined {
  const line = cutText(printable(detail), MAX_DETAIL_CHARACTERS);
  return line === '' ? undefined : { type, detail: line };
}
