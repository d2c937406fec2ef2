import { closeSync, lstatSync, openSync, readSync } from 'node:fs';
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
  const room = new ReadingRoom();
  for (const path of paths) {
    try {
      const content = contentOf(join(root, path), room);
      const file = await readOne(path, content);
      if (file === undefined) continue;
      files.push(file);
      room.keep(content.bytes);
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

const ROOM_BYTES = 128 * 1024;

/**
 * Where small files of a block are read to, one behind the other: thousands of small buffers cost more than reading
 * does, and going to another thread they go together.
 */
class ReadingRoom {
  #bytes = new Uint8Array(0);
  #used = 0;

  /** Room for a file, which the next one is given too unless this one is kept. */
  for(size: number): Uint8Array {
    if (size > ROOM_BYTES / 8) return new Uint8Array(size);
    if (this.#used + size > this.#bytes.length) {
      this.#bytes = new Uint8Array(ROOM_BYTES);
      this.#used = 0;
    }
    return this.#bytes.subarray(this.#used, this.#used + size);
  }

  keep({ buffer, byteOffset, byteLength }: Uint8Array): void {
    if (buffer === this.#bytes.buffer) this.#used = byteOffset + byteLength;
  }
}

function contentOf(path: string, room: ReadingRoom): Content {
  const facts = lstatSync(path);
  // A link of a stranger leads anywhere, to a device or a pipe that never ends.
  if (!facts.isFile()) throw Object.assign(new Error(`${path} is no ordinary file`), { code: 'ENOENT' });
  const { size } = facts;
  const file = openSync(path, 'r');
  try {
    const bytes = room.for(Math.min(size, MANIFEST_MAX_BYTES));
    let read = 0;
    for (let more = -1; more !== 0 && read < bytes.length; read += more) {
      more = readSync(file, bytes, read, bytes.length - read, null);
    }
    return { bytes: bytes.subarray(0, read), size };
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
