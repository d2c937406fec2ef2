import { availableParallelism } from 'node:os';
import { DeadlineWorker } from '../lib/deadline-worker.ts';
import { type FileBlock, type ReadBlock, readFileBlock } from './file-reading.ts';

// Below it a thread takes longer to start than the files to read.
const MIN_FILES_FOR_THREADS = 400;
const BLOCK_FILES = 200;
const MAX_THREADS = 8;
// Hostile files have their own, shorter, deadlines; this is for a disk that does not answer.
const TIMEOUT_MS = 120_000;
const MAX_HEAP_MIB = 1024;
// A block of files leaves much that is soon of no use.
const YOUNG_HEAP_MIB = 96;

/** Reads files of a work tree, in threads where there are many; blocks come back in the order of the paths. */
export async function readFiles({ root, paths }: FileBlock): Promise<readonly ReadBlock[]> {
  if (paths.length < MIN_FILES_FOR_THREADS) return [await readFileBlock({ root, paths })];
  const blocks: FileBlock[] = [];
  for (let at = 0; at < paths.length; at += BLOCK_FILES) {
    blocks.push({ root, paths: paths.slice(at, at + BLOCK_FILES) });
  }
  const read = new Array<ReadBlock>(blocks.length);
  const queue = blocks.entries();
  const readers = Array.from({ length: Math.min(availableParallelism(), MAX_THREADS) }, async () => {
    const thread = newThread();
    try {
      // One iterator for all of them: each block is taken once.
      for (const [index, block] of queue) read[index] = await thread.ask(block);
    } finally {
      await thread.close();
    }
  });
  await Promise.all(readers);
  return read;
}

function newThread(): DeadlineWorker<FileBlock, ReadBlock> {
  const entry = `./file-reading-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`;
  const limits = { timeoutMs: TIMEOUT_MS, maxHeapMiB: MAX_HEAP_MIB, youngHeapMiB: YOUNG_HEAP_MIB };
  return new DeadlineWorker(new URL(entry, import.meta.url), limits);
}
