import { closeSync, lstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { LintedFile } from '../api/lint/catalogue.ts';
import { MANIFEST_MAX_BYTES } from '../api/manifest-paths.ts';
import { mayConcernLint, readManifestFileBounded } from '../api/read-manifests.ts';

/** Some files of a work tree; paths are relative to the root. */
export interface FileBlock {
  readonly root: string;
  readonly paths: readonly string[];
}

/** What became of a block: the files that concern `lint`, and the first that could not be read. */
export interface ReadBlock {
  readonly files: readonly LintedFile[];
  readonly failure?: { readonly path: string; readonly code: string; readonly message: string } | undefined;
}

/**
 * Reads files one after the other, without giving way in between: it is for a thread of its own, or for a
 * command that has nothing else to do. Never throws for what the files are.
 */
export async function readFileBlock({ root, paths }: FileBlock): Promise<ReadBlock> {
  const files: LintedFile[] = [];
  for (const path of paths) {
    try {
      const file = await readOne(path, contentOf(join(root, path)));
      if (file !== undefined) files.push(file);
    } catch (thrown) {
      const { code = '', message = String(thrown) } = thrown as NodeJS.ErrnoException;
      return { files, failure: { path, code, message } };
    }
  }
  return { files };
}

interface Content {
  /** The beginning, where the file is larger than what is read. */
  readonly bytes: Uint8Array;
  readonly size: number;
}

function contentOf(path: string): Content {
  const facts = lstatSync(path);
  // A link of a stranger leads anywhere, to a device or a pipe that never ends.
  if (!facts.isFile()) throw Object.assign(new Error(`${path} is no ordinary file`), { code: 'ENOENT' });
  const { size } = facts;
  if (size <= MANIFEST_MAX_BYTES) return { bytes: new Uint8Array(readFileSync(path)), size };
  const file = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(MANIFEST_MAX_BYTES);
    return { bytes: bytes.subarray(0, readSync(file, bytes, 0, MANIFEST_MAX_BYTES, 0)), size };
  } finally {
    closeSync(file);
  }
}

async function readOne(path: string, { bytes, size }: Content): Promise<LintedFile | undefined> {
  if (!mayConcernLint(bytes)) return undefined;
  if (size <= MANIFEST_MAX_BYTES) return { path, bytes, manifests: await readManifestFileBounded(bytes) };
  const message = `the file has ${size} bytes; files over ${MANIFEST_MAX_BYTES} are never manifests`;
  const position = { line: 1, column: 1 };
  const problem = {
    severity: 'warning',
    rule: 'yaml-too-large',
    position,
    field: '',
    message,
    document: 0,
  } as const;
  return {
    path,
    bytes: new Uint8Array(),
    manifests: { objects: [], problems: [problem], isReadable: false },
  };
}
