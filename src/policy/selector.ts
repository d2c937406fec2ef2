import type { IssuerRef } from '../api/names.ts';
import type { PolicySelector } from '../api/policy-spec.ts';
import { matchesAnyWildcard, matchesWildcard } from './wildcard.ts';

/** What selectors look at. */
export interface Selectable {
  readonly namespace: string;
  /** With cert-manager's defaults. */
  readonly issuerRef: IssuerRef;
}

/** Whether a policy is asked about a request (approver-policy `manager/predicate`, without RBAC). */
export function selects({ issuerRef, namespace }: PolicySelector, request: Selectable): boolean {
  const { matchNames } = namespace;
  return (
    isMatch(issuerRef.name, request.issuerRef.name) &&
    isMatch(issuerRef.kind, request.issuerRef.kind) &&
    isMatch(issuerRef.group, request.issuerRef.group) &&
    (matchNames.length === 0 || matchesAnyWildcard(matchNames, request.namespace))
  );
}

function isMatch(pattern: string | undefined, text: string): boolean {
  return pattern === undefined || matchesWildcard(pattern, text);
}
