import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { git } from '../../test/support/git-repo.ts';
import { openIndependently } from '../../test/support/independent-sops.ts';
import type { Cost } from './process-cost.ts';
import { measureProcess } from './process-cost.ts';
import { proveEach, proveIssued } from './proof.ts';
import { certificateName, type KeyAlgorithm, PROGRAM, pushesTaken, type Setting } from './setting.ts';

const WATCH_LOOP = fileURLToPath(new URL('../subjects/watch-loop.mjs', import.meta.url));

export interface CertopsRun {
  readonly cost: Cost;
  readonly remote: string;
  readonly dataDir: string;
  readonly pushes: number;
  /** Only of a run that was watched; milliseconds by which the event loop was late. */
  readonly loop?: LoopDelay | undefined;
}

export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface CertopsOptions {
  readonly algorithm?: KeyAlgorithm;
  /** Where the issuer points; default: Pebble itself. */
  readonly port?: number;
  /** Watches the event loop too, which costs some CPU. */
  readonly isLoopWatched?: boolean;
}

/**
 * One `certops run --once` for these names, on a new remote and without a data folder, from the start of the
 * process to its end. Throws unless every certificate has arrived in the remote and all of it is right.
 */
export async function runCertops(
  setting: Setting,
  dnsNames: readonly string[],
  options: CertopsOptions = {},
): Promise<CertopsRun> {
  const remote = await setting.remoteAskingFor(dnsNames, options);
  const dataDir = setting.freshPath('data');
  const loopFile = setting.freshPath('loop');
  const isLoopWatched = options.isLoopWatched === true;
  const { cost } = await measureProcess(
    process.execPath,
    [
      ...(isLoopWatched ? ['--import', WATCH_LOOP] : []),
      ...[PROGRAM, 'run', '--once', '--repo', remote, '--data-dir', dataDir],
      ...['--http01-port', String(setting.httpPort), '--http01-host', '127.0.0.1'],
    ],
    {
      name: 'certops run --once',
      env: { ...setting.env, CERTOPS_BENCH_LOOP_FILE: loopFile },
      timeoutMs: 60_000 + dnsNames.length * 1_000,
    },
  );
  await proveRemote(setting, remote, dnsNames);
  return {
    ...{ cost, remote, dataDir, pushes: await pushesTaken(remote) },
    loop: isLoopWatched ? await readLoopDelay(loopFile) : undefined,
  };
}

/** The figures that `subjects/watch-loop.mjs` has written. */
export async function readLoopDelay(file: string): Promise<LoopDelay> {
  // Written by our own script as exactly this.
  return JSON.parse(await readFile(file, 'utf8')) as LoopDelay;
}

/** Throws unless the remote's head holds a Secret for each name that opens, with a right chain and key. */
async function proveRemote(setting: Setting, remote: string, dnsNames: readonly string[]): Promise<void> {
  const clone = setting.freshPath('proof');
  await git(['clone', '-q', remote, clone]);
  await proveEach(dnsNames, async (dnsName) => {
    const text = await readFile(
      join(clone, 'secrets', 'web', `${certificateName(dnsName)}-tls.yaml`),
      'utf8',
    );
    const { data } = await openIndependently(text, setting.identityFile);
    const member = (name: string): string => {
      const value = (data as Readonly<Record<string, unknown>> | undefined)?.[name];
      assert.ok(typeof value === 'string', `${dnsName}: no ${name}`);
      return Buffer.from(value, 'base64').toString('utf8');
    };
    proveIssued({ chainPem: member('tls.crt'), keyPem: member('tls.key'), dnsName }, setting.rootPem);
  });
}
