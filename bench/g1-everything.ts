import { runCertops } from './support/certops.ts';
import { type BenchReport, medianRatio } from './support/report.ts';
import { runScript } from './support/script.ts';
import { type BenchOptions, hostNames, withSetting } from './support/setting.ts';

/** G1: issued, sealed, committed and pushed, beside a script of lego, age and git. */
export async function benchEverything({ pairs, isQuick, say }: BenchOptions): Promise<BenchReport> {
  const count = isQuick ? 10 : 100;
  // A process for each certificate: what one costs does not hang on how many there are.
  const scriptCount = isQuick ? 3 : 30;
  return withSetting(async (setting) => {
    say('both sides once, unmeasured: all they issue is proved');
    await runCertops(setting, hostNames('warm', 3));
    await runScript(setting, hostNames('warm-script', 2));
    const ours = { cpu: [] as number[], wall: [] as number[] };
    const theirs = { cpu: [] as number[], wall: [] as number[] };
    const takeOurs = async (pair: number) => {
      const { cost } = await runCertops(setting, hostNames(`ours${pair}-`, count));
      ours.cpu.push(cost.cpuMs / count);
      ours.wall.push(cost.wallMs / count);
    };
    const takeTheirs = async (pair: number) => {
      const cost = await runScript(setting, hostNames(`theirs${pair}-`, scriptCount));
      theirs.cpu.push(cost.cpuMs / scriptCount);
      theirs.wall.push(cost.wallMs / scriptCount);
    };
    for (let pair = 1; pair <= pairs; pair++) {
      say(`pair ${pair} of ${pairs}`);
      for (const take of pair % 2 === 1 ? [takeOurs, takeTheirs] : [takeTheirs, takeOurs]) await take(pair);
    }

    say('RSA-2048, and the event loop, apart');
    const rsaCount = isQuick ? 3 : 30;
    const rsa = await runCertops(setting, hostNames('rsa', rsaCount), { algorithm: 'RSA' });
    const watched = await runCertops(setting, hostNames('watched', count), { isLoopWatched: true });
    return {
      id: 'G1',
      title: `${count} certificates issued, sealed, committed and pushed`,
      measures: [
        { name: 'certops, CPU a certificate', unit: 'ms', samples: ours.cpu },
        { name: 'lego + age + git, CPU a certificate', unit: 'ms', samples: theirs.cpu },
        { name: 'certops, wall a certificate', unit: 'ms', samples: ours.wall },
        { name: 'lego + age + git, wall a certificate', unit: 'ms', samples: theirs.wall },
        { name: 'certops with RSA-2048 keys, CPU', unit: 'ms', samples: [rsa.cost.cpuMs / rsaCount] },
        { name: 'event loop late, p99', unit: 'ms', samples: [watched.loop?.p99Ms ?? Number.NaN] },
        { name: 'event loop late, at most', unit: 'ms', samples: [watched.loop?.maxMs ?? Number.NaN] },
      ],
      goals: [
        {
          text: 'CPU, as a part of the script’s',
          unit: '',
          measured: medianRatio(ours.cpu, theirs.cpu),
          limit: 1 / 4,
          direction: 'at most',
        },
        {
          text: 'wall time, as a part of the script’s',
          unit: '',
          measured: medianRatio(ours.wall, theirs.wall),
          limit: 1 / 15,
          direction: 'at most',
        },
      ],
      notes: [
        `the script does ${scriptCount} and is counted by the certificate; certops does ${count}, ${rsaCount} with RSA`,
        'both from nothing: start of the programs, account and key made, for certops the first fetch too',
        'certops signs its commits and keeps a journal (two commits a certificate); the script does neither',
      ],
    };
  });
}
