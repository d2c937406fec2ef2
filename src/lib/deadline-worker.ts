import type { Worker } from 'node:worker_threads';
import { CertopsError } from './errors.ts';
import { startWorkerThread } from './worker-thread.ts';

/** What a worker thread is sent, and what it answers; both are structured clones. */
export interface WorkerQuestion {
  readonly id: number;
  readonly input: unknown;
}

export type WorkerAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly output: unknown };

export interface DeadlineWorkerOptions {
  /**
   * How long one question may take, from when the thread is up; past it the thread is ended. On a machine
   * so busy that the whole process had less processor time than that, up to five times as long.
   */
  readonly timeoutMs: number;
  /** Heap of the thread; past it the thread is ended. */
  readonly maxHeapMiB: number;
  /** See `WorkerThreadOptions`. */
  readonly youngHeapMiB?: number | undefined;
}

// A thread that does not come up at all within this time is a broken installation.
const START_TIMEOUT_MS = 30_000;
const MAX_STRETCH = 5;

/**
 * One thread that answers one question at a time, each within a time and a heap that it cannot exceed.
 * Started at the first question, used again for the next, replaced after it had to be ended. It keeps the
 * process alive only while a question is open.
 */
export class DeadlineWorker<Input, Output> {
  readonly #entry: URL;
  readonly #options: DeadlineWorkerOptions;
  #thread: Promise<Worker> | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #lastId = 0;

  /** `entry` is the module that the thread runs; it must post `ready` and then answer every question. */
  constructor(entry: URL, options: DeadlineWorkerOptions) {
    this.#entry = entry;
    this.#options = options;
  }

  /**
   * Throws CertopsError `worker.too-slow` or `worker.failed` (out of heap, or it could not be started), and
   * the signal's reason when aborted.
   */
  async ask(input: Input, signal?: AbortSignal): Promise<Output> {
    const turn = this.#tail.then(() => this.#answer(input, signal));
    this.#tail = turn.catch(() => undefined);
    if (signal === undefined) return turn;
    // Those that wait for their turn need not wait for it to be told that it is over.
    let onAbort = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([turn, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the thread; the next question starts another. */
  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await (await thread?.catch(() => undefined))?.terminate();
  }

  async #answer(input: Input, signal: AbortSignal | undefined): Promise<Output> {
    signal?.throwIfAborted();
    this.#thread ??= this.#start();
    try {
      const thread = await this.#thread;
      // It may have been aborted while the thread started, and would not fire again.
      if (signal?.aborted !== true) return await this.#question(thread, input, signal);
    } catch (thrown) {
      // Whatever it is busy with, it is of no more use.
      await this.close();
      throw thrown;
    }
    throw signal.reason;
  }

  async #question(thread: Worker, input: Input, signal: AbortSignal | undefined): Promise<Output> {
    const question: WorkerQuestion = { id: ++this.#lastId, input };
    thread.ref();
    const answer = nextAnswer(thread, this.#options.timeoutMs, signal);
    thread.postMessage(question);
    // The protocol of `entry`: what it answers is an Output.
    const output = (await answer) as Output;
    thread.unref();
    return output;
  }

  async #start(): Promise<Worker> {
    const { maxHeapMiB, youngHeapMiB } = this.#options;
    const thread = startWorkerThread(this.#entry, { maxHeapMiB, youngHeapMiB });
    try {
      await nextAnswer(thread, START_TIMEOUT_MS, undefined);
    } catch (thrown) {
      await thread.terminate();
      throw thrown;
    }
    thread.unref();
    // Between questions nobody listens, and an unheard error would end the process.
    thread.on('error', () => {});
    return thread;
  }
}

/** The next message of the thread: undefined for `ready`, else the output. */
function nextAnswer(thread: Worker, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      thread.off('message', onMessage);
      thread.off('error', onError);
      thread.off('exit', onExit);
      signal?.removeEventListener('abort', onAbort);
      finish();
    };
    const onMessage = (message: WorkerAnswer): void => {
      settle(() => resolve(message.kind === 'done' ? message.output : undefined));
    };
    const onError = (cause: unknown): void => settle(() => reject(failed('It ended with an error', cause)));
    const onExit = (): void => settle(() => reject(failed('It ended by itself')));
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const startedAt = process.cpuUsage();
    const onTimeout = (waitedMs: number): void => {
      const { user, system } = process.cpuUsage(startedAt);
      const leftMs = Math.ceil(timeoutMs - (user + system) / 1000);
      if (leftMs <= 0 || waitedMs >= timeoutMs * MAX_STRETCH) settle(() => reject(tooSlow(timeoutMs)));
      else timer = setTimeout(onTimeout, leftMs, waitedMs + leftMs);
    };
    let timer = setTimeout(onTimeout, timeoutMs, timeoutMs);
    thread.on('message', onMessage);
    thread.on('error', onError);
    thread.on('exit', onExit);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function tooSlow(timeoutMs: number): CertopsError {
  return new CertopsError(
    'worker.too-slow',
    { what: `A worker thread did not answer within ${timeoutMs} ms` },
    { retry: { when: 'never' }, data: { timeoutMs } },
  );
}

function failed(why: string, cause?: unknown): CertopsError {
  return new CertopsError('worker.failed', { what: 'A worker thread could not answer', why }, { cause });
}
