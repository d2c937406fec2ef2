import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Sensitive } from '../lib/sensitive.ts';

/** Secrets of one webhook: one, or two while one takes the other's place. */
export type WebhookSecrets = readonly Sensitive<string>[];

/** GitLab's signing tokens say so themselves (docs.gitlab.com, "Webhooks", "Signing tokens"); no other secret does. */
const SIGNING_TOKEN = /^whsec_([A-Za-z0-9+/]{43}=)$/;

// Every secret is tried, whichever fits: how long it takes says nothing of them.

/** Whether `signature` (hex, of any case) is the HMAC-SHA256 of the raw body under one of the secrets. */
export function isSignedBody(signature: string, body: Uint8Array, secrets: WebhookSecrets): boolean {
  const given = /^[0-9a-f]{64}$/i.test(signature) ? Buffer.from(signature, 'hex') : undefined;
  return anyOf(secrets, (secret) => {
    const wanted = createHmac('sha256', secret).update(body).digest();
    return timingSafeEqual(wanted, given ?? Buffer.alloc(wanted.length)) && given !== undefined;
  });
}

/** Whether `token` is one of the secrets. Signing tokens are none: GitLab keeps those to itself. */
export function isToken(token: string, secrets: WebhookSecrets): boolean {
  const given = digest(token);
  return anyOf(secrets, (secret) => timingSafeEqual(digest(secret), given) && !SIGNING_TOKEN.test(secret));
}

/**
 * Whether one of `signatures` (`v1,BASE64`, separated by spaces) is that of `ID.TIMESTAMP.BODY` under one of the secrets
 * that are signing tokens (the Standard Webhooks specification, which GitLab follows).
 */
export function isSignedDelivery(
  delivery: { readonly id: string; readonly timestamp: string; readonly signatures: string },
  body: Uint8Array,
  secrets: WebhookSecrets,
): boolean {
  const given = delivery.signatures
    .split(' ')
    .slice(0, 5)
    .flatMap((one) => (one.startsWith('v1,') ? [digest(one.slice('v1,'.length))] : []));
  return anyOf(secrets, (secret) => {
    const key = SIGNING_TOKEN.exec(secret)?.[1];
    const wanted = createHmac('sha256', Buffer.from(key ?? '', 'base64'))
      .update(`${delivery.id}.${delivery.timestamp}.`)
      .update(body)
      .digest('base64');
    const fits = given.map((one) => timingSafeEqual(digest(wanted), one));
    return key !== undefined && fits.includes(true);
  });
}

function anyOf(secrets: WebhookSecrets, fits: (secret: string) => boolean): boolean {
  // An empty secret would let in whoever knows that it is empty.
  const found = secrets.map((secret) => fits(secret.reveal()) && secret.reveal() !== '');
  return found.includes(true);
}

/** Equal lengths for what is compared, whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
