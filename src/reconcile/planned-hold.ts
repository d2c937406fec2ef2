import { SETTINGS_FILE } from '../api/manifest-paths.ts';
import type { HeldPlan } from './held-plan.ts';
import type { PlanPorts, PlanQuestion } from './planning.ts';
import { plannedSettings } from './settings-of.ts';

/** A large change of the base that waits, as a plan of another change has to know it. */
export interface HeldChange extends Pick<HeldPlan, 'id' | 'words'> {
  /** Object ids of the files that it changes, by path, as they are in force; null where there is none. */
  readonly files: ReadonlyMap<string, string | null>;
}

/**
 * The question with a base that is in force. Of a large change that waits there, nothing is carried out: whoever confirms
 * it merges it for good, and whoever takes it back changes nothing. To what is about neither, it is nothing but a word.
 */
export async function withoutHeldChange(
  ports: Pick<PlanPorts, 'store' | 'readManifests'>,
  question: PlanQuestion,
  isOutput: (path: string) => boolean,
): Promise<PlanQuestion> {
  const { held, base, head, warnings } = question;
  if (held === undefined) return question;
  const isOther = head.get(SETTINGS_FILE) !== base.get(SETTINGS_FILE);
  const settings = isOther ? await plannedSettings(ports, head, question.loose) : undefined;
  const isConfirmed = settings?.confirmed.includes(held.id) === true;
  const inForce = new Map(base);
  let isWhole = true;
  for (const [path, oid] of held.files) {
    if (isOutput(path)) continue;
    const isBack = (head.get(path) ?? null) === oid;
    if (!isBack && !isConfirmed) isWhole = false;
    else if (oid === null) inForce.delete(path);
    else inForce.set(path, oid);
  }
  const word = isConfirmed
    ? [`this confirms plan ${held.id} (${held.words}), which is held; it is part of this plan`]
    : isWhole
      ? []
      : [`plan ${held.id} (${held.words}) is held until it is confirmed; it is no part of this plan`];
  return { ...question, base: inForce, warnings: [...warnings, ...word] };
}
