import { parentPort } from 'node:worker_threads';
import { asCertopsError, CertopsError } from '../lib/errors.ts';
import { RuleRunner } from '../policy/rule-runner.ts';
import { type PlanPorts, planMerge } from '../reconcile/planning.ts';
import type { ReviewQuestion } from '../reconcile/ports.ts';
import type { FromPlanner, SentError, ToPlanner, WantedBlob } from './plan-messages.ts';
import { planPorts } from './plan-ports.ts';

// The entry of the thread that plans pull requests. It has no environment, no folder, no key: what it reads comes by
// messages, what it finds goes by one. Whoever started it ends it, whatever it is doing.

type Waiting = { readonly resolve: (value: never) => void; readonly reject: (error: CertopsError) => void };

const waiting = new Map<number, Waiting>();
let lastId = 0;
let wanted: WantedBlob[] = [];

const blobs: PlanPorts['store'] = {
  readBlob: (oid, maxBytes) => {
    const id = ++lastId;
    // Those that are asked for together go together.
    if (wanted.length === 0) queueMicrotask(flush);
    wanted.push({ id, oid, maxBytes });
    return answerTo(id);
  },
  blobSizes: (oids) => {
    const id = ++lastId;
    tell({ kind: 'sizes', id, oids });
    return answerTo(id);
  },
};

parentPort?.on('message', (message: ToPlanner) => {
  if (message.kind === 'plan') {
    void plan(message.question);
    return;
  }
  const asked = waiting.get(message.id);
  waiting.delete(message.id);
  // The kind of an answer is that of its question, so the value is of the type that was asked for.
  if (message.kind === 'blob') asked?.resolve(message.bytes as never);
  else if (message.kind === 'sizes') asked?.resolve(message.sizes as never);
  else asked?.reject(received(message.error));
});
tell({ kind: 'ready' });

async function plan(question: ReviewQuestion): Promise<void> {
  const rules = new RuleRunner();
  try {
    const all = { ...question, loose: new Map() };
    tell({
      kind: 'planned',
      plan: await planMerge(planPorts(blobs, rules), all, new AbortController().signal),
    });
  } catch (thrown) {
    const { code, explanation, retry } = asCertopsError(thrown);
    tell({ kind: 'failed', error: { code, explanation, retry } });
  } finally {
    await rules.close();
  }
}

function flush(): void {
  tell({ kind: 'blobs', wanted });
  wanted = [];
}

function answerTo<T>(id: number): Promise<T> {
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function received({ code, explanation, retry }: SentError): CertopsError {
  return new CertopsError(code, explanation, { retry });
}

function tell(message: FromPlanner): void {
  parentPort?.postMessage(message);
}
