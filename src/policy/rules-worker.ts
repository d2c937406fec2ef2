import { parentPort } from 'node:worker_threads';
import type { WorkerAnswer, WorkerQuestion } from '../lib/deadline-worker.ts';
import { RuleEngine } from './cel.ts';
import type { RuleResult, RuleTask } from './rule-runner.ts';

// The entry of the thread that expressions run in; see `DeadlineWorker` for the protocol.
const engine = new RuleEngine();

parentPort?.on('message', ({ id, input }: WorkerQuestion) => {
  // What `RuleRunner` sends is always a task.
  answer({ kind: 'done', id, output: perform(input as RuleTask) });
});
answer({ kind: 'ready' });

function perform(task: RuleTask): RuleResult {
  if (task.do === 'check') return { do: 'check', faults: task.rules.map((rule) => engine.check(rule)) };
  const { questions, subject } = task;
  return {
    do: 'evaluate',
    answers: questions.map(({ rule, value }) => engine.evaluate(rule, value, subject)),
  };
}

function answer(message: WorkerAnswer): void {
  parentPort?.postMessage(message);
}
