import { type IssuingRun, issueInNode, issueWithLego, type NodeSideOptions } from './support/issuing.ts';
import { type BenchReport, medianRatio } from './support/report.ts';
import { type BenchOptions, hostNames, type Setting, withSetting } from './support/setting.ts';

const CONCURRENCY = 16;
/** A kinder acme-client than the one that comes: it looks again soon instead of after 5 s. */
const SOON_MS = 50;

const CERTOPS: NodeSideOptions = { side: 'subjects/issuing.mjs', concurrency: CONCURRENCY };
const AS_IT_COMES: NodeSideOptions = { side: 'peers/acme-client.mjs', concurrency: CONCURRENCY };

interface Side {
  readonly name: string;
  readonly count: number;
  readonly run: (setting: Setting, dnsNames: readonly string[]) => Promise<IssuingRun>;
  readonly cpu: number[];
  readonly issuingCpu: number[];
  /** Certificates a second. */
  readonly rate: number[];
}

/** G4: issuing without sealing and Git, beside lego and beside acme-client as it comes. */
export async function benchIssuingAlone({ pairs, isQuick, say }: BenchOptions): Promise<BenchReport> {
  const count = isQuick ? 16 : 100;
  const certops = side('certops', count, (setting, names) => issueInNode(setting, names, CERTOPS));
  const lego = side('lego', isQuick ? 3 : 30, issueWithLego);
  const plain = side('acme-client', count, (setting, names) => issueInNode(setting, names, AS_IT_COMES));
  const kind = side('acme-client polling soon', count, (setting, names) =>
    issueInNode(setting, names, { ...AS_IT_COMES, backoffMinMs: SOON_MS }),
  );
  const sides = [certops, lego, plain, kind];
  const loops = { p99: [] as number[], max: [] as number[] };
  return withSetting(async (setting) => {
    say('every side once, unmeasured: all they issue is proved');
    for (const { name, run } of sides) await run(setting, hostNames(`warm-${key(name)}-`, 2));
    for (let round = 1; round <= pairs; round++) {
      say(`round ${round} of ${pairs}`);
      // Each round begins with another side.
      for (const turn of sides.keys()) {
        const each = sides[(turn + round) % sides.length];
        if (each === undefined) continue;
        const done = await each.run(setting, hostNames(`${key(each.name)}${round}-`, each.count));
        each.cpu.push(done.cost.cpuMs / each.count);
        each.issuingCpu.push(done.issuing.cpuMs / each.count);
        each.rate.push((each.count / done.issuing.wallMs) * 1000);
        if (done.loop === undefined) continue;
        loops.p99.push(done.loop.p99Ms);
        loops.max.push(done.loop.maxMs);
      }
    }
    return {
      id: 'G4',
      title: `issuing alone, ${CONCURRENCY} at once`,
      measures: [
        ...sides.map(({ name, cpu }) => ({ name: `${name}, CPU a certificate`, unit: 'ms', samples: cpu })),
        { name: 'certops, the same without start-up', unit: 'ms', samples: certops.issuingCpu },
        { name: 'acme-client, the same without start-up', unit: 'ms', samples: plain.issuingCpu },
        ...sides.map(({ name, rate }) => ({
          name: `${name}, certificates a second`,
          unit: '',
          samples: rate,
        })),
        { name: 'certops, event loop late, p99', unit: 'ms', samples: loops.p99 },
        { name: 'certops, event loop late, at most', unit: 'ms', samples: loops.max },
      ],
      goals: [
        {
          text: 'CPU, as a part of lego’s (aim: 0.5)',
          ...{ unit: '', measured: medianRatio(certops.cpu, lego.cpu), limit: 1, direction: 'at most' },
        },
        {
          text: 'throughput, as a multiple of acme-client’s',
          ...{ unit: '', measured: medianRatio(certops.rate, plain.rate), limit: 3, direction: 'at least' },
        },
        {
          text: 'the same, of acme-client polling soon',
          ...{ unit: '', measured: medianRatio(certops.rate, kind.rate), limit: 3, direction: 'at least' },
        },
      ],
      notes: [
        `certops and acme-client issue ${count} in one process, lego ${lego.count}, a process each`,
        'CPU is of the whole process, start-up and account counted in; throughput is of the issuing alone',
        `acme-client as it comes waits 5 s after a look that came too early; "polling soon" waits ${SOON_MS} ms`,
      ],
    };
  });
}

function side(name: string, count: number, run: Side['run']): Side {
  return { name, count, run, cpu: [], issuingCpu: [], rate: [] };
}

function key(name: string): string {
  return name.replaceAll(' ', '-');
}
