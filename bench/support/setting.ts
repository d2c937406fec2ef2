import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bareRepository, git, Person } from '../../test/support/git-repo.ts';
import { type Pebble, startPebble } from '../../test/support/pebble.ts';
import { runSuccessfully } from '../../test/support/process.ts';
import { acmeIssuer, certificate, freePort } from '../../test/support/scenario.ts';
import { makeScratch, type Scratch } from '../../test/support/scratch.ts';

/** The built program. */
export const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export type KeyAlgorithm = 'ECDSA' | 'RSA';

/** What every side of a bench runs in: one CA, one home with keys, nothing of the person's own. */
export interface Setting {
  readonly scratch: Scratch;
  readonly pebble: Pebble;
  readonly rootPem: string;
  readonly httpPort: number;
  readonly env: NodeJS.ProcessEnv;
  /** SOPS's keys.txt, and the recipient in it. */
  readonly identityFile: string;
  readonly recipient: string;
  /** A path in the scratch folder that was never given out before. */
  freshPath(name: string): string;
  /** A bare remote made from `certops init`'s template that asks for these certificates of one name each. */
  remoteAskingFor(
    dnsNames: readonly string[],
    options?: { readonly algorithm?: KeyAlgorithm; readonly port?: number },
  ): Promise<string>;
}

/** Host names `<prefix>0.bench.example` and so on; a name is a Certificate's name up to the first dot. */
export function hostNames(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}.bench.example`);
}

/** What a bench is told by the command line. */
export interface BenchOptions {
  readonly pairs: number;
  /** Small sizes, to see that the benches work; the figures mean nothing. */
  readonly isQuick: boolean;
  readonly say: (line: string) => void;
}

/** Runs `work` with a setting of its own and takes everything down after it. */
export async function withSetting<T>(work: (setting: Setting) => Promise<T>): Promise<T> {
  using scratch = makeScratch('bench');
  const httpPort = await freePort();
  const pebble = await startPebble({ httpPort, alwaysValid: true });
  try {
    return await work(await makeSetting(scratch, pebble, httpPort));
  } finally {
    await pebble.stop();
  }
}

async function makeSetting(scratch: Scratch, pebble: Pebble, httpPort: number): Promise<Setting> {
  const home = scratch.keyFolder('home');
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    TMPDIR: scratch.folder('tmp'),
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
  };
  const template = scratch.path('template');
  await runSuccessfully(process.execPath, [PROGRAM, 'init', template], { env, name: 'certops init' });
  const identityFile = join(home, '.config', 'sops', 'age', 'keys.txt');
  const recipient = /age1\w+/.exec(await readFile(identityFile, 'utf8'))?.[0];
  assert.ok(recipient !== undefined, 'certops init made no age identity');
  let paths = 0;
  const freshPath = (name: string) => {
    paths += 1;
    return scratch.path(`${name}-${paths}`);
  };
  return {
    ...{ scratch, pebble, httpPort, env, identityFile, recipient, freshPath },
    rootPem: await pebble.rootPem(),
    remoteAskingFor: async (dnsNames, { algorithm = 'ECDSA', port = pebble.port } = {}) => {
      const remote = freshPath('remote');
      await bareRepository(remote, {});
      await git(['-C', template, 'push', '-q', remote, 'main']);
      const person = await Person.clone(remote, freshPath('person'));
      const directoryUrl = `https://localhost:${port}/dir`;
      const files = dnsNames.map((dnsName) => {
        const name = certificateName(dnsName);
        return [`web/${name}.yaml`, certificate({ name, dnsNames: [dnsName], algorithm })] as const;
      });
      const issuer = acmeIssuer({ pebble: { ...pebble, directoryUrl } });
      await person.commit({ files: { 'issuers/pebble.yaml': issuer, ...Object.fromEntries(files) } });
      await person.push();
      await countPushes(remote);
      return remote;
    },
  };
}

export function certificateName(dnsName: string): string {
  return dnsName.slice(0, dnsName.indexOf('.'));
}

const PUSH_LOG = 'pushes.log';

/** From now on the remote writes a line for each push that it takes. */
async function countPushes(remote: string): Promise<void> {
  const hook = join(remote, 'hooks', 'post-receive');
  await writeFile(hook, `#!/bin/sh\necho push >> ${PUSH_LOG}\n`);
  await chmod(hook, 0o755);
  await writeFile(join(remote, PUSH_LOG), '');
}

/** How many pushes the remote has taken since it was made. */
export async function pushesTaken(remote: string): Promise<number> {
  return (await readFile(join(remote, PUSH_LOG), 'utf8')).split('\n').length - 1;
}

/** Loose objects in a repository, as `git count-objects` sees them. */
export async function looseObjects(repository: string): Promise<number> {
  return Number(/^(\d+) objects/.exec(await git(['-C', repository, 'count-objects']))?.[1] ?? Number.NaN);
}
