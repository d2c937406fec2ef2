import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inflateSync } from 'node:zlib';

export interface GitObject {
  readonly id: string;
  /** `blob`, `tree`, `commit`, `tag`, or `leftover` for what an interrupted Git process left behind. */
  readonly type: string;
  readonly content: Uint8Array;
}

/** Every object that a repository holds, reachable or not, and the unfinished ones of killed processes. */
export async function* readGitObjects(gitDir: string): AsyncGenerator<GitObject> {
  const child = spawn(
    'git',
    [`--git-dir=${gitDir}`, 'cat-file', '--batch-all-objects', '--batch', '--unordered'],
    {
      env: { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaint += chunk;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  ended.catch(() => {});

  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of child.stdout) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const lineEnd = pending.indexOf(0x0a);
      if (lineEnd === -1) break;
      const [id = '', type = '', size = ''] = pending.toString('latin1', 0, lineEnd).split(' ');
      const contentEnd = lineEnd + 1 + Number(size);
      if (pending.length <= contentEnd) break; // the content is followed by a line feed
      yield { id, type, content: pending.subarray(lineEnd + 1, contentEnd) };
      pending = pending.subarray(contentEnd + 1);
    }
  }
  const code = await ended;
  if (code !== 0 || pending.length > 0) throw new Error(`cannot read all objects of ${gitDir}: ${complaint}`);
  yield* readLeftovers(path.join(gitDir, 'objects'));
}

/** `tmp_obj_…` and `tmp_pack_…`: Git does not list them, and a disk keeps them. */
function* readLeftovers(folder: string): Generator<GitObject> {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.startsWith('tmp_')) continue;
    const file = path.join(entry.parentPath, entry.name);
    for (const content of inflateAll(readFileSync(file))) yield { id: file, type: 'leftover', content };
  }
}

/** Every zlib stream in a file, whole or cut off, wherever it begins. */
function* inflateAll(file: Buffer): Generator<Uint8Array> {
  for (let at = 0; at + 2 <= file.length; at += 1) {
    // RFC 1950, section 2.2: method 8 with a 32 KiB window, and a header that is a multiple of 31.
    if (file[at] !== 0x78 || file.readUInt16BE(at) % 31 !== 0) continue;
    const content = tryInflate(file.subarray(at));
    if (content !== undefined && content.length > 0) yield content;
  }
}

function tryInflate(stream: Uint8Array): Uint8Array | undefined {
  try {
    // Z_SYNC_FLUSH: what there is of a stream that was cut off counts too.
    return inflateSync(stream, { finishFlush: 2, maxOutputLength: 16 * 1024 * 1024 });
  } catch {
    return undefined;
  }
}
