const MAX_URL_CHARACTERS = 2048;

/** A URL that a CA gave for people to open, if it is one that may be shown to them: https, no credentials, bounded. */
export function httpsUrl(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_URL_CHARACTERS || !URL.canParse(value))
    return undefined;
  const url = new URL(value);
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined;
  // As parsed: what is shown has no spaces, quotes or control characters left in it.
  return url.href;
}

/** The first such URL in a text. */
export function findHttpsUrl(text: string): string | undefined {
  for (const [found] of text.slice(0, 4 * MAX_URL_CHARACTERS).matchAll(/https:\/\/[\x21-\x7e]+/g)) {
    // A full stop or bracket after it belongs to the sentence.
    const url = httpsUrl(found.replace(/[.,;:!?'")>\]]+$/, ''));
    if (url !== undefined) return url;
  }
  return undefined;
}
