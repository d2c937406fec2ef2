import type { Observer } from '../evidence/observed.ts';
import { createObserver } from '../evidence/observer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { Dns01 } from '../solvers/dns01/dns01.ts';
import { presentEverywhere } from '../solvers/every-presenter.ts';
import { Http01Listener } from '../solvers/http01.ts';
import { Http01Webroot } from '../solvers/http01-webroot.ts';
import type { ChallengePresenter } from '../solvers/presenter.ts';
import type { DaemonConfig } from './config.ts';

/** Where challenges are shown, and what looks into those that fail. */
export interface ChallengeParts {
  /** Undefined where neither a port nor a web root is configured. */
  readonly http01: ChallengePresenter | undefined;
  readonly dns01: Dns01;
  readonly observer: Observer;
  /** Stops listening. */
  close(): Promise<void>;
}

/** Throws `solvers.cannot-listen` and `solvers.webroot-unusable`. */
export async function startPresenters(
  config: DaemonConfig,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<ChallengeParts> {
  const { http01Port: port, http01Host: host, http01Webroot: directory, dnsResolvers: resolvers } = config;
  const webroot = directory === undefined ? undefined : await Http01Webroot.open({ directory, log });
  const listener = port === undefined ? undefined : await Http01Listener.start({ port, host, log });
  const presenters = [listener, webroot].filter((presenter) => presenter !== undefined);
  return {
    http01: presenters.length > 1 ? presentEverywhere(presenters) : presenters[0],
    dns01: new Dns01({ resolvers, clock, log }),
    observer: createObserver({ resolvers, clock, log }),
    close: async () => listener?.close(),
  };
}
