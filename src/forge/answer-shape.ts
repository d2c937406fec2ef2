import { checkShape, type Schema } from '../lib/schema.ts';
import { ForgeError } from './errors.ts';

/**
 * An answer in the shape that the API documents, members that nobody asked for dropped. Throws `forge.bad-answer` with
 * the first difference. `what` says whose answer: `GET /user`.
 */
export function readAnswer<T>(schema: Schema<T>, data: unknown, what: string): T {
  const checked = checkShape(schema, data);
  if (checked.ok) return checked.value;
  const [issue] = checked.issues;
  const where = issue === undefined || issue.path.length === 0 ? 'the whole answer' : issue.path.join('.');
  throw new ForgeError(
    'forge.bad-answer',
    {
      what: 'The forge answered what its API does not document',
      why: `${what}: ${where} is ${issue?.what === 'missing' ? 'missing' : 'of another type'}`,
      next: 'Check that the URL of the forge is that of its API, and that its version is supported',
    },
    { data: { request: what } },
  );
}

/** An instant that a forge wrote (RFC 3339); throws `forge.bad-answer` for anything else. */
export function readInstant(value: string, what: string): Date {
  const instant = new Date(value);
  if (!Number.isNaN(instant.getTime())) return instant;
  throw new ForgeError('forge.bad-answer', {
    what: 'The forge answered what its API does not document',
    why: `${what}: a time that is none`,
  });
}
