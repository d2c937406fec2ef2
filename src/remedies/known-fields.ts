import type { FieldPath } from '../api/field-error.ts';
import { manifestJsonSchema, SCHEMA_KINDS } from '../api/json-schema.ts';
import { editDistance } from '../api/mention.ts';

/** What the schema of a kind says about one place. */
export interface KnownField {
  /** JSON Schema's word: `string`, `integer`, `boolean`, `array`, `object`. */
  readonly type: string | undefined;
  /** The words that may stand there; empty where any may. */
  readonly choices: readonly string[];
  /** Names of the members that may stand in it; empty for what is no map, or one of free keys. */
  readonly members: readonly string[];
}

/** What may stand at a path of a kind's manifests; undefined for a kind or a place that the schema does not know. */
export function knownField(kind: string, path: FieldPath): KnownField | undefined {
  const known = SCHEMA_KINDS.find((each) => each === kind);
  let schema: Json | undefined = known === undefined ? undefined : manifestJsonSchema(known);
  for (const step of path) {
    if (schema === undefined) return undefined;
    schema =
      typeof step === 'number'
        ? asJson(schema.items)
        : (asJson(memberOfJson(schema.properties, step)) ?? asJson(schema.additionalProperties));
  }
  if (schema === undefined) return undefined;
  const { type, enum: choices, properties } = schema;
  return {
    type: typeof type === 'string' ? type : undefined,
    choices: Array.isArray(choices) ? choices.map(String) : [],
    members: Object.keys(asJson(properties) ?? {}),
  };
}

/**
 * The one word of a list that was meant: the same but for case, blanks and dashes, or else but for one slip of the pen
 * in words of 4 letters (two in words of 6 and more; DSA is not RSA). Undefined where none or several are that near.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replace(/[\s_-]/g, '');
  const same = known.filter((each) => plain(each) === plain(word));
  if (same.length > 0) return same.length === 1 ? same[0] : undefined;
  const slips = word.length >= 6 ? 2 : word.length >= 4 ? 1 : 0;
  const near = known.filter((each) => editDistance(plain(each), plain(word)) <= slips);
  return near.length === 1 ? near[0] : undefined;
}

/** A field path as messages show it, in steps; undefined for what is none. */
export function stepsOf(field: string): FieldPath | undefined {
  const steps: (string | number)[] = [];
  const pattern = /(?:^|\.)([\w-]+)|\[([^[\]]+)\]/y;
  while (pattern.lastIndex < field.length) {
    const match = pattern.exec(field);
    if (match === null) return undefined;
    const [, name, bracketed = ''] = match;
    steps.push(name ?? (/^\d+$/.test(bracketed) ? Number(bracketed) : bracketed));
  }
  return steps.length === 0 ? undefined : steps;
}

type Json = Readonly<Record<string, unknown>>;

function asJson(value: unknown): Json | undefined {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  // The check above is all that a map of JSON is.
  return isMap ? (value as Json) : undefined;
}

function memberOfJson(properties: unknown, name: string): unknown {
  const members = asJson(properties);
  return members !== undefined && Object.hasOwn(members, name) ? members[name] : undefined;
}
