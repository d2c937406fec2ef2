import type { Issuer } from '../api/issuer.ts';
import type { ManifestObject, Position } from '../api/manifest.ts';
import type { PlannedChange } from '../plan/plan.ts';
import type { Resolution } from './acceptance.ts';
import type { Declared } from './desired-state.ts';
import type { IssuerKey } from './keys.ts';
import type { World } from './world.ts';

/** What becomes of an issuer by merging; undefined for nothing. */
export async function plannedIssuer(
  key: IssuerKey,
  before: Resolution<Issuer>,
  after: Resolution<Issuer>,
  head: World,
  positionOf: (declared: Declared<ManifestObject> | undefined) => Promise<Partial<Position>>,
): Promise<PlannedChange | undefined> {
  const [from, to] = [inForce(before), inForce(after)];
  const [kind = '', name = ''] = key.split(':');
  const [namespace = '', ...rest] = name.split('/');
  const object = { kind, namespace, name: rest.join('/') };
  const content = { content: { from: from?.specHash, to: to?.specHash } };
  if (after.kind !== 'removed' && after.refusal !== undefined) {
    const earlier = before.kind === 'removed' ? undefined : before.refusal;
    if (earlier?.message === after.refusal.message) return undefined;
    const rejected = head.desired.rejections(key)[0];
    const { reason, message } = after.refusal;
    const place = rejected && { file: rejected.path, ...rejected.problem.position };
    const prefix = place && `${place.file}:${place.line}:${place.column}: `;
    const told = prefix !== undefined && message.startsWith(prefix) ? message.slice(prefix.length) : message;
    const action = reason === 'NotAllowed' ? 'denied' : 'invalid';
    return { action, reason, ...object, ...place, message: told };
  }
  const place = { file: (to ?? from)?.path, ...(await positionOf(to ?? from)) };
  if (to === undefined) {
    if (before.kind === 'removed') return undefined;
    const users = head.desired.dependents(key).size;
    const still = users === 0 ? '' : `; ${users} Certificates still name it, and are not renewed any more`;
    const message = `No manifest declares it any more${still}`;
    return { action: 'remove', reason: 'Removed', ...object, ...place, message, ...content };
  }
  if (from?.specHash === to.specHash) return undefined;
  const { spec } = to.object;
  const message =
    spec.type === 'acme' ? `An account at ${spec.server} is used or registered` : `It signs as ${spec.type}`;
  const reason = from === undefined ? 'Created' : 'Changed';
  return { action: 'update', reason, ...object, ...place, message, ...content };
}

function inForce(resolution: Resolution<Issuer>): Declared<Issuer> | undefined {
  return resolution.kind === 'in-force' ? resolution.declared : undefined;
}
