import { formatObjectName, type ObjectName } from '../api/names.ts';
import { readAccess } from '../daemon/config.ts';
import { readManifests } from '../daemon/manifest-reader.ts';
import { openRepositoryForge } from '../daemon/repository-forge.ts';
import type { Forge } from '../forge/forge.ts';
import { systemClock } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import { silentLog } from '../lib/log.ts';
import { quoteInline } from '../lib/markdown-quote.ts';
import { printable } from '../lib/printable.ts';
import { World } from '../reconcile/world.ts';
import { PersonRepository } from '../store/person-repository.ts';
import type { Console } from './console.ts';
import { counted } from './counted.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { readOnlyForge } from './proposal-forge.ts';
import { type Remark, type RenewalEdit, renewalEdit, type Wanted } from './renewal-requests.ts';

export interface RenewOptions {
  readonly all?: boolean | undefined;
  readonly namespace?: string | undefined;
  readonly pullRequest?: boolean | undefined;
  readonly repo?: string | undefined;
  readonly branch?: string | undefined;
  readonly message?: string | undefined;
}

const MAX_ATTEMPTS = 8;
const MAX_LISTED = 50;
const MAX_SLUG_CHARACTERS = 90;
const MAX_BASE_CHARACTERS = 60;

/**
 * `certops renew`: asks for renewals by one commit of the person, on the branch or, with `--pull-request`, on a branch of
 * its own. Nothing is written unless everything that is named can be (exit 2); of all, what cannot be is left out and told
 * (exit 1).
 */
export async function renew(
  console: Console,
  names: readonly string[],
  options: RenewOptions,
  flags: Readonly<Record<string, string | boolean | undefined>>,
  now: Date,
  signal: AbortSignal = new AbortController().signal,
): Promise<ExitCode> {
  const wanted = readWanted(names, options);
  const access = await readAccess(flags, process.env);
  const { repo, branch } = options;
  const { credentials } = access;
  const repository = await PersonRepository.open(
    { repo, branch, environment: process.env, credentials },
    signal,
  );
  try {
    const openForge = (): Promise<Forge> =>
      openRepositoryForge(
        access,
        {
          ...{ remote: repository.url, clock: systemClock() },
          openPlain: () => readOnlyForge(repository, systemClock()),
        },
        signal,
      );
    // What the forge is configured wrongly in is said before a branch is pushed for it.
    const forge = options.pullRequest === true ? await openForge() : undefined;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const { source } = await repository.look(undefined, signal);
      const world = new World(repository, readManifests, silentLog);
      await world.advance(source);
      const edit = await renewalEdit({ world, reader: repository }, wanted, now);
      tell(console, edit);
      if (edit.problems.length > 0) return EXIT.impossible;
      const code = edit.leftOut.some(({ isSuspended }) => !isSuspended) ? EXIT.finding : EXIT.ok;
      if (edit.names.length === 0) {
        console.out('There is no Certificate to renew.');
        return code;
      }
      const message = options.message ?? defaultMessage(edit.names);
      const commit = await repository.commitFiles(source, edit.files, message, signal);
      const asked: Asked = { console, repository, names: edit.names, message, commit, source, now };
      if (forge !== undefined) {
        await propose(asked, forge, world, signal);
        return code;
      }
      const { outcome, remarks } = await repository.push(
        { branch: repository.branch, from: source, to: commit },
        signal,
      );
      if (outcome === 'lost') continue;
      tellRemarks(console, remarks);
      const subject = message.split('\n', 1)[0] ?? '';
      console.out(`Pushed ${commit.slice(0, 12)} to ${repository.branch}: ${printable(subject)}`);
      return code;
    }
    throw contended(repository.branch);
  } finally {
    await repository.close();
  }
}

interface Asked {
  readonly console: Console;
  readonly repository: PersonRepository;
  readonly names: readonly ObjectName[];
  readonly message: string;
  readonly commit: string;
  readonly source: string;
  readonly now: Date;
}

async function propose(
  { console, repository, names, message, commit, now }: Asked,
  forge: Forge,
  world: World,
  signal: AbortSignal,
): Promise<void> {
  const branch = renewalBranch(repository.branch, names, now);
  const { outcome, remarks } = await repository.push({ branch, from: null, to: commit }, signal);
  if (outcome === 'lost') throw branchTaken(branch);
  const [title = '', ...body] = message.split('\n');
  if (forge.kind === 'git') {
    console.out(`Pushed ${commit.slice(0, 12)} to the branch ${branch}: ${printable(title)}`);
    tellRemarks(console, remarks);
    console.err(
      'certops: no forge is configured: open a pull request from this branch there, set CERTOPS_FORGE_TOKEN the next ' +
        `time, or merge it: git fetch ${repository.remoteName} ${branch} && git merge --no-ff FETCH_HEAD`,
    );
    return;
  }
  const { labels, reviewers } = world.settings.pullRequests;
  const { titleCharacters, bodyCharacters } = forge.limits;
  const pullRequest = await forge.ensureOpen(
    {
      title: printable(title).slice(0, titleCharacters),
      body: renderBody(names, body.join('\n').trim()).slice(0, bodyCharacters),
      headBranch: branch,
      headCommit: commit,
      baseBranch: repository.branch,
      labels,
      reviewers,
    },
    undefined,
    signal,
  );
  console.out(`Opened ${pullRequest.url || `pull request ${pullRequest.number}`}: ${printable(title)}`);
}

function readWanted(texts: readonly string[], { all, namespace }: RenewOptions): Wanted {
  if (all === true) {
    if (texts.length > 0) throw usage('Names are given with --all', 'Give either');
    return { all: true, namespace };
  }
  if (texts.length === 0) throw usage('No Certificate is named', 'Name some, or say --all');
  const names = texts.map((text): ObjectName => {
    const [first = '', second, ...more] = text.split('/');
    if (more.length > 0 || first === '' || second === '') throw notAName(text);
    if (second === undefined) return { namespace: namespace ?? 'default', name: first };
    if (namespace !== undefined && namespace !== first) {
      throw usage(`${JSON.stringify(text)} is of another namespace than ${namespace}`, 'Leave out -n');
    }
    return { namespace: first, name: second };
  });
  const byName = new Map(names.map((name) => [formatObjectName(name), name]));
  return { names: [...byName.values()] };
}

function tell(console: Console, { problems, leftOut }: RenewalEdit): void {
  const line = ({ name, place, message }: Remark): string =>
    printable(`${place === undefined ? '' : `${place}: `}${formatObjectName(name)} ${message}`);
  for (const remark of leftOut) console.err(`certops: left out: ${line(remark)}`);
  for (const remark of problems) console.err(`certops: ${line(remark)}`);
  if (problems.length > 0) console.err('certops: nothing was changed');
}

/** What the server tells people who push, for example where to open a pull request. */
function tellRemarks(console: Console, remarks: readonly string[]): void {
  for (const remark of remarks) console.err(`remote: ${printable(remark)}`);
}

function defaultMessage(names: readonly ObjectName[]): string {
  const [first] = names;
  if (names.length === 1 && first !== undefined) return `Ask to renew ${formatObjectName(first)}`;
  const more = names.length - MAX_LISTED;
  const list = names.slice(0, MAX_LISTED).map((name) => `- ${formatObjectName(name)}`);
  const lines = [...list, ...(more > 0 ? [`- and ${more} more`] : [])];
  return `Ask to renew ${counted(names.length, 'Certificate')}\n\n${lines.join('\n')}`;
}

function renderBody(names: readonly ObjectName[], text: string): string {
  const more = names.length - MAX_LISTED;
  const list = names.slice(0, MAX_LISTED).map((name) => `- ${quoteInline(formatObjectName(name))}`);
  const isListed = text !== '' && text.startsWith('- ');
  return [
    ...(text === '' || isListed ? [] : [text, '']),
    `Merging asks certops to issue ${names.length === 1 ? 'this Certificate' : 'these Certificates'} again:`,
    '',
    ...list,
    ...(more > 0 ? [`- and ${more} more`] : []),
  ].join('\n');
}

/** `certops/renew/<source branch>/<name or n-certificates>-<stamp>`. */
export function renewalBranch(sourceBranch: string, names: readonly ObjectName[], now: Date): string {
  const [first] = names;
  const what = names.length === 1 && first !== undefined ? first.name : `${names.length}-certificates`;
  const stamp = now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const slug = what.slice(0, MAX_SLUG_CHARACTERS).replace(/[^a-z0-9]+$/, '');
  const base = sourceBranch.slice(0, MAX_BASE_CHARACTERS).replace(/[^A-Za-z0-9]+$/, '');
  return `certops/renew/${base}/${slug}-${stamp}`;
}

function usage(what: string, next: string): CertopsError {
  return new CertopsError('cli.usage', { what, next }, { retry: { when: 'never' } });
}

function notAName(text: string): CertopsError {
  return usage(
    `${JSON.stringify(text)} names no Certificate`,
    'Write NAME with -n NAMESPACE, or NAMESPACE/NAME',
  );
}

function branchTaken(branch: string): CertopsError {
  return new CertopsError(
    'cli.branch-taken',
    { what: `The branch ${branch} is there already`, next: 'Try again in a second; nothing was changed' },
    { retry: { when: 'backoff' }, data: { branch } },
  );
}

function contended(branch: string): CertopsError {
  return new CertopsError(
    'store.contended',
    {
      what: `Others pushed to ${branch} first, ${MAX_ATTEMPTS} times in a row`,
      next: 'Try again; nothing was changed',
    },
    { retry: { when: 'backoff' } },
  );
}
