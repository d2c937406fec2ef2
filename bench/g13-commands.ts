import assert from 'node:assert/strict';
import { makeScratch } from '../test/support/scratch.ts';
import { makeLargeRepository } from './support/large-repository.ts';
import { type Cost, measureProcess } from './support/process-cost.ts';
import { type BenchReport, type Measure, median } from './support/report.ts';
import { type BenchOptions, PROGRAM } from './support/setting.ts';

const TIMEOUT_MS = 120_000;

interface Command {
  readonly name: string;
  readonly args: readonly string[];
  /** How long it may take, in milliseconds; none is measured beside the others. */
  readonly limitMs?: number;
  /** Throws unless this is what the command has to say. */
  readonly prove: (stdout: string) => void;
}

/** G13: what people wait for in a pull request and in an editor, among ten thousand Certificates. */
export async function benchCommands({ pairs, isQuick, say }: BenchOptions): Promise<BenchReport> {
  using scratch = makeScratch('bench-commands');
  const certificates = isQuick ? 200 : 10_000;
  say(`a repository with ${certificates} Certificates`);
  const clone = scratch.path('clone');
  const { branch, changed } = await makeLargeRepository({ clone, certificates, isGuarded: true });
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: scratch.folder('home') };
  const branches = ['plan', '--base', 'main', '--head', branch, '-o', 'json'];
  const commands: readonly Command[] = [
    { name: 'certops --help', args: ['--help'], prove: (text) => assert.match(text, /^Usage: certops/) },
    {
      name: 'certops plan of two branches',
      args: branches,
      limitMs: 1_000,
      prove: (text) => {
        // The shape is the contract's; the test of `plan` holds it.
        const { changes } = JSON.parse(text) as {
          readonly changes: readonly Readonly<Record<string, unknown>>[];
        };
        assert.deepEqual(
          changes.map(({ namespace, name }) => ({ namespace, name })),
          [changed],
        );
      },
    },
    {
      name: 'certops plan of a work tree',
      args: ['plan', '-o', 'json'],
      limitMs: 1_000,
      prove: (text) => assert.deepEqual((JSON.parse(text) as { readonly changes: unknown }).changes, []),
    },
    {
      name: 'certops lint',
      args: ['lint', '-o', 'text'],
      limitMs: 3_000,
      prove: (text) => assert.match(text, new RegExp(`0 errors.* ${certificates + 2} valid manifests`)),
    },
  ];
  const costs = new Map(commands.map(({ name }) => [name, [] as Cost[]]));
  // The first round fills the file system's cache and is not counted.
  for (let round = 0; round <= pairs; round++) {
    say(round === 0 ? 'once, unmeasured' : `round ${round} of ${pairs}`);
    for (const { name, args, prove } of commands) {
      const options = { name, cwd: clone, env, timeoutMs: TIMEOUT_MS };
      const { cost, stdout } = await measureProcess(process.execPath, [PROGRAM, ...args], options);
      prove(stdout);
      if (round > 0) costs.get(name)?.push(cost);
    }
  }
  const measures = commands.flatMap(({ name }): Measure[] => {
    const samples = costs.get(name) ?? [];
    return [
      { name: `${name}, wall`, unit: 'ms', samples: samples.map(({ wallMs }) => wallMs) },
      { name: `${name}, CPU`, unit: 'ms', samples: samples.map(({ cpuMs }) => cpuMs) },
    ];
  });
  return {
    id: 'G13',
    title: `commands in a repository of ${certificates} Certificates`,
    measures,
    goals: commands.flatMap(({ name, limitMs }) => {
      const measured = median((costs.get(name) ?? []).map(({ wallMs }) => wallMs));
      return limitMs === undefined
        ? []
        : [{ text: `${name}, wall`, unit: 'ms', measured, limit: limitMs, direction: 'at most' as const }];
    }),
    notes: [
      'from the start of the process to its end, git’s processes among the CPU',
      'beside each Certificate lie a status and a Secret; the pack is as a clone gets it; one policy judges all',
      'wall time on a machine that is busy with other things says little: see the load above',
    ],
  };
}
