import type { ManifestFile } from '../api/manifest.ts';
import { readManifests } from '../daemon/manifest-reader.ts';
import { parseInstant } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import { acmeRequestSpec } from '../pki/acme-request.ts';
import { decodePrivateKey, describePrivateKeyMismatch } from '../pki/private-key.ts';
import { compareRequestWithSpec } from '../pki/signing-request.ts';
import { hasFinding, type Plan } from '../plan/plan.ts';
import { renderPlanJson } from '../plan/render-json.ts';
import { renderPlanMarkdown } from '../plan/render-markdown.ts';
import { renderPlanText } from '../plan/render-text.ts';
import { RuleRunner } from '../policy/rule-runner.ts';
import { type PlanPorts, planMerge } from '../reconcile/planning.ts';
import { RulesInForce } from '../secrets/rules-in-force.ts';
import { openRevisions, type Revisions } from '../store/revisions.ts';
import type { Console } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { readDiskTree, workTreeAround } from './plan-work-tree.ts';

export interface PlanOptions {
  readonly base?: string | undefined;
  readonly head?: string | undefined;
  readonly at?: string | undefined;
  readonly output?: 'text' | 'markdown' | 'json' | undefined;
  readonly repo?: string | undefined;
}

const TIMEOUT_MS = 300_000;
/** What is read after that is read anew for each side. */
const MAX_KEPT_BYTES = 64 << 20;

/** `certops plan`: what merging would do; exit 1 where something is invalid or denied. No network, no key. */
export async function plan(
  console: Console,
  path: string | undefined,
  options: PlanOptions,
  now: Date,
): Promise<ExitCode> {
  const { output = 'text', at } = options;
  const dueBy = at === undefined ? undefined : parseInstant(at);
  if (at !== undefined && dueBy === undefined) {
    throw usage(`${JSON.stringify(at)} is not a time`, 'Write it as 2027-01-31T00:00:00Z');
  }
  if (path !== undefined && options.repo !== undefined) {
    throw usage('The repository is named twice', 'Name it as PATH or with --repo');
  }
  const found = await makePlan(path ?? options.repo ?? '.', options, now, dueBy);
  if (output === 'json') console.out(renderPlanJson(found));
  else if (output === 'markdown') console.out(renderPlanMarkdown(found));
  else console.out(renderPlanText(found, console.isTerminal));
  return hasFinding(found) ? EXIT.finding : EXIT.ok;
}

async function makePlan(
  path: string,
  { base: baseRef = 'HEAD', head: headRef }: PlanOptions,
  now: Date,
  dueBy: Date | undefined,
): Promise<Plan> {
  if (/^https?:\/\//i.test(path)) {
    throw usage(
      'A plan is made from a clone',
      'Clone the repository with its whole history, and name its folder',
    );
  }
  const revisions = await openRevisions(path);
  const rules = new RuleRunner();
  try {
    const base = await revisions.resolve(baseRef);
    const tip = headRef === undefined ? await revisions.resolve('HEAD') : await revisions.resolve(headRef);
    const files = await filesOf(revisions, base);
    const merged = await mergedFiles(revisions, base, tip, files);
    const root = headRef === undefined ? workTreeAround(path) : undefined;
    if (headRef === undefined && root === undefined) {
      throw usage('This repository has no work tree', 'Name what is to be merged with --head');
    }
    const disk =
      root === undefined ? undefined : await changesOnDisk(root, await filesOf(revisions, tip, base, files));
    const head = disk === undefined ? merged.files : withChanges(merged.files, disk.changes);
    return await planMerge(
      planPorts(revisions, rules),
      {
        base: files,
        head,
        loose: disk?.loose ?? new Map(),
        state: await revisions.readState(baseRef),
        ...{ now, dueBy },
        warnings: merged.warnings,
      },
      AbortSignal.timeout(TIMEOUT_MS),
    );
  } finally {
    await rules.close();
    await revisions.close();
  }
}

type Files = ReadonlyMap<string, string>;

async function filesOf(revisions: Revisions, commit: string, known?: string, files?: Files): Promise<Files> {
  if (commit === known && files !== undefined) return files;
  const changes = await revisions.changes(null, commit);
  return new Map(changes.flatMap(({ path, after }) => (after === null ? [] : [[path, after] as const])));
}

/** The base with what head changed since they parted, file by file; where both changed one, head's stands. */
async function mergedFiles(
  revisions: Revisions,
  base: string,
  head: string,
  files: Files,
): Promise<{ readonly files: Files; readonly warnings: readonly string[] }> {
  if (base === head) return { files, warnings: [] };
  const fork = await revisions.mergeBase(base, head);
  const changes = await revisions.changes(fork, head);
  const both = changes.filter(({ path, before, after }) => {
    const current = files.get(path) ?? null;
    return current !== before && current !== after;
  });
  const [first] = both;
  const more = both.length > 1 ? ` and ${both.length - 1} more` : '';
  const warnings =
    first === undefined
      ? []
      : [`${first.path}${more}: changed on both sides; this plan goes by what is to be merged`];
  return { files: withChanges(files, new Map(changes.map(({ path, after }) => [path, after]))), warnings };
}

async function changesOnDisk(root: string, commit: Files) {
  const { files, loose } = await readDiskTree(root, commit);
  const changes = new Map<string, string | null>();
  for (const [path, oid] of files) if (commit.get(path) !== oid) changes.set(path, oid);
  for (const path of commit.keys()) if (!files.has(path)) changes.set(path, null);
  return { changes, loose };
}

function withChanges(files: Files, changes: ReadonlyMap<string, string | null>): Files {
  const changed = new Map(files);
  for (const [path, oid] of changes) {
    if (oid === null) changed.delete(path);
    else changed.set(path, oid);
  }
  return changed;
}

/** Blobs and manifests are read once for both sides; nothing is opened. */
function planPorts(revisions: Revisions, rules: RuleRunner): PlanPorts {
  const blobs = new Map<string, Promise<Uint8Array>>();
  let keptBytes = 0;
  const sopsRules = new RulesInForce([]);
  const manifests = new WeakMap<Uint8Array, Promise<ManifestFile>>();
  return {
    store: {
      blobSizes: (oids) => revisions.blobSizes(oids),
      readBlob: (oid, maxBytes) => {
        const known = blobs.get(oid);
        if (known !== undefined) return known;
        const read = revisions.readBlob(oid, maxBytes);
        if (keptBytes > MAX_KEPT_BYTES) return read;
        blobs.set(oid, read);
        return read.then((bytes) => {
          keptBytes += bytes.byteLength;
          return bytes;
        });
      },
    },
    readManifests: (bytes) => {
      const read = manifests.get(bytes) ?? readManifests(bytes);
      manifests.set(bytes, read);
      return read;
    },
    sealer: {
      rules: sopsRules,
      setRules: (text) => sopsRules.set(text),
      open: (_text, where) => Promise.reject(unopened(where)),
    },
    pki: {
      decodePrivateKey,
      describePrivateKeyMismatch,
      compareRequestWithSpec: (csrDer, spec, { isAcme }) =>
        compareRequestWithSpec(csrDer, isAcme ? acmeRequestSpec(spec) : spec),
    },
    rules,
  };
}

function unopened(where: string): CertopsError {
  return new CertopsError('cli.no-identity', { what: `${where} is not opened for a plan` });
}

function usage(what: string, next: string): CertopsError {
  return new CertopsError('cli.usage', { what, next }, { retry: { when: 'never' } });
}
