import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureParts, partsEnvironment } from './parts.mjs';
import { endWithChildren, run } from './support/children.mjs';
import { assertNodeVersion, build, ensureInstalled, root } from './support/installation.mjs';
import { bold, describeDuration, dim, red } from './support/terminal.mjs';

const HELP = `npm run demo              shows certops working, and cleans up
npm run demo -- --keep    leaves the folder, and the daemon and its CA running until Ctrl-C`;

const NEEDED_PARTS = ['git', 'openssl', 'ssh-keygen'];
const STORY_TIMEOUT_MS = 5 * 60_000;
const KEEP_TIMEOUT_MS = 24 * 60 * 60_000;

const options = process.argv.slice(2);
if (options.some((option) => option !== '--keep')) {
  console.log(HELP);
  process.exit(options.includes('--help') ? 0 : 2);
}
const isKept = options.includes('--keep');

const folder = mkdtempSync(path.join(tmpdir(), 'certops-demo-'));
const leave = () => {
  if (isKept) console.log(`\nEverything is still in ${folder}; remove it when you have seen enough.`);
  else rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
};
endWithChildren(leave);
try {
  process.exitCode = await main();
} catch (error) {
  console.error(red(error.message));
  process.exitCode = 2;
}
leave();

async function main() {
  const startedAt = performance.now();
  console.log(bold('Getting ready'));
  assertNodeVersion();
  console.log(dim((await ensureInstalled()) ? '   packages installed' : '   packages are there'));
  await build();
  console.log(dim('   certops built'));
  const parts = await findParts();
  console.log(dim(`   ready after ${describeDuration(performance.now() - startedAt)}`));

  const temporary = path.join(folder, 'tmp');
  mkdirSync(temporary);
  const story = path.join(root, 'scripts/demo/story.mjs');
  const result = await run(
    process.execPath,
    ['--import', 'tsx', story, folder, ...(isKept ? ['--keep'] : [])],
    {
      cwd: root,
      inherit: true,
      timeoutMs: isKept ? KEEP_TIMEOUT_MS : STORY_TIMEOUT_MS,
      // Whatever the story's own servers write goes with the folder, however they end.
      env: { ...process.env, ...partsEnvironment(parts), TMPDIR: temporary },
    },
  );
  if (result.timedOut) throw new Error('The demo did not come to its end in time.');
  return result.code ?? 2;
}

async function findParts() {
  const say = (line) => console.log(dim(`   ${line}`));
  const needed = await ensureParts(NEEDED_PARTS, { say });
  const missing = needed.filter((part) => part.missing !== undefined);
  if (missing.length > 0) {
    throw new Error(missing.map((part) => `${part.name} is needed: ${part.missing}`).join('\n'));
  }
  const [pebble] = await ensureParts(['pebble'], { say });
  if (pebble.missing !== undefined) say(`no Pebble here, so no ACME: ${pebble.missing}`);
  // Building sops takes minutes; where it is not there sops-age opens the Secrets.
  const [sops] = await ensureParts(['sops'], { install: false });
  return [...needed, pebble, sops];
}
