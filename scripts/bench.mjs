import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureParts, partsEnvironment } from './parts.mjs';
import { endWithChildren, run } from './support/children.mjs';
import { assertNodeVersion, build, ensureInstalled, root } from './support/installation.mjs';
import { bold, dim, red } from './support/terminal.mjs';

const BENCHES = ['g1', 'g3', 'g4', 'g10', 'g13'];
const HELP = `npm run bench                      every bench, some 20 minutes on two cores
npm run bench -- g1 g4             some of them: ${BENCHES.join(', ')}
npm run bench -- --json FILE       writes every sample to FILE
npm run bench -- --pairs N         how often both sides take turns (5)
npm run bench -- --quick           small sizes: shows that the benches work, no more`;

const NEEDED_PARTS = ['git', 'openssl', 'ssh-keygen', 'age', 'pebble', 'lego'];
const TIMEOUT_MS = 2 * 60 * 60_000;

const options = process.argv.slice(2);
if (!areGood(options)) {
  console.log(HELP);
  process.exit(options.includes('--help') ? 0 : 2);
}
const folder = mkdtempSync(path.join(tmpdir(), 'certops-bench-'));
const cleanUp = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
endWithChildren(cleanUp);
try {
  process.exitCode = await main();
} catch (error) {
  console.error(red(error.message));
  process.exitCode = 2;
}
cleanUp();

/** 0 when everything was measured and proved right, whether or not a goal is met. */
async function main() {
  console.log(bold('Getting ready'));
  assertNodeVersion();
  console.log(dim((await ensureInstalled()) ? '   packages installed' : '   packages are there'));
  await build();
  console.log(dim('   certops built'));
  const parts = await ensureParts(NEEDED_PARTS, { say: (line) => console.log(dim(`   ${line}`)) });
  const missing = parts.filter((part) => part.missing !== undefined);
  if (missing.length > 0) {
    throw new Error(missing.map((part) => `${part.name} is needed: ${part.missing}`).join('\n'));
  }
  const versions = parts.flatMap(({ name, version }) => ['--version', `${name}=${version ?? 'unknown'}`]);
  const result = await run(
    process.execPath,
    ['--import', 'tsx', path.join(root, 'bench/main.ts'), ...withAbsoluteFile(options), ...versions],
    { cwd: root, inherit: true, timeoutMs: TIMEOUT_MS, env: environment(parts) },
  );
  if (result.timedOut) throw new Error('The benches did not come to their end in time.');
  return result.code ?? 2;
}

/** Nothing of the person who runs it reaches what is measured: no Git settings, no identities. */
function environment(parts) {
  const own = Object.entries(process.env).filter(([key]) => !/^(GIT_|SOPS_|CERTOPS_|XDG_|SSH_)/.test(key));
  const temporary = path.join(folder, 'tmp');
  mkdirSync(temporary);
  return { ...Object.fromEntries(own), ...partsEnvironment(parts), TMPDIR: temporary };
}

function areGood(given) {
  for (let index = 0; index < given.length; index++) {
    const option = given[index];
    if (option === '--quick' || BENCHES.includes(option)) continue;
    if (option === '--json' && given[index + 1] !== undefined) index += 1;
    else if (option === '--pairs' && /^[1-9]\d*$/.test(given[index + 1] ?? '')) index += 1;
    else return false;
  }
  return true;
}

function withAbsoluteFile(given) {
  return given.map((option, index) => (given[index - 1] === '--json' ? path.resolve(option) : option));
}
