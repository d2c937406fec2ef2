import { isDeepStrictEqual } from 'node:util';
import type { Certificate } from '../api/certificate.ts';
import { formatInstant } from '../lib/clock.ts';
import type { FromTo, PlanAction, PlannedChange } from '../plan/plan.ts';
import { describeIssuer } from './certificate-case.ts';
import type { Declared } from './desired-state.ts';
import type { Standing } from './standing.ts';
import type { World } from './world.ts';

/** What happens to a Certificate, before policies are asked. */
export interface Outcome {
  readonly action: PlanAction;
  readonly reason: string;
  readonly message: string;
}

/** What becomes of a Certificate by merging; undefined where that changes nothing. */
export function outcomeOf(before: Standing, after: Standing, prune: boolean): Outcome | undefined {
  const outcome = outcomeAfter(after, prune);
  const [from, to] = [declaredOf(before), declaredOf(after)];
  if (from?.specHash !== to?.specHash) {
    return outcome ?? { action: 'update', reason: 'ManifestChanged', message: 'No certificate is asked for' };
  }
  const earlier = outcomeAfter(before, prune);
  if (isDeepStrictEqual(withoutTime(outcome), withoutTime(earlier))) {
    if (from === undefined || to === undefined || from.path === to.path) return undefined;
    return { action: 'none', reason: 'Moved', message: `It moves here from ${from.path}` };
  }
  return outcome ?? { action: 'none', reason: 'Mended', message: `No longer the case: ${earlier?.message}` };
}

/** What would be done about it, were the repository as it is then; undefined for nothing. */
export function outcomeAfter(
  { resolution, target, assessment, obstacle }: Standing,
  prune: boolean,
): Outcome | undefined {
  if (resolution.kind === 'removed') {
    const secret = prune ? 'its Secret goes with it' : 'its Secret stays';
    return { action: 'remove', reason: 'Removed', message: `No manifest declares it any more; ${secret}` };
  }
  const { refusal } = resolution;
  if (refusal !== undefined) {
    const stands = resolution.kind === 'in-force' ? '; the last revision that was accepted goes on' : '';
    return {
      action: refusal.reason === 'NotAllowed' ? 'denied' : 'invalid',
      reason: refusal.reason,
      message: `${refusal.message}${stands}`,
    };
  }
  if (assessment === undefined || assessment.kind === 'up-to-date') return undefined;
  if (assessment.kind === 'suspended') {
    const until = assessment.until === undefined ? '' : ` until ${formatInstant(assessment.until)}`;
    const message = `Nothing is issued${until}: ${assessment.reason}`;
    return { action: 'suspended', reason: 'Suspended', message };
  }
  if (obstacle !== undefined) {
    const action = obstacle.reason === 'IssuerNotFound' ? 'none' : 'invalid';
    return { action, ...obstacle };
  }
  const { reason, message } = assessment.because;
  const wait =
    assessment.kind === 'issue'
      ? ''
      : assessment.until === undefined
        ? '; after the last failure it is not tried before something changes'
        : `; after the last failure not before ${formatInstant(assessment.until)}`;
  const isFirst = target?.recorded?.status.issued === undefined;
  const action = isFirst ? 'issue' : BY_TIME.includes(reason) ? 'renew' : 'reissue';
  return { action, reason, message: `${message}${wait}` };
}

const BY_TIME: readonly string[] = ['Renewing', 'Expired', 'ManuallyTriggered'];

function withoutTime(outcome: Outcome | undefined): readonly string[] {
  if (outcome === undefined) return [];
  const { action, reason, message } = outcome;
  return action === 'renew' ? [action, reason] : [action, reason, message];
}

/** The revision in force. */
export function declaredOf({ resolution }: Standing): Declared<Certificate> | undefined {
  return resolution.kind === 'in-force' ? resolution.declared : undefined;
}

/** What is to be said of a change besides what is done. */
export function differencesOf(
  from: Declared<Certificate> | undefined,
  to: Declared<Certificate> | undefined,
  sides: { readonly base: World; readonly head: World },
  recipientsOf: (path: string) => readonly string[] | undefined,
): Partial<PlannedChange> {
  const [before, after] = [from?.object, to?.object];
  const [old, now] = [namesOf(before), namesOf(after)];
  const secretPath = fromTo(secretPathOf(before, sides.base), secretPathOf(after, sides.head));
  return {
    namesAdded: unlessEmpty(now.filter((name) => !old.includes(name))),
    namesRemoved: unlessEmpty(old.filter((name) => !now.includes(name))),
    issuer: fromTo(
      before && describeIssuer(before.spec.issuerRef),
      after && describeIssuer(after.spec.issuerRef),
    ),
    key: fromTo(keyOf(before), keyOf(after)),
    secretPath,
    recipients:
      secretPath &&
      fromTo(
        secretPath.from === undefined ? undefined : recipientsOf(secretPath.from),
        secretPath.to === undefined ? undefined : recipientsOf(secretPath.to),
      ),
    fields: before && after && unlessEmpty(fieldsThatDiffer(before, after)),
    content: fromTo(from?.specHash, to?.specHash),
  };
}

/** Every name that a certificate would be for, the common name among them. */
export function namesOf(certificate: Certificate | undefined): readonly string[] {
  if (certificate === undefined) return [];
  const { commonName, dnsNames, ipAddresses, uris, emailAddresses, otherNames } = certificate.spec;
  const others = otherNames.map(({ utf8Value }) => utf8Value);
  const common = commonName === undefined ? [] : [commonName];
  return [...new Set([...common, ...dnsNames, ...ipAddresses, ...uris, ...emailAddresses, ...others])];
}

function secretPathOf(certificate: Certificate | undefined, { paths }: World): string | undefined {
  if (certificate === undefined) return undefined;
  return paths.secret({ namespace: certificate.name.namespace, name: certificate.spec.secretName });
}

function keyOf(certificate: Certificate | undefined): string | undefined {
  if (certificate === undefined) return undefined;
  const { algorithm, size } = certificate.spec.privateKey;
  return algorithm === 'Ed25519' ? algorithm : `${algorithm} ${size}`;
}

function fieldsThatDiffer(before: Certificate, after: Certificate): readonly string[] {
  const differing = (prefix: string, one: object, other: object): readonly string[] => {
    const [left, right] = [new Map(Object.entries(one)), new Map(Object.entries(other))];
    const keys = new Set([...left.keys(), ...right.keys()]);
    return [...keys]
      .filter((key) => !isDeepStrictEqual(left.get(key), right.get(key)))
      .map((key) => `${prefix}.${key}`);
  };
  return [
    ...differing('metadata.labels', before.labels, after.labels)
      .slice(0, 1)
      .map(() => 'metadata.labels'),
    ...differing('metadata.annotations', before.annotations, after.annotations)
      .slice(0, 1)
      .map(() => 'metadata.annotations'),
    // Durations are kept in milliseconds, and are called as people write them.
    ...differing('spec', before.spec, after.spec).map((field) => field.replace(/Ms$/, '')),
  ];
}

function fromTo<T>(from: T | undefined, to: T | undefined): FromTo<T> | undefined {
  return isDeepStrictEqual(from, to) ? undefined : { from, to };
}

function unlessEmpty<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}
