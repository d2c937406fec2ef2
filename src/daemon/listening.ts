import { createDeliveryMemory } from '../forge/delivery-memory.ts';
import { readRemoteAddress } from '../forge/remote-address.ts';
import { verifyWebhook, type WebhookKind } from '../forge/webhooks.ts';
import { healthRoutes, type Readiness } from '../http/health-routes.ts';
import { createHint } from '../http/hint.ts';
import { type Listener, startListener } from '../http/listener.ts';
import { webhookRoutes } from '../http/webhook-routes.ts';
import type { Clock } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { DaemonConfig } from './config.ts';

export interface ListeningParts {
  /** Look now: called for webhooks, at most once a second. */
  readonly lookNow: () => void;
  readonly readiness: () => Readiness;
  readonly clock: Pick<Clock, 'monotonicMs' | 'realNow'>;
  readonly log: Log;
}

const LOOK_EVERY_MS = 1_000;
const KINDS: readonly WebhookKind[] = ['github', 'gitlab', 'gitea', 'forgejo', 'generic'];

/**
 * Starts the daemon's listener; undefined where none is wanted, or where the default port, which nobody asked for, is
 * taken: another daemon on the same machine stops no renewal. Throws `http.cannot-listen`.
 */
export async function startListening(
  config: Pick<DaemonConfig, 'listen' | 'webhookSecrets' | 'forge' | 'repo'>,
  { lookNow, readiness, clock, log }: ListeningParts,
): Promise<Listener | undefined> {
  const { listen, webhookSecrets: secrets, forge } = config;
  if (listen === undefined) return undefined;
  const seen = createDeliveryMemory();
  const hint = createHint(lookNow, LOOK_EVERY_MS);
  const webhooks =
    secrets.length === 0
      ? []
      : webhookRoutes({
          kinds: webhookKinds(forge.kind),
          verify: (kind, { headers, body }) =>
            verifyWebhook({
              ...{ kind, headers, body, secrets, seen, now: clock.realNow() },
              repository: repositoryPath(kind, config),
            }),
          hint: hint.ring,
          ...{ log, clock },
        });
  try {
    const routes = [...healthRoutes(readiness), ...webhooks];
    const listener = await startListener({ address: listen.address, routes, log });
    return {
      address: listener.address,
      close: async () => {
        hint.close();
        await listener.close();
      },
    };
  } catch (thrown) {
    if (listen.isAsked || !(thrown instanceof CertopsError)) throw thrown;
    log.warn(thrown.logFields(), thrown.explain());
    return undefined;
  }
}

/** Missed looks that are no reason to worry: a remote that is restarted, a slow fetch. */
const LOOKS_TO_MISS = 3;
const LEAST_PATIENCE_MS = 2 * 60_000;

/** Ready: the branch was looked at lately. While it was not, nothing new in it is acted on, and nothing is finalized. */
export function readiness(
  {
    engine,
    clock,
  }: {
    readonly engine: { readonly lookedAtMs: number | undefined };
    readonly clock: Pick<Clock, 'monotonicMs'>;
  },
  pollIntervalMs: number,
): Readiness {
  if (engine.lookedAtMs === undefined) return { isReady: false, why: 'the branch was not read yet' };
  const ageMs = clock.monotonicMs() - engine.lookedAtMs;
  if (ageMs <= Math.max(LOOKS_TO_MISS * pollIntervalMs, LEAST_PATIENCE_MS)) return { isReady: true };
  return { isReady: false, why: `the branch was last read ${Math.floor(ageMs / 1000)} s ago` };
}

/** Where it is said which forge it is, its webhooks alone are taken; the generic one always. */
function webhookKinds(kind: DaemonConfig['forge']['kind']): readonly WebhookKind[] {
  return kind === 'auto' || kind === 'git' ? KINDS : [kind, 'generic'];
}

/**
 * The path that webhooks name: on GitLab all of it, with subgroups, on the others OWNER/NAME. Empty for a remote that is
 * no forge's URL: no forge speaks of that, and a generic webhook need not.
 */
function repositoryPath(kind: WebhookKind, { repo, forge }: Pick<DaemonConfig, 'forge' | 'repo'>): string {
  const segments = remoteSegments(repo);
  const isNested = kind === 'gitlab' || (kind === 'generic' && forge.kind === 'gitlab');
  if (!isNested) return segments.slice(-2).join('/');
  const path = forge.url === undefined ? '' : new URL(forge.url).pathname.replace(/\/api\/v4\/?$/, '');
  const prefix = path.split('/').filter((part) => part !== '');
  const isBelow = prefix.every((part, index) => part === segments[index]);
  return (isBelow ? segments.slice(prefix.length) : segments).join('/');
}

function remoteSegments(repo: string): readonly string[] {
  try {
    return readRemoteAddress(repo)?.segments ?? [];
  } catch (thrown) {
    if (thrown instanceof CertopsError) return [];
    throw thrown;
  }
}
