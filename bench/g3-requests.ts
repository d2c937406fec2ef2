import { startCountingProxy } from '../test/support/counting-proxy.ts';
import type { PebbleCounters } from '../test/support/pebble.ts';
import { runCertops } from './support/certops.ts';
import { type BenchReport, median } from './support/report.ts';
import { type BenchOptions, hostNames, withSetting } from './support/setting.ts';

/** The default of `--max-connections`, which is what bounds requests in flight. */
const CONCURRENCY = 16;
const SET_UP = ['GET /dir', 'HEAD /nonce-plz', 'GET /nonce-plz', 'POST /sign-me-up'];
const ORDER = 'POST /my-order/';
/** Of the seven requests two look at the order: until it is ready, and until it is valid. Any more are polls. */
const ORDER_LOOKS = 2;

/** G3: what the CA is asked, by its own log, and over how many connections, by a proxy that counts. */
export async function benchRequests({ pairs, isQuick, say }: BenchOptions): Promise<BenchReport> {
  const count = isQuick ? 10 : 100;
  const needed: number[] = [];
  const polls: number[] = [];
  const nonces: number[] = [];
  const connections: number[] = [];
  let last: readonly string[] = [];
  for (let run = 1; run <= pairs; run++) {
    say(`run ${run} of ${pairs}`);
    await withSetting(async (setting) => {
      const proxy = await startCountingProxy(setting.pebble.port);
      try {
        await runCertops(setting, hostNames('counted', count), { port: proxy.port });
        connections.push(proxy.connections);
      } finally {
        await proxy.close();
      }
      const counters = setting.pebble.counters();
      if (counters.certificates !== count) throw new Error(`Pebble issued ${counters.certificates}`);
      const looks = counters.requests[ORDER] ?? 0;
      const early = Math.max(0, looks - ORDER_LOOKS * count);
      needed.push((requestsForCertificates(counters) - early) / count);
      polls.push(early / count);
      nonces.push(counters.newNonces);
      last = Object.entries(counters.requests).map(([name, times]) => `${name} ${times}`);
    });
  }
  return {
    id: 'G3',
    title: `what the CA is asked for ${count} certificates`,
    measures: [
      { name: 'requests a certificate, without polls', unit: '', samples: needed },
      { name: 'polls a certificate', unit: '', samples: polls },
      { name: 'requests for nonces, in all', unit: '', samples: nonces },
      { name: 'connections, in all', unit: '', samples: connections },
    ],
    goals: [
      {
        text: 'requests a certificate, without polls',
        ...{ unit: '', measured: median(needed), limit: 7, direction: 'at most' },
      },
      {
        text: 'requests for nonces',
        ...{ unit: '', measured: Math.max(...nonces), limit: CONCURRENCY, direction: 'at most' },
      },
      {
        text: 'connections',
        ...{ unit: '', measured: Math.max(...connections), limit: CONCURRENCY + 2, direction: 'at most' },
      },
    ],
    notes: [
      `a poll is a look at the order beyond ${ORDER_LOOKS}; directory, nonces and account are set-up and not counted`,
      `the last run: ${last.join(', ')}`,
    ],
  };
}

function requestsForCertificates({ requests, totalRequests }: PebbleCounters): number {
  return totalRequests - SET_UP.reduce((sum, name) => sum + (requests[name] ?? 0), 0);
}
