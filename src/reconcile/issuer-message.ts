import { formatObjectName, type ObjectName } from '../api/names.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import type { World } from './world.ts';

/** The message of a commit about an issuer. */
export function issuerMessage(
  world: World,
  { kind, name }: { readonly kind: string; readonly name: ObjectName },
  reason: string,
  body: string,
  verb: 'Register' | 'Start' = 'Register',
): string {
  return renderCommitMessage({
    subject: `${verb} ${kind.toLowerCase()} ${formatObjectName(name)}`,
    body,
    suffix: world.settings.commit.trailer,
    trailers: {
      'Certops-Reason': reason,
      'Certops-Issuer': `${kind}/${name.name}`,
      'Certops-Source': world.commit,
    },
  });
}
