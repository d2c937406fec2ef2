import { X509Certificate } from 'node:crypto';

/** More alternate chains than any CA has; the rest are not looked at. */
const MAX_ALTERNATES = 10;
const MAX_LINK_CHARACTERS = 16_384;

/**
 * The URLs of the alternate chains of a certificate (RFC 8555, section 7.4.2; RFC 8288), at most ten, on the
 * directory's origin. What else stands in the header is left alone.
 */
export function alternateUrls(
  link: string | readonly string[] | undefined,
  certificateUrl: string,
  isOwnUrl: (url: string) => boolean,
): readonly string[] {
  const text = (typeof link === 'string' ? link : (link ?? []).join(', ')).slice(0, MAX_LINK_CHARACTERS);
  const urls: string[] = [];
  for (const [, target = '', parameters = ''] of text.matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (!parameters.split(';').some(isAlternate)) continue;
    if (!URL.canParse(target, certificateUrl)) continue;
    const { href } = new URL(target, certificateUrl);
    if (isOwnUrl(href) && !urls.includes(href)) urls.push(href);
  }
  return urls.slice(0, MAX_ALTERNATES);
}

/** Whether a parameter of a link says `rel=alternate`, alone or among others (RFC 8288, section 3.3). */
function isAlternate(parameter: string): boolean {
  const [name = '', value = ''] = parameter.split('=', 2);
  if (name.trim().toLowerCase() !== 'rel') return false;
  const [relations = ''] = value.replaceAll('"', ' ').split(',', 1);
  return relations.toLowerCase().split(/\s+/).includes('alternate');
}

/** Whether the top-most certificate of a chain was issued by `commonName`, as cert-manager's preferredChain has it. */
export function isPreferred(chain: readonly string[], commonName: string): boolean {
  const top = chain.at(-1);
  if (top === undefined) return false;
  try {
    const { issuer } = new X509Certificate(top);
    return issuer.split('\n').some((part) => part === `CN=${commonName}`);
  } catch {
    return false;
  }
}

/** The first chain that is preferred, fetched one after the other; undefined where there is none. */
export async function choosePreferred(
  urls: readonly string[],
  commonName: string,
  download: (url: string) => Promise<readonly string[] | undefined>,
): Promise<readonly string[] | undefined> {
  for (const url of urls) {
    const chain = await download(url);
    if (chain !== undefined && isPreferred(chain, commonName)) return chain;
  }
  return undefined;
}
