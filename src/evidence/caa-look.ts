import { CertopsError } from '../lib/errors.ts';
import type { CaaData } from '../solvers/dns/caa.ts';
import type { DnsRecord } from '../solvers/dns/message.ts';
import { type DnsName, parentOf } from '../solvers/dns/name.ts';
import { type CaaQuestion, judgeCaa } from './caa-judgement.ts';
import type { Draft } from './draft.ts';
import { type DnsEyes, lookAtZone, recordsOf } from './zone-sight.ts';

/** Names with more labels than these are nobody's; every level costs some questions. */
const MAX_LEVELS = 10;

/** What stands at one name on the way up. */
type Level =
  | { readonly name: DnsName; readonly records: readonly CaaData[] }
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
  const levels = await Promise.all(names.map((level) => lookAtLevel(level, eyes, signal)));
  for (const level of levels) {
    const asked = `CAA ${level.name}`;
    if ('trouble' in level) return { at: level.name, asked, found: level.trouble, finding: 'unknown' };
    if (level.records.length > 0) return { at: level.name, asked, ...judgeCaa(level.records, question) };
  }
  return {
    asked: `CAA ${name} and above`,
    found: 'no CAA record: every CA may issue',
    finding: 'caa-allows',
  };
}

function wayUp(name: DnsName): readonly DnsName[] {
  const names: DnsName[] = [];
  for (let at: DnsName | undefined = name; at !== undefined && at !== ''; at = parentOf(at)) names.push(at);
  return names.slice(0, MAX_LEVELS);
}

async function lookAtLevel(name: DnsName, eyes: DnsEyes, signal: AbortSignal): Promise<Level> {
  try {
    const { servers, path } = await lookAtZone(name, ['CAA'], eyes, signal);
    const at = path.at(-1) ?? path[0];
    const answers = servers.flatMap((server) => server.answers);
    const word = answers.find(({ kind }) => kind === 'word');
    if (word !== undefined) return { name, records: caaOf(recordsOf(word, at)) };
    return { name, records: caaOf((await eyes.resolver.ask(name, 'CAA', signal)).answers) };
  } catch (thrown) {
    if (!(thrown instanceof CertopsError)) throw thrown;
    return { name, trouble: thrown.explanation.why ?? thrown.explanation.what };
  }
}

function caaOf(records: readonly DnsRecord[]): readonly CaaData[] {
  return records.flatMap(({ caa }) => caa ?? []);
}
