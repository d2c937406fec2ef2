import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { benchEverything } from './g1-everything.ts';
import { benchRequests } from './g3-requests.ts';
import { benchIssuingAlone } from './g4-issuing-alone.ts';
import { benchGrowth } from './g10-growth.ts';
import { benchCommands } from './g13-commands.ts';
import { type BenchReport, renderReport, reportFigures } from './support/report.ts';
import type { BenchOptions } from './support/setting.ts';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchReport>>> = {
  g1: benchEverything,
  g3: benchRequests,
  g4: benchIssuingAlone,
  g10: benchGrowth,
  g13: benchCommands,
};
const MAX_IDLE_LOAD = 0.5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    pairs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    version: { type: 'string', multiple: true, default: [] },
  },
});
const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals;
const options: BenchOptions = {
  pairs: Number(values.pairs ?? (values.quick ? 1 : 5)),
  isQuick: values.quick,
  say: (line) => process.stderr.write(`   ${line}\n`),
};
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  node: process.versions.node,
  ...Object.fromEntries(values.version.map((pair) => pair.split('=') as [string, string])),
};
console.log(
  Object.entries(machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(', '),
);

const reports: unknown[] = [];
for (const name of names) {
  const bench = BENCHES[name];
  if (bench === undefined)
    throw new Error(`no such bench: ${name}; there are ${Object.keys(BENCHES).join(', ')}`);
  const [load = 0] = loadavg();
  if (load > MAX_IDLE_LOAD)
    console.log(`The machine is busy (load ${load.toFixed(1)}): trust the ratios alone.`);
  process.stderr.write(`${name}\n`);
  const report = await bench(options);
  console.log(`\n${renderReport(report)}`);
  reports.push({ ...(reportFigures(report) as object), loadBefore: load });
  // After each bench, so that a failure of the next one loses nothing.
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ machine, isQuick: values.quick, reports }, null, 2)}\n`);
  }
}
if (values.quick) console.log('A quick run: it shows that the benches work, its figures mean nothing.');
