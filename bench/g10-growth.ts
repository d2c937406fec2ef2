import { join } from 'node:path';
import { type CertopsRun, runCertops } from './support/certops.ts';
import { type BenchReport, medianRatio } from './support/report.ts';
import { type BenchOptions, hostNames, looseObjects, withSetting } from './support/setting.ts';

const MAX_LOOSE_OBJECTS = 500;

/** G10: what a certificate costs must not grow with how many there are, nor what is left behind. */
export async function benchGrowth({ pairs, isQuick, say }: BenchOptions): Promise<BenchReport> {
  const few = isQuick ? 10 : 100;
  const many = isQuick ? 50 : 1_000;
  const cpu = { few: [] as number[], many: [] as number[] };
  const wall = { few: [] as number[], many: [] as number[] };
  // What one more costs, without start-up and account: the difference of two runs over that of their sizes.
  const further = { few: [] as number[], many: [] as number[] };
  const pushes = { few: [] as number[], many: [] as number[] };
  const loose = { remote: [] as number[], mirror: [] as number[] };
  await withSetting(async (setting) => {
    say('once, unmeasured: all that is issued is proved');
    await runCertops(setting, hostNames('warm', 3));
    const take = async (size: 'few' | 'many', pair: number): Promise<CertopsRun> => {
      const count = size === 'few' ? few : many;
      const run = await runCertops(setting, hostNames(`${size}${pair}-`, count));
      cpu[size].push(run.cost.cpuMs / count);
      wall[size].push(run.cost.wallMs / count);
      pushes[size].push(run.pushes);
      return run;
    };
    for (let pair = 1; pair <= pairs; pair++) {
      say(`pair ${pair} of ${pairs}`);
      const one = await runCertops(setting, hostNames(`one${pair}-`, 1));
      const first = pair % 2 === 1 ? await take('few', pair) : undefined;
      const large = await take('many', pair);
      loose.remote.push(await looseObjects(large.remote));
      loose.mirror.push(await looseObjects(join(large.dataDir, 'mirror.git')));
      const small = first ?? (await take('few', pair));
      further.few.push((small.cost.cpuMs - one.cost.cpuMs) / (few - 1));
      further.many.push((large.cost.cpuMs - small.cost.cpuMs) / (many - few));
    }
  });
  const ratio = medianRatio(cpu.many, cpu.few);
  return {
    id: 'G10',
    title: `${few} certificates beside ${many}`,
    measures: [
      { name: `CPU a certificate at ${few}`, unit: 'ms', samples: cpu.few },
      { name: `CPU a certificate at ${many}`, unit: 'ms', samples: cpu.many },
      { name: `CPU of one more, from 1 to ${few}`, unit: 'ms', samples: further.few },
      { name: `CPU of one more, from ${few} to ${many}`, unit: 'ms', samples: further.many },
      { name: `wall a certificate at ${few}`, unit: 'ms', samples: wall.few },
      { name: `wall a certificate at ${many}`, unit: 'ms', samples: wall.many },
      { name: `pushes for ${few}`, unit: '', samples: pushes.few },
      { name: `pushes for ${many}`, unit: '', samples: pushes.many },
      { name: `loose objects after ${many}, remote`, unit: '', samples: loose.remote },
      { name: `loose objects after ${many}, mirror`, unit: '', samples: loose.mirror },
    ],
    goals: [
      {
        text: `CPU a certificate at ${many}, as a part of that at ${few}`,
        ...{ unit: '', measured: ratio, limit: 1, direction: 'at most' },
      },
      ...([few, many] as const).map((count, index) => ({
        text: `pushes for ${count}`,
        unit: '',
        measured: Math.max(...(index === 0 ? pushes.few : pushes.many)),
        limit: 2 * Math.ceil(count / 50) + 10,
        direction: 'at most' as const,
      })),
      {
        text: `loose objects after ${many}, remote`,
        ...{ unit: '', measured: Math.max(...loose.remote), limit: MAX_LOOSE_OBJECTS, direction: 'at most' },
      },
      {
        text: `loose objects after ${many}, mirror`,
        ...{ unit: '', measured: Math.max(...loose.mirror), limit: MAX_LOOSE_OBJECTS, direction: 'at most' },
      },
    ],
    notes: [
      '“one more” leaves out start-up and account, which the goal’s figures share among all',
      'goals for pushes and loose objects are judged by the worst run; a server unpacks pushes of fewer than 100 objects',
      'pushes are counted by a hook in the remote; they include the account’s and the state’s own',
    ],
  };
}
