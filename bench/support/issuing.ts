import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { LoopDelay } from './certops.ts';
import { type Cost, measureProcess } from './process-cost.ts';
import { type Issued, proveIssued } from './proof.ts';
import type { Setting } from './setting.ts';

/** What issuing alone has cost one side. */
export interface IssuingRun {
  /** The whole process: start-up and account counted in. */
  readonly cost: Cost;
  /** From the first key to the last certificate; of lego, which is a process each, the same as `cost`. */
  readonly issuing: Cost;
  readonly loop?: LoopDelay | undefined;
}

interface Result {
  readonly issuingMs: number;
  readonly issuingCpuMs: number;
  readonly issued: readonly Issued[];
  readonly loop?: LoopDelay;
}

export interface NodeSideOptions {
  /** Which program issues: certops' own parts, or acme-client as it comes. */
  readonly side: 'subjects/issuing.mjs' | 'peers/acme-client.mjs';
  readonly concurrency: number;
  /** Only of acme-client: how long it waits after a look that came too early. Default: its own 5 s. */
  readonly backoffMinMs?: number;
}

/** Issues these names with one Node.js program and proves what it got. */
export async function issueInNode(
  setting: Setting,
  dnsNames: readonly string[],
  { side, concurrency, backoffMinMs }: NodeSideOptions,
): Promise<IssuingRun> {
  const folder = setting.scratch.keyFolder('issued');
  const outFile = join(folder, 'issued.json');
  const taskFile = join(folder, 'task.json');
  const caFile = await caFileOf(setting);
  const { directoryUrl } = setting.pebble;
  const task = { directoryUrl, caFile, dnsNames, concurrency, outFile, backoffMinMs };
  await writeFile(taskFile, JSON.stringify(task));
  const program = await programOf(side, folder);
  const { cost } = await measureProcess(process.execPath, [program, taskFile], {
    name: side,
    env: { ...setting.env, NODE_EXTRA_CA_CERTS: caFile },
    timeoutMs: 60_000 + dnsNames.length * 1_000,
  });
  // Written by our own harness as exactly this.
  const result = JSON.parse(await readFile(outFile, 'utf8')) as Result;
  prove(result.issued, dnsNames, setting);
  const issuing = { wallMs: result.issuingMs, cpuMs: result.issuingCpuMs };
  return { cost, issuing, loop: result.loop };
}

/** The peer is run as it comes; certops' own parts are bundled as the built program is. */
async function programOf(side: NodeSideOptions['side'], folder: string): Promise<string> {
  const source = fileURLToPath(new URL(`../${side}`, import.meta.url));
  if (side === 'peers/acme-client.mjs') return source;
  const outfile = join(folder, 'subject.mjs');
  await build({
    ...{ entryPoints: [source], outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20.19' },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  return outfile;
}

/** Issues these names with lego, a process each, and proves what it got. */
export async function issueWithLego(setting: Setting, dnsNames: readonly string[]): Promise<IssuingRun> {
  const folder = setting.freshPath('lego');
  const script = fileURLToPath(new URL('../peers/lego.sh', import.meta.url));
  const { cost } = await measureProcess(
    script,
    [folder, setting.pebble.directoryUrl, String(setting.httpPort), ...dnsNames],
    {
      name: 'lego',
      env: { ...setting.env, LEGO_CA_CERTIFICATES: await caFileOf(setting) },
      timeoutMs: 60_000 + dnsNames.length * 10_000,
    },
  );
  const read = (name: string) => readFile(join(folder, 'certificates', name), 'utf8');
  const issued = await Promise.all(
    dnsNames.map(async (dnsName) => ({
      dnsName,
      chainPem: await read(`${dnsName}.crt`),
      keyPem: await read(`${dnsName}.key`),
    })),
  );
  prove(issued, dnsNames, setting);
  return { cost, issuing: cost };
}

/** The trust anchor of Pebble's HTTPS, as a file. */
export async function caFileOf(setting: Setting): Promise<string> {
  return setting.scratch.write('pebble-https.pem', setting.pebble.caPem);
}

function prove(issued: readonly Issued[], dnsNames: readonly string[], { rootPem }: Setting): void {
  assert.deepEqual(issued.map(({ dnsName }) => dnsName).sort(), [...dnsNames].sort());
  for (const each of issued) proveIssued(each, rootPem);
}
