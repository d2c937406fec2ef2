import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bareRepository, git, Person } from '../../test/support/git-repo.ts';
import { runSuccessfully } from '../../test/support/process.ts';
import { caFileOf } from './issuing.ts';
import { type Cost, measureProcess } from './process-cost.ts';
import { proveEach, proveIssued } from './proof.ts';
import type { Setting } from './setting.ts';

const SCRIPT = fileURLToPath(new URL('../peers/lego-age-git.sh', import.meta.url));

/**
 * The peer of G1: a script of lego, age and git issues these names, seals, commits and pushes them. Throws
 * unless every certificate has arrived in the remote and all of it is right.
 */
export async function runScript(setting: Setting, dnsNames: readonly string[]): Promise<Cost> {
  const remote = setting.freshPath('script-remote');
  await bareRepository(remote);
  const { dir } = await Person.clone(remote, setting.freshPath('script'));
  const { directoryUrl } = setting.pebble;
  const lego = setting.freshPath('script-lego');
  const args = [dir, lego, directoryUrl, setting.recipient, String(setting.httpPort), ...dnsNames];
  const { cost } = await measureProcess(SCRIPT, args, {
    name: 'lego-age-git.sh',
    env: { ...setting.env, LEGO_CA_CERTIFICATES: await caFileOf(setting) },
    timeoutMs: 60_000 + dnsNames.length * 10_000,
  });
  const proof = setting.freshPath('proof');
  await git(['clone', '-q', remote, proof]);
  await proveEach(dnsNames, async (dnsName) => {
    const sealed = join(proof, 'secrets', `${dnsName}.pem.age`);
    const text = await runSuccessfully('age', ['--decrypt', '--identity', setting.identityFile, sealed]);
    const keyPem = /^-----BEGIN EC PRIVATE KEY-----[^-]+-----END EC PRIVATE KEY-----$/m.exec(text)?.[0] ?? '';
    proveIssued({ chainPem: text, keyPem, dnsName }, setting.rootPem);
  });
  return cost;
}
