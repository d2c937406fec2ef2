import { createHash } from 'node:crypto';

/** The object id that Git gives a blob of this content (SHA-1 repositories), 40 hex digits. */
export function gitBlobId(content: string): string {
  const bytes = Buffer.from(content);
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
