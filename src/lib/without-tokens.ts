/** What stands in place of a secret. */
const ELLIPSIS = '…';

/** The path of an HTTP-01 challenge (RFC 8555, section 8.3), with whatever follows it up to the end of the URL. */
const CHALLENGE_PATH = /(\.well-known\/acme-challenge\/)[^\s"'`<>()[\]{}\\,;:]*/gi;

/** Words of base64url, and several of them with full stops between: domain names, versions, key authorizations. */
const DOTTED_WORDS = /[\w-]+(?:\.[\w-]+)*/g;

/** A token has at least 128 bits of entropy (RFC 8555, section 8.1): 22 characters of base64url. */
const MIN_TOKEN_CHARACTERS = 22;

/** A token of at most 128 characters, a full stop, a thumbprint. */
const MAX_KEY_AUTHORIZATION_CHARACTERS = 172;

/** SHA-256 in base64url: an account key's thumbprint, or what a TXT record holds. */
const DIGEST_CHARACTERS = 43;

/**
 * A text without challenge tokens, key authorizations (`token.thumbprint`) and their digests, each replaced by `…`. CAs
 * quote what they asked for and what they got, and neither belongs into a log, a status or a pull request. Meant for
 * words of strangers: rather one random-looking word too many goes than a token stays. Domain names, which have no
 * upper case in a CA's mouth, stay.
 */
export function withoutTokens(text: string): string {
  return text
    .replace(CHALLENGE_PATH, `$1${ELLIPSIS}`)
    .replace(DOTTED_WORDS, (words) => (words.split('.').some(isSecret) ? ELLIPSIS : words));
}

/** As `withoutTokens`, for the beginning of a longer text: a word that was cut in two is gone, too. */
export function withoutCutTokens(beginning: string): string {
  let end = beginning.length;
  const least = Math.max(0, end - MAX_KEY_AUTHORIZATION_CHARACTERS);
  while (end > least && /[\w.-]/.test(beginning.charAt(end - 1))) end -= 1;
  return withoutTokens(beginning.slice(0, end));
}

function isSecret(word: string): boolean {
  // SHA-256 in hexadecimal: the acmeIdentifier extension of TLS-ALPN-01 (RFC 8737, section 3) is quoted so.
  if (/^(?:[0-9a-f]{64}|[0-9A-F]{64})$/.test(word)) return true;
  if (word.length < MIN_TOKEN_CHARACTERS) return false;
  const upperCount = word.replace(/[^A-Z]/g, '').length;
  if (upperCount === 0 || !/[a-z]/.test(word)) return false;
  // Long words with capitals that somebody made up (`tlsHandshakeTimeoutExceeded`) have no digits and few capitals.
  return word.length >= DIGEST_CHARACTERS || /\d/.test(word) || upperCount > word.length / 5;
}
