import type { AuthorityAnswer } from '../solvers/dns/authorities.ts';
import { quoted } from '../solvers/dns/dns-error.ts';
import type { DnsRecord } from '../solvers/dns/message.ts';
import type { DnsName } from '../solvers/dns/name.ts';
import type { Draft } from './draft.ts';
import {
  askResolver,
  type DnsEyes,
  describePath,
  groupSayings,
  hasWord,
  lookAtZone,
  recordsOf,
  sayingOfNone,
  type Way,
} from './zone-sight.ts';

const MAX_VALUES_TOLD = 3;
const MAX_VALUE_CHARACTERS = 50;

/**
 * What every server of the zone has at `_acme-challenge.<name>` (RFC 8555, section 8.4), at the end of its CNAMEs.
 * `expected` is undefined where it is not known what a CA looks for. Throws `solvers.dns-…` where the zone cannot be
 * found, and the signal's reason.
 */
export async function lookForTxt(
  name: DnsName,
  expected: string | undefined,
  eyes: DnsEyes,
  signal: AbortSignal,
): Promise<readonly Draft[]> {
  const sight = await lookAtZone(name, ['TXT'], eyes, signal);
  const told = [...sight.servers.map((one) => ({ ...one, way: sight })), ...sight.strays];
  const sayings = told.flatMap(({ server, answers: [answer], way }) => {
    if (answer === undefined) return [];
    const said = sayingOfNone(answer) ?? judge(answer, way, expected);
    return [{ server, found: `${describePath(way)}${said.found}`, finding: said.finding }];
  });
  const drafts = groupSayings(`TXT ${name}`, sayings);
  if (hasWord(sight)) return drafts;
  const [message] = (await askResolver(name, ['TXT'], eyes, drafts, signal)) ?? [];
  if (message === undefined) return drafts;
  const isAway = message.answers.some(({ type, name: owner }) => type === 'TXT' && owner !== name);
  const judged = judgeValues(textsOf(message.answers), message.rcode, expected, isAway);
  const asked = `TXT ${name} at the resolver, since no server of the zone answers`;
  return [...drafts, { asked, ...judged }];
}

function judge(
  answer: AuthorityAnswer,
  { path, isEndless, isAway }: Way,
  expected: string | undefined,
): Pick<Draft, 'found' | 'finding'> {
  if (answer.kind !== 'word' || isEndless) return { found: 'nothing can be found there', finding: 'missing' };
  const at = path.at(-1) ?? path[0];
  return judgeValues(textsOf(recordsOf(answer, at)), answer.message.rcode, expected, isAway);
}

function textsOf(records: readonly DnsRecord[]): readonly string[] {
  return records.filter(({ type }) => type === 'TXT').map(({ value }) => value);
}

/**
 * Values found against the digest that a CA looks for. Where CNAMEs lead to another zone they are counted and not told:
 * whoever owns a name can point it at any, and certops may see into zones that he does not.
 */
export function judgeValues(
  values: readonly string[],
  rcode: string,
  expected: string | undefined,
  isAway: boolean,
): Pick<Draft, 'found' | 'finding'> {
  if (values.length === 0) return { found: `no TXT record (${rcode})`, finding: 'missing' };
  const others = values.filter((value) => value !== expected);
  const told = others.slice(0, MAX_VALUES_TOLD).map((value) => `"${cut(value)}"`);
  const rest = others.length - told.length;
  const list = isAway
    ? `${others.length} other TXT records`
    : `${told.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  if (expected === undefined) {
    const found = isAway ? `${others.length} TXT records` : `TXT records ${list}`;
    return { found, finding: 'unknown' };
  }
  if (others.length < values.length) {
    const beside = others.length === 0 ? '' : `, beside ${others.length} other TXT records`;
    return { found: `the value that the CA looks for${beside}`, finding: 'as-expected' };
  }
  return { found: `not "${cut(expected)}" but ${list}`, finding: 'something-else' };
}

function cut(value: string): string {
  const told = quoted(value);
  return told.length <= MAX_VALUE_CHARACTERS ? told : `${told.slice(0, MAX_VALUE_CHARACTERS - 1)}…`;
}
