import { asCertopsError } from '../lib/errors.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import { Sealer } from '../secrets/sealer.ts';
import type { AgeIdentities } from '../secrets/sops/identities.ts';
import type { OutputPath } from '../status/paths.ts';
import type { OpenWorld } from './open-world.ts';
import { checkRecords, readRecords } from './verify-records.ts';
import { checkSecret, type SecretCheck } from './verify-secrets.ts';

/** Something that is not as it should be. */
export interface VerifyFinding {
  /** `warning`: nothing is broken, and somebody should know. */
  readonly severity: 'error' | 'warning';
  /** The file in the repository. */
  readonly path: string;
  /** Stable word for programs. */
  readonly rule: string;
  readonly message: string;
}

/** What `certops verify -o json` prints. */
export interface RepositoryReport {
  readonly commit: string;
  /** Sealed files that were looked at, people's credentials among them. */
  readonly secrets: number;
  /** Those that an identity in hand opened. */
  readonly opened: number;
  readonly certificates: number;
  readonly requests: number;
  readonly findings: readonly VerifyFinding[];
}

const MAX_BYTES = 4 << 20;
/** Files read ahead: the next answers come while the last ones are looked at. */
const AT_ONCE = 32;

/** A file of certops, or a Secret that people wrote. */
export interface OutputFile {
  readonly path: string;
  readonly blob: string;
  readonly place: OutputPath;
}

/** One of them, as it was read. */
export interface OutputText extends OutputFile {
  readonly text: string;
}

/** Checks every output of a repository at its tip. Throws store errors only. */
export async function verifyRepository(
  { repository, world }: OpenWorld,
  identities: AgeIdentities,
  now: Date,
): Promise<RepositoryReport> {
  const sealer = new Sealer({ identities });
  sealer.setRules(world.sopsRules);
  const findings: VerifyFinding[] = [];
  const files = outputs(await repository.changes(null, repository.tip.commit), world);
  const isSealed = ({ place }: OutputFile) => SEALED.includes(place.kind);
  const documents = files.filter((file) => !isSealed(file));
  for (const { path, place } of documents) {
    if (place.kind !== 'obstruction') continue;
    findings.push(finding('error', path, 'obstruction', 'stands where a folder of certops must be'));
  }
  const records = await readRecords(files, textsOf(repository, documents, findings), findings);
  const checks: SecretCheck[] = [];
  const loop = new FairLoop();
  const sealed = [...files.filter(isSealed), ...credentials(world)];
  for await (const file of textsOf(repository, sealed, findings)) {
    checks.push(await checkSecret(file, { sealer, identities, world }));
    await loop.pause();
  }
  findings.push(...checks.flatMap((check) => check.findings), ...checkRecords(records, checks, world, now));
  return {
    commit: repository.tip.commit,
    secrets: checks.length,
    opened: checks.filter(({ isOpened }) => isOpened).length,
    certificates: records.certificates.size,
    requests: records.requests.size,
    findings: findings.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
  };
}

const SEALED: readonly OutputPath['kind'][] = ['secret', 'request-key', 'account-key'];

export function finding(
  severity: VerifyFinding['severity'],
  path: string,
  rule: string,
  message: string,
): VerifyFinding {
  return { severity, path, rule, message };
}

/** Reads something; what cannot be read is a finding. */
export function attempt<T>(
  findings: VerifyFinding[],
  path: string,
  rule: string,
  read: () => T,
): T | undefined {
  try {
    return read();
  } catch (thrown) {
    findings.push(finding('error', path, rule, asCertopsError(thrown).explain()));
    return undefined;
  }
}

function outputs(
  changes: readonly { readonly path: string; readonly after: string | null }[],
  world: OpenWorld['world'],
): readonly OutputFile[] {
  return changes.flatMap(({ path, after }) => {
    const place = world.paths.classify(path);
    return place === undefined || place.kind === 'other' || after === null
      ? []
      : [{ path, blob: after, place }];
  });
}

/** Secrets that people wrote outside the output folders. */
function credentials({ desired }: OpenWorld['world']): readonly OutputFile[] {
  return desired
    .allSecrets()
    .map(({ path, blob, object: { name } }) => ({ path, blob, place: { kind: 'secret', name } }));
}

/** The files with their texts, one after the other: no more than a block of them is held at a time. */
async function* textsOf(
  repository: OpenWorld['repository'],
  files: readonly OutputFile[],
  findings: VerifyFinding[],
): AsyncGenerator<OutputText> {
  for (let start = 0; start < files.length; start += AT_ONCE) {
    const block = files.slice(start, start + AT_ONCE);
    const read = await Promise.all(block.map(({ blob }) => textOf(repository, blob)));
    for (const [index, file] of block.entries()) {
      const text = read[index];
      if (text === undefined)
        findings.push(finding('error', file.path, 'too-large', 'is larger than anything of certops'));
      else yield { ...file, text };
    }
  }
}

async function textOf(repository: OpenWorld['repository'], blob: string): Promise<string | undefined> {
  try {
    return Buffer.from(await repository.readBlob(blob, MAX_BYTES)).toString('utf8');
  } catch (thrown) {
    if (asCertopsError(thrown).code === 'store.blob-too-large') return undefined;
    throw thrown;
  }
}
