import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inDays, statusOf } from './offline-scenario.ts';
import type { FinishedProcess } from './process.ts';
import type { Scenario } from './scenario.ts';

/** One bad input: a file that somebody pushes beside the good work of others. */
export interface BadFile {
  /** What is wrong, in a word or two; the file is `bad/<name>.yaml`. */
  readonly name: string;
  readonly content: string | Uint8Array;
  /**
   * What `certops lint` says of it: `line:column rule field`; `*` for a place or a field of no interest. Empty for
   * what nobody sees in the file.
   */
  readonly lint: string;
  /** What a pass says of it, where that is not the place that lint gives. */
  readonly pass?: RegExp;
  /** A good revision of the file that was accepted before: with Certificate `web/<name>`, which goes on. */
  readonly before?: string;
}

/** What became of a batch of bad files. */
export interface BatchReport {
  /** Everything that is not as it should be, a line each. */
  readonly faults: readonly string[];
  /** The pass that first saw the bad files. */
  readonly pass: FinishedProcess;
  /** Subjects of the commits with which that pass began or ended an issuance, sorted. */
  readonly issued: readonly string[];
  /** What `certops lint -o json` found. */
  readonly lint: readonly LintFinding[];
  /** How long the event loop was held up at most, in milliseconds, in that pass. */
  readonly maxStallMs: number;
}

interface LintFinding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly rule: string;
  readonly path: string;
  readonly message: string;
}

/**
 * Pushes the good revisions, together with `already` (a later push of so many would be held), and runs; pushes the bad ones with `beside` and runs, twice; runs when everything is
 * due. Holds each bad file against what has to be so: told with its place by the pass, by the status of what was
 * accepted before, and by lint; nothing issued for it; the last accepted revision renewed; nothing said twice.
 */
export async function runBatch(
  scenario: Scenario,
  rows: readonly BadFile[],
  beside: Readonly<Record<string, string>>,
  already: Readonly<Record<string, string>> = {},
): Promise<BatchReport> {
  const faults: string[] = [];
  const accepted = rows.filter(({ before }) => before !== undefined);
  if (accepted.length > 0) {
    await pushBytes(scenario, { ...byFile(accepted, ({ before }) => before ?? ''), ...already });
    const first = await scenario.runOnce();
    if (first.code !== 0) faults.push(`the good revisions: ${first.stdout}${first.stderr}`);
  }

  await pushBytes(scenario, { ...byFile(rows, ({ content }) => content), ...beside });
  const before = await scenario.tip();
  const pass = await scenario.runOnce({ env: { CERTOPS_LOG_LEVEL: 'debug' } });
  const commits = (await scenario.person.log('--format=%s', `${before}..FETCH_HEAD`)).split('\n');
  const issued = commits.filter((subject) => /^(Issue|Start|Renew) (?!issuer )/.test(subject));
  if (pass.code !== 1) faults.push(`the pass ended with ${pass.code}: ${pass.stderr.slice(-2000)}`);
  const quiet = await scenario.tip();
  await scenario.runOnce();
  if ((await scenario.tip()) !== quiet) faults.push('a second pass over the same files has something to say');

  const lint = await lintOf(scenario);
  for (const row of rows) faults.push(...(await faultsOf(scenario, row, { lint, pass })));

  const renewing = await scenario.runOnce(inDays(61));
  if (renewing.code !== 1) faults.push(`the renewal ended with ${renewing.code}`);
  for (const { name } of accepted) {
    const { revision } = await statusOf(scenario, `web/certificates/${name}`);
    if (revision !== 2) faults.push(`${name}: not renewed, still at revision ${revision}`);
  }
  return { faults, pass, issued: issued.sort(), lint, maxStallMs: maxStallMs(pass.stderr) };
}

interface Told {
  readonly lint: readonly LintFinding[];
  readonly pass: FinishedProcess;
}

async function faultsOf(scenario: Scenario, row: BadFile, told: Told): Promise<readonly string[]> {
  const { name, before, pass } = row;
  const faults: string[] = [];
  const file = pathOf(row);
  const ofFile = told.lint.filter((finding) => finding.file === file);
  const [place = '', rule = '', field = ''] = row.lint.split(' ');
  const found = ofFile.find(
    ({ line, column, ...finding }) =>
      finding.rule === rule &&
      (field === '*' || finding.path === field) &&
      (place === '*' || place === `${line}:${column}`),
  );
  if (found === undefined && row.lint !== '') {
    const said = ofFile.map(({ line, column, ...each }) => `${line}:${column} ${each.rule} ${each.path}`);
    faults.push(`${name}: lint says ${said.slice(0, 3).join('; ') || 'nothing'}, not ${row.lint}`);
  }
  const says = pass ?? new RegExp(`${escaped(`${file}:${found?.line}:${found?.column}`)}: `);
  if (!says.test(told.pass.stdout)) faults.push(`${name}: the pass does not say ${says}`);
  if (before === undefined) return faults;
  const { certops, revision } = await statusOf(scenario, `web/certificates/${name}`);
  if (!says.test(certops.problem ?? '')) faults.push(`${name}: its status says ${certops.problem}`);
  if (revision !== 1) faults.push(`${name}: revision ${revision}`);
  return faults;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function pathOf({ name }: BadFile): string {
  return `bad/${name}.yaml`;
}

function byFile<T>(rows: readonly BadFile[], content: (row: BadFile) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(rows.map((row) => [pathOf(row), content(row)]));
}

/** As a person: takes over what the remote has, commits these files on top, whatever their bytes are, and pushes. */
export async function pushBytes(
  { person }: Scenario,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  await person.pull();
  for (const [path, content] of Object.entries(files)) {
    const file = join(person.dir, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  await person.commit({ message: 'Ask for something', files: {} });
  await person.pushPatiently();
}

/** What `certops lint -o json` says of the person's clone. */
export async function lintOf({ certops, person }: Scenario): Promise<readonly LintFinding[]> {
  const { stdout, stderr } = await certops('lint', '-o', 'json', person.dir);
  if (stdout === '') throw new Error(`lint said nothing: ${stderr}`);
  // The shape of the contract, 2.
  return JSON.parse(stdout) as readonly LintFinding[];
}

/** The longest stall of the event loop that a debug log reports. */
function maxStallMs(log: string): number {
  const found = /"maxMs":(?<ms>\d+)/.exec(log)?.groups?.ms;
  if (found === undefined) throw new Error('the log does not say how long the event loop was held up');
  return Number(found);
}
