import { formatObjectName } from '../api/names.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import type { ManifestReader, RepositoryReader } from './ports.ts';

const MAX_BYTES = 1 << 20;
const READ_AHEAD = 256;
/** Below it nothing is gained. */
const MIN_FILES = 500;
/** What may stand at the beginning of a line in a file of block mappings. */
const PLAIN_LINE =
  /^(?:$|[ #]|---$|--- *#|(?:apiVersion|metadata|spec|status): *|kind: *Certificate *(?:#.*)?\r?$)/;

/** Files that a plan need not parse, by path, with the number of Certificates in each. */
export type QuietFiles = ReadonlyMap<string, number>;

/**
 * Finds the files that a change does not touch, that declare Certificates and nothing else, and that mention nothing of
 * what the change is about: no Certificate, Secret or issuer by its name. They are told by their bytes alone, which is
 * many times as quick as parsing them; whatever is not written plainly is no such file.
 */
export async function quietFiles(
  reader: Pick<RepositoryReader, 'readBlob'>,
  readManifests: ManifestReader,
  candidates: ReadonlyMap<string, string>,
  /** Object ids of the files that change, before and after. */
  changed: readonly string[],
  /** Names that the change is about besides. */
  more: readonly string[],
): Promise<QuietFiles> {
  const none: QuietFiles = new Map();
  if (candidates.size < MIN_FILES) return none;
  const names = new Set(more);
  for (const oid of changed) {
    const bytes = await reader.readBlob(oid, MAX_BYTES).catch(() => undefined);
    // Of what is too large to be read nothing is known.
    if (bytes === undefined) return none;
    const { objects, problems, isReadable } = await readManifests(bytes);
    if (!isReadable) return none;
    for (const { name } of problems) if (name !== undefined) names.add(name.name);
    for (const { object } of objects) {
      if (object.kind === 'CertificateRequestPolicy' || object.kind === 'Repository') return none;
      names.add(formatObjectName(object.name).replace(/^.*\//, ''));
      if (object.kind === 'Certificate') names.add(object.spec.secretName);
    }
  }
  const words = [...names].map((name) => name.replace(/[^\w-]/g, '\\$&'));
  const mentions = words.length === 0 ? undefined : new RegExp(`(?<![\\w-])(?:${words.join('|')})(?![\\w-])`);
  const quiet = new Map<string, number>();
  const entries = [...candidates];
  const loop = new FairLoop();
  for (let start = 0; start < entries.length; start += READ_AHEAD) {
    const block = entries.slice(start, start + READ_AHEAD);
    const texts = await Promise.all(
      block.map(([, oid]) => reader.readBlob(oid, MAX_BYTES).then(textOf, () => undefined)),
    );
    await loop.pause();
    for (const [index, [path]] of block.entries()) {
      const text = texts[index];
      const count = text === undefined ? 0 : plainCertificates(text);
      if (text === undefined || count === 0 || mentions?.test(text) === true) continue;
      quiet.set(path, count);
    }
  }
  return quiet;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** How many Certificates a plainly written file declares; 0 where it may declare anything else. */
function plainCertificates(text: string): number {
  if (/[\\\t&*!%]/.test(text)) return 0;
  let kinds = 0;
  let documents = 1;
  for (const line of text.split('\n')) {
    if (!PLAIN_LINE.test(line)) return 0;
    if (line.startsWith('kind:')) kinds += 1;
    else if (line.startsWith('---')) documents += 1;
  }
  // A marker at the very beginning begins no second one.
  return kinds === documents || (kinds === documents - 1 && text.startsWith('---')) ? kinds : 0;
}
