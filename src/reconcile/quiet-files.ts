import { formatObjectName } from '../api/names.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import type { ManifestReader, RepositoryReader } from './ports.ts';

const MAX_BYTES = 1 << 20;
const READ_AHEAD = 256;
/** Below it nothing is gained. */
const MIN_FILES = 500;
/** What no file of block mappings with plain values needs: escapes, tabs, anchors, aliases, tags, directives. */
const UNPLAIN_CHARACTER = /[\\\t&*!%]/;
/** A line that begins as none in such a file does. */
const UNPLAIN_LINE =
  /(?:^|\n)(?!$|[\n #]|---(?:$|\n| *#)|(?:apiVersion|metadata|spec|status):|kind: *Certificate *(?:#[^\r\n]*)?\r?(?:$|\n))/;

/** Where blobs are read. */
export interface BlobSource extends Pick<RepositoryReader, 'readBlob'> {
  /**
   * Shows many to `visit`, in any order, with the index of the id; what cannot be read is left out. Absent: each is read by
   * itself.
   */
  readonly eachBlob?:
    | ((
        oids: readonly string[],
        maxBytes: number,
        visit: (bytes: Uint8Array, index: number) => void,
      ) => Promise<void>)
    | undefined;
}

/** Files that a plan need not parse, by path, with the number of Certificates in each. */
export type QuietFiles = ReadonlyMap<string, number>;

/**
 * Finds the files that a change does not touch, that declare Certificates and nothing else, and that mention nothing of
 * what the change is about: no Certificate, Secret or issuer by its name. They are told by their bytes alone, which is
 * many times as quick as parsing them; whatever is not written plainly is no such file.
 */
export async function quietFiles(
  reader: BlobSource,
  readManifests: ManifestReader,
  candidates: readonly { readonly path: string; readonly oid: string }[],
  /** Object ids of the files that change, before and after. */
  changed: readonly string[],
  /** Names that the change is about besides. */
  more: readonly string[],
): Promise<QuietFiles> {
  const none: QuietFiles = new Map();
  if (candidates.length < MIN_FILES) return none;
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
  const isMentioned = mentionsOf(names);
  const quiet = new Map<string, number>();
  await eachBlob(
    reader,
    candidates.map(({ oid }) => oid),
    (bytes, index) => {
      const path = candidates[index]?.path;
      const text = latin1(bytes);
      const count = plainCertificates(text);
      if (path !== undefined && count > 0 && !isMentioned(text)) quiet.set(path, count);
    },
  );
  return quiet;
}

async function eachBlob(
  reader: BlobSource,
  oids: readonly string[],
  visit: (bytes: Uint8Array, index: number) => void,
): Promise<void> {
  if (reader.eachBlob !== undefined) return reader.eachBlob(oids, MAX_BYTES, visit);
  const loop = new FairLoop();
  for (let start = 0; start < oids.length; start += READ_AHEAD) {
    const block = oids.slice(start, start + READ_AHEAD);
    const read = await Promise.all(
      block.map((oid) => reader.readBlob(oid, MAX_BYTES).catch(() => undefined)),
    );
    await loop.pause();
    for (const [index, bytes] of read.entries()) if (bytes !== undefined) visit(bytes, start + index);
  }
}

/** Whether a text has one of the names in it, not as a part of a longer one. */
function mentionsOf(names: ReadonlySet<string>): (text: string) => boolean {
  if (names.size === 0) return () => false;
  const words = [...names].map((name) => name.replace(/[^\w-]/g, '\\$&')).join('|');
  const mentions = new RegExp(`(?<![\\w-])(?:${words})(?![\\w-])`);
  // The names alone are found more quickly than names between other characters, and are in hardly any file.
  const loosely = new RegExp(words);
  return (text) => loosely.test(text) && mentions.test(text);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** How many Certificates a plainly written file declares; 0 where it may declare anything else. */
function plainCertificates(text: string): number {
  if (UNPLAIN_CHARACTER.test(text) || UNPLAIN_LINE.test(text)) return 0;
  const kinds = linesBeginning(text, 'kind:');
  const documents = linesBeginning(text, '---') + 1;
  // A marker at the very beginning begins no second one.
  return kinds === documents || (kinds === documents - 1 && text.startsWith('---')) ? kinds : 0;
}

function linesBeginning(text: string, word: string): number {
  const mark = `\n${word}`;
  let lines = text.startsWith(word) ? 1 : 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) lines += 1;
  return lines;
}
