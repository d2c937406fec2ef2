import { type CaaData, formatCaa } from '../solvers/dns/caa.ts';
import { quoted } from '../solvers/dns/dns-error.ts';
import type { Draft } from './draft.ts';

const MAX_TOLD = 6;
/** Tags that every CA knows (RFC 8659, section 4; RFC 9495); another one that is critical stops it, as Boulder. */
const KNOWN_TAGS: readonly string[] = ['issue', 'issuewild', 'iodef', 'issuemail'];

/** Whom the CA is, and what for it was asked. */
export interface CaaQuestion {
  readonly isWildcard: boolean;
  /** Undefined where it is not known: then no method is held against it. */
  readonly method?: 'http-01' | 'dns-01' | undefined;
  /** `meta.caaIdentities` of the CA's directory (RFC 8555, section 7.1.1); undefined where it names none. */
  readonly caaIdentities?: readonly string[] | undefined;
  /** The account's URL. */
  readonly accountUri?: string | undefined;
}

/** An `issue` or `issuewild` value (RFC 8659, section 4.2); one that cannot be read names no CA. */
interface IssueValue {
  /** Lower case; empty: nobody may issue. */
  readonly domain: string;
  readonly parameters: readonly { readonly tag: string; readonly value: string }[];
}

/** Whether a relevant set of CAA records lets the CA issue (RFC 8659, section 3 and 4; RFC 8657). */
export function judgeCaa(
  records: readonly CaaData[],
  question: CaaQuestion,
): Pick<Draft, 'found' | 'finding'> {
  const shown = records.slice(0, MAX_TOLD).map((record) => quoted(formatCaa(record)));
  const rest = records.length - shown.length;
  const list = `${shown.join('; ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  const says = (finding: Draft['finding'], words: string) => ({ finding, found: `${words}: ${list}` });

  const unknown = records.find(({ isCritical, tag }) => isCritical && !KNOWN_TAGS.includes(tag));
  if (unknown !== undefined) return says('caa-forbids', 'a critical property that the CA may not know');
  const wild = records.filter(({ tag }) => tag === 'issuewild');
  const properties =
    question.isWildcard && wild.length > 0 ? wild : records.filter(({ tag }) => tag === 'issue');
  if (properties.length === 0) return says('caa-allows', 'no property that restricts this');
  const values = properties.map(({ value }) => readIssueValue(value));
  if (values.every(({ domain }) => domain === '')) return says('caa-forbids', 'no CA may issue');
  const { caaIdentities } = question;
  if (caaIdentities === undefined || caaIdentities.length === 0) {
    return says('unknown', 'the CA does not say which name it goes by');
  }
  const own = values.filter(({ domain }) => caaIdentities.includes(domain));
  const names = quoted(caaIdentities.join(', '));
  if (own.length === 0) return says('caa-forbids', `${names} is not named`);
  const obstacles = own.map((value) => obstacleIn(value, question));
  return obstacles.some((obstacle) => obstacle === undefined)
    ? says('caa-allows', `${names} may issue`)
    : says('caa-forbids', `${names} is named, and ${obstacles[0]}`);
}

/** RFC 8657: parameters that the record's owner restricts a named CA by; undefined where they all let it issue. */
function obstacleIn({ parameters }: IssueValue, { method, accountUri }: CaaQuestion): string | undefined {
  const valuesOf = (tag: string) =>
    parameters.filter((parameter) => parameter.tag === tag).map(({ value }) => value);
  const accounts = valuesOf('accounturi');
  if (accounts.length > 1) return 'more than one accounturi allows no account';
  if (accounts.length === 1 && accountUri !== undefined && accounts[0] !== accountUri) {
    return 'accounturi is not the account of this issuer';
  }
  const methods = valuesOf('validationmethods');
  if (methods.length > 1) return 'more than one validationmethods allows none';
  if (method !== undefined && methods[0] !== undefined && !methods[0].split(',').includes(method)) {
    return `validationmethods leave out ${method}`;
  }
  return undefined;
}

/** Reads `ca.example; accounturi=https://…; validationmethods=dns-01`. */
export function readIssueValue(text: string): IssueValue {
  const [domain = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = rest
    .filter((part) => part !== '')
    .map((part) => {
      const [, tag, value] = /^([A-Za-z0-9-]+)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)$/.exec(part) ?? [];
      return tag === undefined || value === undefined ? undefined : { tag: tag.toLowerCase(), value };
    });
  const readable = parameters.filter((parameter) => parameter !== undefined);
  const isDomain = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(domain);
  return isDomain && readable.length === parameters.length
    ? { domain: domain.toLowerCase(), parameters: readable }
    : { domain: '', parameters: [] };
}
