import { Worker, type WorkerOptions } from 'node:worker_threads';

export interface WorkerThreadOptions {
  /** Heap of the thread; past it the thread ends with an error. */
  readonly maxHeapMiB: number;
  /** The part of it for what was just made; V8's own choice by default. More lets a thread that makes much collect less often. */
  readonly youngHeapMiB?: number | undefined;
  /** The thread sees no environment variable, and neither do threads that it starts. */
  readonly hasNoEnvironment?: boolean;
}

/** Starts the module `entry` as a thread; from src/ under a loader it is TypeScript, from dist/ JavaScript. */
export function startWorkerThread(entry: URL, options: WorkerThreadOptions): Worker {
  const given: WorkerOptions = {
    resourceLimits: {
      maxOldGenerationSizeMb: options.maxHeapMiB,
      ...(options.youngHeapMiB === undefined ? {} : { maxYoungGenerationSizeMb: options.youngHeapMiB }),
    },
    ...(options.hasNoEnvironment === true ? { env: {} } : {}),
  };
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, given);
  // The sources run under tsx, as in tests: a thread does not inherit its loader and has to register it.
  const [loader, module] = [JSON.stringify(import.meta.resolve('tsx/esm/api')), JSON.stringify(entry.href)];
  const start = `import(${loader}).then(({ register }) => { register(); return import(${module}); });`;
  return new Worker(start, { eval: true, ...given });
}
