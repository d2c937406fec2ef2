import { parentPort } from 'node:worker_threads';
import type { WorkerAnswer, WorkerQuestion } from '../lib/deadline-worker.ts';
import { type FileBlock, readFileBlock } from './file-reading.ts';

// The entry of a thread that reads files for `lint`; see `DeadlineWorker` for the protocol.
parentPort?.on('message', async ({ id, input }: WorkerQuestion) => {
  // What `readFiles` sends is always a block.
  answer({ kind: 'done', id, output: await readFileBlock(input as FileBlock) });
});
answer({ kind: 'ready' });

function answer(message: WorkerAnswer): void {
  parentPort?.postMessage(message);
}
