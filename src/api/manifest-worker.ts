import { parentPort } from 'node:worker_threads';
import type { WorkerAnswer, WorkerQuestion } from '../lib/deadline-worker.ts';
import { readManifestFile } from './read-manifests.ts';

// The entry of the thread that reads large files; see `DeadlineWorker` for the protocol.
parentPort?.on('message', ({ id, input }: WorkerQuestion) => {
  // What `readManifestFileBounded` sends is always bytes.
  answer({ kind: 'done', id, output: readManifestFile(input as Uint8Array) });
});
answer({ kind: 'ready' });

function answer(message: WorkerAnswer): void {
  parentPort?.postMessage(message);
}
