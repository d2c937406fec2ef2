import { CertopsError } from '../lib/errors.ts';
import type { AuthorityAnswer } from '../solvers/dns/authorities.ts';
import { type CaaData, formatCaa } from '../solvers/dns/caa.ts';
import type { DnsMessage } from '../solvers/dns/message.ts';
import { type DnsName, parentOf } from '../solvers/dns/name.ts';
import { type CaaQuestion, judgeCaa } from './caa-judgement.ts';
import type { Draft } from './draft.ts';
import { type DnsEyes, describePath, lookAtZone, recordsOf, type Way } from './zone-sight.ts';

/** Names with more labels than these are nobody's; every level costs some questions. */
const MAX_LEVELS = 10;
/** Of what several servers say the first of these counts: the CA may hear any of it. */
const FROM_WORST: readonly Draft['finding'][] = ['caa-forbids', 'unknown', 'caa-allows'];

/** What stands at one name on the way up: each different set that a server has; a set may be empty. */
type Level =
  | { readonly name: DnsName; readonly sets: readonly (readonly CaaData[])[] }
  | { readonly name: DnsName; readonly trouble: string };

/**
 * The CAA records in force for a name: those of the nearest name on the way up that has any (RFC 8659, section 3),
 * judged for the CA that was asked. Throws the signal's reason.
 */
export async function lookForCaa(
  name: DnsName,
  question: CaaQuestion,
  eyes: DnsEyes,
  signal: AbortSignal,
): Promise<Draft> {
  const names = wayUp(name);
  // All at once, and none waits for those above it, which may be slow and not count.
  const levels = names.slice(0, MAX_LEVELS).map((level) => lookAtLevel(level, eyes, signal));
  for (const level of levels) level.catch(() => {});
  let held: Draft | undefined;
  for (const look of levels) {
    const level = await look;
    const asked = `CAA ${level.name}`;
    if ('trouble' in level) {
      return held ?? { at: level.name, asked, found: level.trouble, finding: 'unknown' };
    }
    const seen = judgeLevel(level.sets, question);
    if (seen === undefined) continue;
    const draft: Draft = { at: level.name, asked, ...seen };
    if (held === undefined || draft.finding === 'caa-forbids') held = draft;
    // A server without any leads the CA further up.
    if (held.finding === 'caa-forbids' || level.sets.every((set) => set.length > 0)) return held;
  }
  if (held !== undefined) return held;
  const isCut = names.length > levels.length;
  return {
    asked: `CAA ${name} and above`,
    found: isCut
      ? `no CAA record at the name and ${levels.length - 1} levels above it, and those above were not asked`
      : 'no CAA record: every CA may issue',
    finding: isCut ? 'unknown' : 'caa-allows',
  };
}

function wayUp(name: DnsName): readonly DnsName[] {
  const names: DnsName[] = [];
  for (let at: DnsName | undefined = name; at !== undefined && at !== ''; at = parentOf(at)) names.push(at);
  return names;
}

async function lookAtLevel(name: DnsName, eyes: DnsEyes, signal: AbortSignal): Promise<Level> {
  try {
    const sight = await lookAtZone(name, ['CAA'], eyes, signal);
    if (sight.isEndless) return { name, trouble: describePath(sight).replace(/; $/, '') };
    const strays = sight.strays.flatMap(({ answers, way }) => setsIn(answers, way));
    const own = sight.servers.flatMap(({ answers }) => setsIn(answers, sight));
    if (own.length > 0) return { name, sets: different([...own, ...strays]) };
    const resolved = caaOf((await eyes.resolver.ask(name, 'CAA', signal)).answers);
    return { name, sets: different([resolved, ...strays]) };
  } catch (thrown) {
    if (!(thrown instanceof CertopsError)) throw thrown;
    return { name, trouble: thrown.explanation.why ?? thrown.explanation.what };
  }
}

/** The records that a server has, for each of its answers that speak for the zone. */
function setsIn(answers: readonly AuthorityAnswer[], { path }: Way): readonly (readonly CaaData[])[] {
  const at = path.at(-1) ?? path[0];
  const words = answers.filter(({ kind }) => kind === 'word');
  return words.map((word) => caaOf(recordsOf(word, at)));
}

/** The worst of the sets with any record; undefined where there is none. */
function judgeLevel(
  sets: readonly (readonly CaaData[])[],
  question: CaaQuestion,
): Pick<Draft, 'found' | 'finding'> | undefined {
  const judged = sets.filter((set) => set.length > 0).map((set) => judgeCaa(set, question));
  const worst = FROM_WORST.flatMap((finding) => judged.find((one) => one.finding === finding) ?? []).at(0);
  if (worst === undefined || sets.length === 1) return worst;
  return { ...worst, found: `the servers of the zone do not agree, and one has: ${worst.found}` };
}

function different(sets: readonly (readonly CaaData[])[]): readonly (readonly CaaData[])[] {
  const bySpelling = new Map(sets.map((set) => [set.map(formatCaa).sort().join('\n'), set]));
  return [...bySpelling.values()];
}

function caaOf(records: DnsMessage['answers']): readonly CaaData[] {
  return records.flatMap(({ caa }) => caa ?? []);
}
