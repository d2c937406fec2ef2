import type { ManifestProblem } from '../api/manifest.ts';
import { SETTINGS_FILE } from '../api/manifest-paths.ts';
import type { PlannedChange } from '../plan/plan.ts';
import type { World } from './world.ts';

/** Documents that cannot be accepted at head, as far as that is new and no change speaks of them already. */
export function plannedProblems(
  base: World,
  head: World,
  changes: readonly PlannedChange[],
): readonly PlannedChange[] {
  const known = new Set(errorsOf(base).map(printOf));
  const told = new Set(
    changes.filter(({ action }) => action === 'invalid' || action === 'denied').map(objectOf),
  );
  const found = new Map<string, PlannedChange[]>();
  for (const error of errorsOf(head)) {
    if (known.has(printOf(error))) continue;
    const change = changeOf(error);
    const key = objectOf(change);
    if (!told.has(key)) found.set(key, [...(found.get(key) ?? []), change]);
  }
  const settings = head.settingsProblem === base.settingsProblem ? undefined : head.settingsProblem;
  return [
    ...(settings === undefined
      ? []
      : [
          { ...INVALID, kind: 'Repository', namespace: '', name: '', file: SETTINGS_FILE, message: settings },
        ]),
    ...[...found.values()].flatMap(([first, ...others]) => {
      if (first === undefined) return [];
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
      return [{ ...first, message: `${first.message}${more}` }];
    }),
  ];
}

interface FileError {
  readonly path: string;
  readonly problem: ManifestProblem;
}

const INVALID = { action: 'invalid', reason: 'InvalidManifest' } as const;

function errorsOf({ desired }: World): readonly FileError[] {
  return desired.problems().filter(({ problem }) => problem.severity === 'error');
}

function printOf({ path, problem }: FileError): string {
  const { kind, name, rule, field, message } = problem;
  return JSON.stringify([path, kind, name, rule, field, message]);
}

function changeOf({ path, problem }: FileError): PlannedChange {
  const { kind, name, rule, message, position } = problem;
  const outcome = rule === 'tenancy' ? ({ action: 'denied', reason: 'NotAllowed' } as const) : INVALID;
  const object =
    kind === undefined || name === undefined ? { kind: 'File', namespace: '', name: '' } : { kind, ...name };
  return { ...outcome, ...object, file: path, line: position.line, column: position.column, message };
}

function objectOf({ kind, namespace, name, file = '' }: PlannedChange): string {
  return JSON.stringify(kind === 'File' ? [kind, file] : [kind, namespace, name]);
}
