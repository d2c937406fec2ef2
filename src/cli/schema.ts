import { manifestJsonSchema, SCHEMA_KINDS } from '../api/json-schema.ts';
import { CertopsError } from '../lib/errors.ts';
import type { Console } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';

/** `certops schema KIND`: the JSON Schema of a kind. Throws `cli.usage` for a kind that has none. */
export function schema(console: Console, name: string): ExitCode {
  const kind = SCHEMA_KINDS.find((each) => each.toLowerCase() === name.toLowerCase());
  if (kind === undefined) {
    throw new CertopsError(
      'cli.usage',
      { what: `"${name}" is no kind with a schema`, next: `There are ${SCHEMA_KINDS.join(', ')}` },
      { retry: { when: 'never' } },
    );
  }
  console.out(JSON.stringify(manifestJsonSchema(kind), null, 2));
  return EXIT.ok;
}
