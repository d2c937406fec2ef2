import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { ReceivedRequest, Reply, Route } from './route.ts';

/** What a forge's rules say of one delivery. `refused` is a word of ours for the log, never a stranger's. */
export type WebhookVerdict =
  | { readonly event: 'push' | 'pull-request' | 'ping' }
  | { readonly refused: string; readonly status: number };

export interface WebhookRoutesOptions<Kind extends string> {
  /** Whose webhooks are taken; `/webhook/KIND` of every other is 404. */
  readonly kinds: readonly Kind[];
  readonly verify: (kind: Kind, request: ReceivedRequest) => WebhookVerdict | Promise<WebhookVerdict>;
  /** Look now. Called for every accepted delivery. */
  readonly hint: () => void;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** One line a minute for each kind and reason: whoever floods with forgeries does not fill the log. */
const LOG_EVERY_MS = 60_000;

/**
 * `POST /webhook/KIND` for each kind. Whatever is accepted says "look now" and nothing else; the answer to what is not
 * accepted does not tell why, the log does.
 */
export function webhookRoutes<Kind extends string>(options: WebhookRoutesOptions<Kind>): readonly Route[] {
  const loggedAtMs = new Map<string, number>();
  return options.kinds.map((kind) => ({
    path: `/webhook/${kind}`,
    method: 'POST',
    handle: async (request) => {
      const verdict = await options.verify(kind, request);
      if ('event' in verdict) {
        options.log.debug({ kind, event: verdict.event }, 'a webhook arrived');
        if (verdict.event !== 'ping') options.hint();
        return { status: 202, text: 'accepted' };
      }
      const key = `${kind} ${verdict.refused}`;
      const nowMs = options.clock.monotonicMs();
      if (nowMs - (loggedAtMs.get(key) ?? Number.NEGATIVE_INFINITY) >= LOG_EVERY_MS) {
        loggedAtMs.set(key, nowMs);
        options.log.warn({ kind, reason: verdict.refused }, 'a webhook was refused');
      }
      return refusal(verdict.status);
    },
  }));
}

function refusal(status: number): Reply {
  return { status, text: status === 401 || status === 403 ? 'not accepted' : 'not understood' };
}
