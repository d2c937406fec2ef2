import { styleText } from 'node:util';
import { readAccess } from '../daemon/config.ts';
import { formatInstant } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import { printable, printableText } from '../lib/printable.ts';
import { unifiedDiff } from '../lib/unified-diff.ts';
import { writeYaml } from '../lib/yaml-write.ts';
import { readMarker } from '../proposals/identity.ts';
import { withoutMarkers } from '../proposals/marker.ts';
import type { PullRequest } from '../proposals/pull-request.ts';
import { terminalText } from '../proposals/terminal-text.ts';
import { PersonRepository } from '../store/person-repository.ts';
import type { Console } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { closedBy, isOnForge, type ProposalsAtHand, proposalsAtHand } from './proposal-forge.ts';
import { formatAge, renderTable } from './table.ts';

export interface ProposalsOptions {
  readonly repo?: string | undefined;
  readonly branch?: string | undefined;
  readonly output?: 'text' | 'json' | 'yaml' | undefined;
}

/** Everything that a command about proposals works with. */
export interface ProposalsWork extends ProposalsAtHand {
  readonly repository: PersonRepository;
}

type Flags = Readonly<Record<string, string | boolean | undefined>>;

const MAX_FILE_BYTES = 1 << 20;
const MAX_DIFF_LINES = 1000;

/** `certops proposals list`: pull requests for failures, the open ones first. */
export async function listProposals(
  console: Console,
  options: ProposalsOptions,
  flags: Flags,
  now: Date,
): Promise<ExitCode> {
  return withProposals(options, flags, now, async (work) => {
    const { pullRequests, repository } = work;
    if (isData(options)) {
      show(console, options, pullRequests.map(facts));
      return EXIT.ok;
    }
    hintAtForge(console, work);
    if (pullRequests.length === 0) {
      console.err(`No proposals for the branch ${repository.branch}: nothing that fails needs a person.`);
      return EXIT.ok;
    }
    const rows = pullRequests.map((one) => [
      String(one.number),
      stateInWords(one),
      formatAge(one.createdAt, now),
      readMarker(one.body)?.nearestEnd?.toISOString().slice(0, 10) ?? '-',
      one.headBranch,
      one.title,
    ]);
    console.out(renderTable(['NUMBER', 'STATE', 'SINCE', 'NEAREST END', 'BRANCH', 'ABOUT'], rows));
    return EXIT.ok;
  });
}

/** `certops proposals show`: the text of one as a page for the terminal, and its diff. */
export async function showProposal(
  console: Console,
  which: string | undefined,
  options: ProposalsOptions,
  flags: Flags,
  now: Date,
): Promise<ExitCode> {
  return withProposals(options, flags, now, async (work) => {
    const { forge } = work;
    const one = pick(work, which);
    const diff = await diffOf(work, one);
    if (isData(options)) {
      show(console, options, { ...facts(one), text: withoutMarkers(one.body).trim(), diff });
      return EXIT.ok;
    }
    hintAtForge(console, work);
    const end = readMarker(one.body)?.nearestEnd;
    const head = [
      ['State', stateInWords(one)],
      ['Branch', one.headBranch],
      ['Since', `${formatInstant(one.createdAt)} (${formatAge(one.createdAt, now)})`],
      ...(end === undefined ? [] : [['Nearest end', formatInstant(end)]]),
      ...(one.url === '' ? [] : [['At', one.url]]),
    ];
    const text =
      forge.kind === 'git' ? withoutMarkers(one.body).trim() : terminalText(withoutMarkers(one.body), '');
    const bold = (words: string): string => (console.isTerminal ? styleText('bold', words) : words);
    console.out(bold(`#${one.number}  ${printable(one.title)}`));
    for (const [name = '', value = ''] of head) console.out(`${`${name}:`.padEnd(13)}${printable(value)}`);
    console.out('');
    console.out(text === '' ? 'Its text went with its branch.' : printableText(text));
    if (diff !== '') console.out(`\n${paintedDiff(printableText(diff.trimEnd()), console.isTerminal)}`);
    if (one.state === 'open') console.err(whatNext(work, one));
    return EXIT.ok;
  });
}

/** Opens the repository and looks; closes it afterwards. */
export async function withProposals(
  { repo, branch }: ProposalsOptions,
  flags: Flags,
  now: Date,
  use: (work: ProposalsWork, signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const access = await readAccess(flags, process.env);
  const { signal } = new AbortController();
  const { credentials } = access;
  const repository = await PersonRepository.open(
    { repo, branch, environment: process.env, credentials },
    signal,
  );
  try {
    return await use({ repository, ...(await proposalsAtHand(repository, access, now, signal)) }, signal);
  } finally {
    await repository.close();
  }
}

/** The one that is named by number, branch or the end of its branch; without a name the only open one. Throws `cli.…`. */
export function pick({ pullRequests, repository }: ProposalsWork, which: string | undefined): PullRequest {
  if (which === undefined) {
    const open = pullRequests.filter(({ state }) => state === 'open');
    const [only] = open;
    if (only !== undefined && open.length === 1) return only;
    throw unknown(
      open.length === 0 ? 'No proposal is open' : `${open.length} proposals are open`,
      'Name one by its number or its branch: certops proposals list',
    );
  }
  const number = /^#?(\d{1,9})$/.exec(which)?.[1];
  const found = pullRequests.find((one) =>
    number === undefined
      ? one.headBranch === which || one.headBranch.endsWith(`/${which}`)
      : one.number === Number(number),
  );
  if (found !== undefined) return found;
  throw unknown(
    `There is no proposal ${JSON.stringify(which)} for the branch ${repository.branch}`,
    'certops proposals list shows those that there are',
  );
}

/** The edit of a proposal against the source branch as it was when they parted; empty where it is not at hand. */
async function diffOf({ repository, look }: ProposalsWork, one: PullRequest): Promise<string> {
  const { headCommit } = one;
  if (!(await repository.has(headCommit).catch(() => false))) return '';
  const base =
    (await repository.baseOf(headCommit, look.source)) ??
    (await repository.mergeBase(look.source, headCommit).catch(() => undefined));
  if (base === undefined || base === headCommit) return '';
  const textOf = async (oid: string | null): Promise<string | undefined> =>
    oid === null ? undefined : Buffer.from(await repository.readBlob(oid, MAX_FILE_BYTES)).toString('utf8');
  const parts: string[] = [];
  for (const { path, before, after } of await repository.changes(base, headCommit)) {
    parts.push(unifiedDiff(path, await textOf(before), await textOf(after), { maxLines: MAX_DIFF_LINES }));
  }
  return parts.join('');
}

function facts(one: PullRequest) {
  const nearestEnd = readMarker(one.body)?.nearestEnd;
  const by = closedBy(one);
  return {
    number: one.number,
    state: one.state,
    ...(by === undefined ? {} : { closedBy: by }),
    branch: one.headBranch,
    title: one.title,
    since: formatInstant(one.createdAt),
    ...(one.closedAt === undefined ? {} : { closedAt: formatInstant(one.closedAt) }),
    ...(nearestEnd === undefined ? {} : { nearestEnd: formatInstant(nearestEnd) }),
    ...(one.url === '' ? {} : { url: one.url }),
    commit: one.headCommit,
  };
}

function stateInWords(one: PullRequest): string {
  const by = closedBy(one);
  return by === undefined ? one.state : `closed by ${by === 'person' ? 'a person' : by}`;
}

function whatNext({ forge }: ProposalsWork, { number, url }: PullRequest): string {
  if (forge.kind !== 'git') return `certops: merge or close it at ${printable(url)}`;
  return `certops: merge it with "certops proposals accept ${number}", say no with "certops proposals reject ${number}"`;
}

/** Branches of pull requests on a forge, seen without a way to it. */
function hintAtForge(console: Console, { forge, look }: ProposalsWork): void {
  if (forge.kind !== 'git') return;
  if (![...look.branches.values()].some(({ message }) => isOnForge(message))) return;
  console.err('certops: these are pull requests on a forge: set CERTOPS_FORGE_TOKEN to see all of them');
}

function paintedDiff(diff: string, isTerminal: boolean): string {
  if (!isTerminal) return diff;
  const colourOf = (line: string) => {
    if (/^(---|\+\+\+) /.test(line)) return 'bold';
    if (line.startsWith('@@')) return 'cyan';
    return line.startsWith('+') ? 'green' : line.startsWith('-') ? 'red' : undefined;
  };
  return diff
    .split('\n')
    .map((line) => {
      const colour = colourOf(line);
      return colour === undefined ? line : styleText(colour, line);
    })
    .join('\n');
}

function isData({ output }: ProposalsOptions): boolean {
  return output === 'json' || output === 'yaml';
}

function show(console: Console, { output }: ProposalsOptions, value: unknown): void {
  console.out(output === 'json' ? JSON.stringify(value, null, 2) : writeYaml([value]).trimEnd());
}

function unknown(what: string, next: string): CertopsError {
  return new CertopsError('cli.no-proposal', { what, next }, { retry: { when: 'never' } });
}
