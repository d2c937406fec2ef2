import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { canBeHadHere, ensureParts, PARTS, partsEnvironment } from './parts.mjs';
import { endWithChildren, run } from './support/children.mjs';
import { assertNodeVersion, ensureInstalled, root } from './support/installation.mjs';
import { bold, describeDuration, dim, green, red, yellow } from './support/terminal.mjs';

const HELP = `npm test                     everything
npm test -- unit             one step: check, build, unit, fuzz, integration, e2e, demo
npm test -- e2e NAME…        the files of a step whose path contains one of the names
KEEP=1 npm test …            leaves the tests' folders behind and says where`;

const REQUIRED_PARTS = ['git', 'openssl', 'ssh-keygen', 'age', 'pebble', 'named'];
const OPTIONAL_PARTS = ['pebble-current', 'sops', 'keytool'];
const TEST_STEPS = {
  unit: { folders: ['unit', 'house'], timeoutMs: 10 * 60_000, concurrency: 2 },
  fuzz: { folders: ['fuzz'], timeoutMs: 20 * 60_000, concurrency: 2 },
  integration: { folders: ['integration'], timeoutMs: 20 * 60_000, concurrency: 2 },
  // Whole processes that measure time limits of their own: one file at a time on two cores.
  e2e: { folders: ['e2e'], timeoutMs: 40 * 60_000, concurrency: 1 },
};
const STEPS = ['check', 'build', ...Object.keys(TEST_STEPS), 'demo'];
const isCi = process.env.CI === 'true';

const [only, ...patterns] = process.argv.slice(2);
if (only === '--help' || (only !== undefined && !STEPS.includes(only))) {
  console.log(HELP);
  process.exit(only === '--help' ? 0 : 2);
}

process.chdir(root);
const runFolder = mkdtempSync(path.join(tmpdir(), 'certops-test-'));
const isKept = process.env.KEEP === '1';
const cleanUp = () => {
  if (!isKept) rmSync(runFolder, { recursive: true, force: true });
};
endWithChildren(cleanUp);

const totals = { passed: 0, failed: 0, skipped: 0 };
const failedSteps = [];
try {
  await main();
} catch (error) {
  console.error(red(error.message));
  failedSteps.push('set-up');
}
cleanUp();
if (isKept) console.log(`the tests' folders: ${runFolder}`);
if (failedSteps.length > 0) console.log(red(`failed: ${failedSteps.join(', ')}`));
// A step that is no test and failed counts as one failure: the last line must not look green.
const failed = Math.max(totals.failed, failedSteps.length);
const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`;
process.exitCode = failed === 0 ? 0 : 1;
console.log(`${totals.passed} passed, ${failed} failed${skipped}`);

async function main() {
  await step('node_modules', async () => {
    assertNodeVersion();
    return (await ensureInstalled()) ? 'installed' : 'there already';
  });
  const required = await findParts('real parts', REQUIRED_PARTS);
  const absent = required.filter((part) => part.missing !== undefined);
  if (absent.length > 0) {
    throw new Error(
      ['These are needed and could not be installed here:', ...absent.map(describeMissing)].join('\n'),
    );
  }
  const wanted = STEPS.filter(
    (name) => only === undefined || name === only || (only === 'e2e' && name === 'build'),
  );
  const needsOptional = wanted.some((name) => TEST_STEPS[name] !== undefined);
  const optional = needsOptional ? await findParts('optional parts', OPTIONAL_PARTS) : [];
  if (isCi && optional.some((part) => part.missing !== undefined && canBeHadHere(part.name))) {
    failedSteps.push('optional parts');
  }

  const parts = [...required, ...optional];
  for (const name of wanted) {
    if (TEST_STEPS[name] !== undefined) await testStep(name, partsEnvironment(parts));
    else await step(name, () => npmScript(name));
  }
  if (wanted.includes('integration') || wanted.includes('e2e')) await step('canary scan', scanForKeys);
  if (only === undefined) assertEveryTestRuns();
  reportParts(parts);
}

/** Runs one named, timed step; a step that throws is written down and the others go on. */
async function step(name, work) {
  console.log(bold(`\n── ${name}`));
  const startedAt = performance.now();
  try {
    const note = await work();
    console.log(
      `${green('ok')} ${dim(`${note ? `${note}, ` : ''}${describeDuration(performance.now() - startedAt)}`)}`,
    );
  } catch (error) {
    console.error(error.message);
    console.log(`${red('failed')} ${dim(describeDuration(performance.now() - startedAt))}`);
    if (name === 'node_modules') throw new Error('Without its packages nothing can be tested.');
    failedSteps.push(name);
  }
}

async function npmScript(name) {
  const result = await run('npm', ['run', '--silent', name], { inherit: true, timeoutMs: 15 * 60_000 });
  if (result.code !== 0) throw new Error(`npm run ${name} failed`);
}

async function findParts(title, names) {
  let found = [];
  await step(title, async () => {
    found = await ensureParts(names, { say: (line) => console.log(line) });
    for (const part of found)
      console.log(part.missing === undefined ? describePart(part) : describeMissing(part));
  });
  return found;
}

async function testStep(name, variables) {
  const { folders, timeoutMs, concurrency } = TEST_STEPS[name];
  const files = folders
    .flatMap(testFiles)
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)));
  if (files.length === 0) {
    if (patterns.length > 0) failedSteps.push(`${name} (no file matches)`);
    return;
  }
  await step(`${name} tests`, async () => {
    const report = path.join(runFolder, `${name}.tap`);
    const result = await run(
      process.execPath,
      [
        '--import',
        'tsx',
        '--test',
        `--test-concurrency=${concurrency}`,
        '--test-reporter=spec',
        '--test-reporter-destination=stdout',
        '--test-reporter=tap',
        `--test-reporter-destination=${report}`,
        ...files,
      ],
      { inherit: true, timeoutMs, env: testEnvironment(name, variables) },
    );
    const counts = countTests(report);
    totals.passed += counts.passed;
    totals.failed += counts.failed;
    totals.skipped += counts.skipped;
    if (result.timedOut)
      throw new Error(`the ${name} tests did not end within ${describeDuration(timeoutMs)}`);
    if (counts.passed + counts.failed === 0) throw new Error(`the ${name} tests ran nothing`);
    if (counts.failed > 0 || result.code !== 0)
      throw new Error(`${counts.failed} of the ${name} tests failed`);
    return `${counts.passed} tests in ${files.length} files`;
  });
}

/** Nothing of the person who runs the tests reaches them: no home, no Git settings, no identities. */
function testEnvironment(name, variables) {
  const own = Object.entries(process.env).filter(([key]) => !/^(GIT_|SOPS_|CERTOPS_|XDG_|SSH_)/.test(key));
  const folder = path.join(runFolder, name);
  const home = path.join(folder, 'home');
  mkdirSync(home, { recursive: true });
  mkdirSync(path.join(folder, 'tmp'), { recursive: true });
  return {
    ...Object.fromEntries(own),
    ...variables,
    HOME: home,
    TMPDIR: path.join(folder, 'tmp'),
    // What integration and e2e tests leave is scanned for keys before it goes.
    ...(name === 'unit'
      ? {}
      : { CERTOPS_TEST_KEEP_SCRATCH: '1', CERTOPS_TEST_LOGS: path.join(folder, 'logs') }),
  };
}

async function scanForKeys() {
  for (const name of ['integration', 'e2e']) {
    const folder = path.join(runFolder, name);
    if (!existsSync(folder)) continue;
    const args = ['--import', 'tsx', 'test/support/canary-scan.ts', folder];
    const { code } = await run(process.execPath, args, { inherit: true, timeoutMs: 10 * 60_000 });
    if (code !== 0) throw new Error(`the ${name} tests left keys in clear, or nothing to scan`);
  }
}

function testFiles(folder) {
  const from = path.join('test', folder);
  if (!existsSync(from)) return [];
  return readdirSync(from, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => path.join(from, file))
    .sort();
}

function assertEveryTestRuns() {
  const run = new Set(Object.values(TEST_STEPS).flatMap(({ folders }) => folders.flatMap(testFiles)));
  const forgotten = testFiles('.').filter((file) => !run.has(file));
  if (forgotten.length === 0) return;
  console.error(red(`no step runs ${forgotten.join(', ')}`));
  failedSteps.push('forgotten tests');
}

/** The totals that the TAP report ends with (its `# pass 12` lines). */
function countTests(report) {
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '';
  const total = (name) => Number([...text.matchAll(new RegExp(`^# ${name} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? 0);
  return { passed: total('pass'), failed: total('fail') + total('cancelled'), skipped: total('skipped') };
}

function reportParts(parts) {
  console.log(bold('\n── ran against'));
  for (const part of parts.filter(({ missing }) => missing === undefined)) console.log(describePart(part));
  console.log(`node ${process.versions.node}`);
  for (const part of parts.filter(({ missing }) => missing !== undefined)) console.log(describeMissing(part));
  console.log('');
}

function describePart({ name, version }) {
  return `${name} ${version ?? '(says no version)'}`;
}

function describeMissing({ name, missing }) {
  const without = PARTS[name].without;
  return yellow(`${name} is missing${without === undefined ? '' : `: ${without}`}; to have it: ${missing}`);
}
