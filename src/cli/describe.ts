import type { Certificate, KeystorePassword } from '../api/certificate.ts';
import { CertopsError } from '../lib/errors.ts';
import { formatGoDuration } from '../lib/go-duration.ts';
import { printable } from '../lib/printable.ts';
import { readPlainYaml } from '../lib/yaml-write.ts';
import type { Declared } from '../reconcile/desired-state.ts';
import { filesInForce, type HeldPlan, heldInWords, readHeldPlan } from '../reconcile/held-plan.ts';
import type { CommitInfo } from '../store/reader.ts';
import type { Console } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type OpenOptions, type OpenWorld, withWorld } from './open-world.ts';
import { parseResource } from './resources.ts';
import { formatAge, renderTable } from './table.ts';

export interface DescribeOptions extends OpenOptions {
  readonly namespace?: string | undefined;
}

const MAX_EVENTS = 25;

/** `certops describe certificate`: everything about one Certificate, as `kubectl describe` lays it out. */
export async function describe(
  console: Console,
  resourceName: string,
  name: string,
  options: DescribeOptions,
  now: Date,
): Promise<ExitCode> {
  if (parseResource(resourceName) !== 'certificates') {
    throw new CertopsError(
      'cli.usage',
      {
        what: 'Only certificates can be described yet',
        next: 'certops describe certificate NAME [-n NAMESPACE]',
      },
      { retry: { when: 'never' } },
    );
  }
  return withWorld(options, async (opened) => {
    const namespace = options.namespace ?? 'default';
    const key = `${namespace}/${name}`;
    const { world } = opened;
    const declared = world.desired.certificates(key)[0];
    const status = await readStatus(opened, { namespace, name });
    const rejected = world.desired.rejected(key);
    if (declared === undefined && status === undefined && rejected === undefined) {
      console.err(`No certificate "${name}" found in ${namespace} namespace.`);
      return EXIT.finding;
    }
    const accepted = world.recorded.certificate(key)?.status.source;
    const paths = [declared?.path, accepted?.path];
    const held = declared?.specHash === accepted?.specHash ? undefined : await heldIn(opened, paths);
    console.out(renderDescription({ namespace, name }, { declared, held }, status));
    console.out(renderEvents(await readEvents(opened, { namespace, name }), now));
    return EXIT.ok;
  });
}

/** The plan that is held, where one of these files is part of it. */
async function heldIn(
  { repository }: OpenWorld,
  paths: readonly (string | undefined)[],
): Promise<HeldPlan | undefined> {
  const held = readHeldPlan(await repository.readState());
  if (held === undefined) return undefined;
  // History may have been rewritten since: nothing of it is held then.
  const changes = await repository.changes(held.base, held.at).catch(() => []);
  const files = filesInForce(held, changes);
  return paths.some((path) => path !== undefined && files.has(path)) ? held : undefined;
}

type Plain = Readonly<Record<string, unknown>>;

async function readStatus({ world, repository }: OpenWorld, name: { namespace: string; name: string }) {
  const file = await repository.readPath(repository.tip.commit, world.paths.certificateStatus(name));
  if (file === null) return undefined;
  // A document that certops wrote: a map with metadata and status.
  return readPlainYaml(Buffer.from(file.content).toString('utf8'))[0] as { metadata?: Plain; status?: Plain };
}

function renderDescription(
  name: { readonly namespace: string; readonly name: string },
  {
    declared,
    held,
  }: { readonly declared: Declared<Certificate> | undefined; readonly held: HeldPlan | undefined },
  status: { readonly metadata?: Plain; readonly status?: Plain } | undefined,
): string {
  const certificate = declared?.object;
  const head: [string, string][] = [
    ['Name', name.name],
    ['Namespace', name.namespace],
    ['Labels', pairs(certificate?.labels)],
    ['Annotations', pairs(certificate?.annotations)],
    ['API Version', 'cert-manager.io/v1'],
    ['Kind', 'Certificate'],
    ['Declared in', declared?.path ?? '<no manifest that can be accepted>'],
    ...(held === undefined ? [] : [['Held', heldInWords(held)] satisfies [string, string]]),
  ];
  return [
    ...aligned(head, 0),
    ...(certificate === undefined ? [] : ['Spec:', ...renderMap(specOf(certificate), 2)]),
    ...(status?.status === undefined
      ? ['Status:  <nothing recorded yet>']
      : ['Status:', ...renderMap(status.status, 2)]),
  ].join('\n');
}

/** The specification as the manifest writes it, defaults included. */
function specOf({ spec }: Certificate): Plain {
  const { durationMs, renewBeforeMs, secretTemplate, keystores, renewal, ...rest } = spec;
  const { jks, pkcs12 } = keystores;
  return {
    ...rest,
    keystores: {
      jks: jks && { alias: jks.alias, ...passwordOf(jks.password) },
      pkcs12: pkcs12 && { profile: pkcs12.profile, ...passwordOf(pkcs12.password) },
    },
    renewal: renewal && {
      policy: renewal.policy,
      windows: renewal.windows.map(({ cron, windowDurationMs, timezone }) => ({
        ...{ cron, windowDuration: formatGoDuration(windowDurationMs), timezone },
      })),
    },
    ...(durationMs === undefined ? {} : { duration: formatGoDuration(durationMs) }),
    ...(renewBeforeMs === undefined ? {} : { renewBefore: formatGoDuration(renewBeforeMs) }),
    ...(secretTemplate === undefined ? {} : { secretTemplate }),
  };
}

/** Where a keystore's password comes from; one that stands in the manifest is not shown once more, nor its digest. */
function passwordOf(password: KeystorePassword): Plain {
  return password.kind === 'secret'
    ? { passwordSecretRef: { ...password.ref } }
    : { password: '<in the manifest>' };
}

/** Keys as kubectl writes them (`Not After`), sorted, values aligned, lists one below the other. */
function renderMap(map: Plain, indent: number): readonly string[] {
  const entries = Object.entries(map)
    .filter(([, value]) => !isNothing(value))
    .map(([key, value]): [string, unknown] => [titleCase(key), value])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const scalars = entries.filter(([, value]) => !isNested(value));
  const width = Math.max(0, ...scalars.map(([key]) => key.length)) + 3;
  const pad = ' '.repeat(indent);
  return entries.flatMap(([key, value]) => {
    if (!isNested(value)) return [`${pad}${`${key}:`.padEnd(width)}${printable(String(value))}`];
    if (!Array.isArray(value)) return [`${pad}${key}:`, ...renderMap(value as Plain, indent + 2)];
    return [`${pad}${key}:`, ...value.flatMap((item) => renderItem(item, indent + 2))];
  });
}

function renderItem(item: unknown, indent: number): readonly string[] {
  return isNested(item)
    ? renderMap(item as Plain, indent)
    : [`${' '.repeat(indent)}${printable(String(item))}`];
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return isNested(value) && Object.keys(value as object).length === 0;
}

function titleCase(key: string): string {
  const words = key.replace(/([a-z0-9])([A-Z])/g, '$1 $2');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function aligned(rows: readonly (readonly [string, string])[], indent: number): readonly string[] {
  const width = Math.max(...rows.map(([key]) => key.length)) + 3;
  return rows.map(([key, value]) => `${' '.repeat(indent)}${`${key}:`.padEnd(width)}${printable(value)}`);
}

function pairs(map: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(map ?? {});
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(', ');
}

function readEvents({ repository, world }: OpenWorld, name: { namespace: string; name: string }) {
  return repository.log({ path: world.paths.certificateStatus(name), maxCount: MAX_EVENTS });
}

/** What happened, oldest first, from the commits that changed the status. */
function renderEvents(commits: readonly CommitInfo[], now: Date): string {
  if (commits.length === 0) return 'Events:  <none>';
  const rows = [...commits].reverse().flatMap((commit) => {
    const trailer = (key: string) => commit.trailers.find((candidate) => candidate.name === key)?.value;
    const type = commit.subject.startsWith('Fail ') ? 'Warning' : 'Normal';
    const age = formatAge(commit.committer.when, now);
    const from = commit.committer.name;
    const own = [type, trailer('Certops-Reason') ?? 'Changed', age, from, commit.subject];
    const events = commit.trailers
      .filter(({ name }) => name === 'Certops-Event')
      .map(({ value }) => ['Normal', value.split(' ')[0] ?? '', age, from, value]);
    return [...events, own];
  });
  const table = renderTable(
    ['Type', 'Reason', 'Age', 'From', 'Message'],
    [['----', '------', '---', '----', '-------'], ...rows],
  );
  return `Events:\n${table
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}`;
}
