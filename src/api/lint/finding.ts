import type { FieldPath } from '../field-error.ts';
import type { ManifestProblem } from '../manifest.ts';
import type { ObjectName } from '../names.ts';

/** What `certops lint` has to say about one place of one file (contract, 2). */
export interface Finding {
  readonly severity: 'error' | 'warning';
  /** Relative to the root of the work tree, with slashes. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Empty where it could not be told which object is meant. */
  readonly kind: string;
  /** Empty for what has none. */
  readonly namespace: string;
  readonly name: string;
  /** Kubernetes field path; empty for the whole document. */
  readonly path: string;
  readonly rule: string;
  readonly message: string;
}

/** A finding of a rule that looks at several objects; where its field stands is found out last. */
export interface CrossFinding {
  readonly severity: 'error' | 'warning';
  readonly rule: string;
  readonly file: string;
  /** Index of the document in its file. */
  readonly document: number;
  readonly kind: string;
  readonly name: ObjectName;
  readonly field: FieldPath;
  /** Without the field path. */
  readonly message: string;
}

/** A problem of one document as a finding. */
export function findingOf(file: string, problem: ManifestProblem): Finding {
  const { severity, rule, position, kind = '', name, field, message } = problem;
  return {
    ...{ severity, file, line: position.line, column: position.column },
    ...{ kind, namespace: name?.namespace ?? '', name: name?.name ?? '' },
    ...{ path: field, rule, message },
  };
}

/** By file, then by place; errors before warnings of the same place. */
export function compareFindings(a: Finding, b: Finding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  if (a.line !== b.line) return a.line - b.line;
  if (a.column !== b.column) return a.column - b.column;
  if (a.severity !== b.severity) return a.severity === 'error' ? -1 : 1;
  if (a.rule !== b.rule) return a.rule < b.rule ? -1 : 1;
  return a.message < b.message ? -1 : a.message > b.message ? 1 : 0;
}
