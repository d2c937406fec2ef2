import type { Worker } from 'node:worker_threads';
import { asCertopsError, CertopsError, InternalError } from '../lib/errors.ts';
import { startWorkerThread } from '../lib/worker-thread.ts';
import type { Plan } from '../plan/plan.ts';
import type { Planner } from '../reconcile/ports.ts';
import type { FromPlanner, SentError, ToPlanner } from './plan-messages.ts';

export interface PlanningLimits {
  /** From when the thread is up to its plan. */
  readonly timeoutMs: number;
  readonly maxHeapMiB: number;
}

const LIMITS: PlanningLimits = { timeoutMs: 8000, maxHeapMiB: 512 };
/** What the source branch itself may take. */
export const BRANCH_LIMITS: PlanningLimits = { timeoutMs: 120_000, maxHeapMiB: 1024 };
/** A thread that does not come up within this time is a broken installation, or a very busy machine. */
const START_TIMEOUT_MS = 30_000;

type Blobs = Parameters<Planner>[1];

/**
 * Plans each change in a thread of its own, which is ended whatever it is doing: without environment, with a bounded
 * heap, for so long and no longer.
 */
export function createPlanner(limits: PlanningLimits = LIMITS): Planner {
  return async (question, blobs, signal) => {
    signal.throwIfAborted();
    // From src/ under a loader it is TypeScript, from dist/ JavaScript.
    const name = import.meta.url.endsWith('.ts') ? './plan-worker.ts' : './plan-worker.js';
    const thread = startWorkerThread(new URL(name, import.meta.url), {
      maxHeapMiB: limits.maxHeapMiB,
      hasNoEnvironment: true,
    });
    try {
      return await planIn(thread, { question, blobs, limits, signal });
    } finally {
      // An error that comes while it is being ended is of no more interest, and unheard it would end the process.
      thread.on('error', () => {});
      await thread.terminate();
    }
  };
}

interface Planning {
  readonly question: Parameters<Planner>[0];
  readonly blobs: Blobs;
  readonly limits: PlanningLimits;
  readonly signal: AbortSignal;
}

function planIn(thread: Worker, { question, blobs, limits, signal }: Planning): Promise<Plan> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      thread.removeAllListeners();
      finish();
    };
    const fail = (error: unknown): void => settle(() => reject(error));
    const onAbort = (): void => fail(signal.reason);
    let timer = setTimeout(() => fail(tooSlow(START_TIMEOUT_MS)), START_TIMEOUT_MS);
    signal.addEventListener('abort', onAbort, { once: true });
    thread.on('error', (cause) => fail(failed(cause)));
    thread.on('exit', () => fail(failed()));
    thread.on('message', (message: FromPlanner) => {
      switch (message.kind) {
        case 'ready':
          clearTimeout(timer);
          timer = setTimeout(() => fail(tooSlow(limits.timeoutMs)), limits.timeoutMs);
          send(thread, { kind: 'plan', question });
          break;
        case 'blobs':
          for (const { id, oid, maxBytes } of message.wanted) {
            answer(thread, id, () => blobs.readBlob(oid, maxBytes), sentBlob);
          }
          break;
        case 'sizes':
          answer(
            thread,
            message.id,
            () => blobs.blobSizes(message.oids),
            (id, sizes) => ({ kind: 'sizes', id, sizes }),
          );
          break;
        case 'planned':
          settle(() => resolve(message.plan));
          break;
        case 'failed':
          fail(received(message.error));
          break;
      }
    });
  });
}

/** Reads for the thread; what cannot be read is its to judge. */
function answer<T>(
  thread: Worker,
  id: number,
  read: () => Promise<T>,
  told: (id: number, value: T) => ToPlanner,
): void {
  read().then(
    (value) => send(thread, told(id, value)),
    (thrown: unknown) => {
      const { code, explanation, retry } = asCertopsError(thrown);
      send(thread, { kind: 'refused', id, error: { code, explanation, retry } });
    },
  );
}

/** A copy of its own, which is moved and not cloned: a view would take the whole buffer behind it along. */
function sentBlob(id: number, bytes: Uint8Array): ToPlanner {
  return { kind: 'blob', id, bytes: new Uint8Array(bytes) };
}

function send(thread: Worker, message: ToPlanner): void {
  // What holds bytes was made by `sentBlob`, upon a buffer of its own.
  thread.postMessage(message, message.kind === 'blob' ? [message.bytes.buffer as ArrayBuffer] : []);
}

function received({ code, explanation, retry }: SentError): CertopsError {
  return new CertopsError(code, explanation, { retry });
}

function tooSlow(timeoutMs: number): CertopsError {
  return new CertopsError(
    'worker.too-slow',
    {
      what: `Planning this change took longer than ${timeoutMs / 1000} s`,
      next: 'Split the change, or make its files and its policies simpler',
    },
    { retry: { when: 'never' }, data: { timeoutMs } },
  );
}

function failed(cause?: unknown): CertopsError {
  const isOutOfMemory =
    cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
  if (!isOutOfMemory) return new InternalError('the thread that plans ended by itself', { cause });
  return new CertopsError(
    'worker.failed',
    {
      what: 'Planning this change took more memory than one change may take',
      next: 'Split the change, or make its files simpler',
    },
    { retry: { when: 'never' }, cause },
  );
}
