// The whole name space, so that a bundler leaves out what is not used (the messages of 50 languages).
import * as z from 'zod';

/** A shape that data can be checked against; `ShapeOf` is the type of data that passed. */
export type Schema<T = unknown> = z.ZodType<T>;
export type ShapeOf<S extends z.ZodType> = z.infer<S>;

/** A map of exactly these members; wrap what may be absent in `optional`. Other members are issues. */
export function object<M extends Readonly<Record<string, z.ZodType>>>(
  members: M,
): z.ZodObject<M, z.core.$strict> {
  return z.strictObject(members);
}

/** A map of at least these members; others are dropped. For what other programs send. */
export function openObject<M extends Readonly<Record<string, z.ZodType>>>(
  members: M,
): z.ZodObject<M, z.core.$strip> {
  return z.object(members);
}

export function nullable<S extends z.ZodType>(schema: S): z.ZodNullable<S> {
  return z.nullable(schema);
}

export function optional<S extends z.ZodType>(schema: S): z.ZodOptional<S> {
  return z.optional(schema);
}

export function text(): z.ZodString {
  return z.string();
}

export function flag(): z.ZodBoolean {
  return z.boolean();
}

/** A whole number that JavaScript can hold exactly. */
export function integer(): z.ZodInt {
  return z.int();
}

/** One of these strings, and nothing else. */
export function choice<const V extends string>(values: readonly V[]): z.ZodEnum<z.core.util.ToEnum<V>> {
  return z.enum(values);
}

export function list<S extends z.ZodType>(item: S): z.ZodArray<S> {
  return z.array(item);
}

/** A map from any string to `value`. */
export function dictionary<S extends z.ZodType>(value: S): z.ZodRecord<z.ZodString, S> {
  return z.record(z.string(), value);
}

/** Any map, its members unlooked at. */
export function anyObject(): z.ZodObject<Record<never, z.ZodType>, z.core.$loose> {
  return z.looseObject({});
}

export function anything(): z.ZodUnknown {
  return z.unknown();
}

/** The same shape as JSON Schema (draft 7, which editors know best). */
export function jsonSchema(schema: z.ZodType): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(schema, { target: 'draft-7', unrepresentable: 'any', reused: 'inline' });
}

/** One way in which data differ from a schema. `path` leads to the value, or to the map with a foreign key. */
export type ShapeIssue =
  | { readonly what: 'missing'; readonly path: readonly (string | number)[] }
  | { readonly what: 'unknown-key'; readonly path: readonly (string | number)[]; readonly key: string }
  | {
      readonly what: 'type';
      readonly path: readonly (string | number)[];
      readonly expected: string;
      readonly found: string;
    }
  | {
      readonly what: 'choice';
      readonly path: readonly (string | number)[];
      readonly value: unknown;
      readonly supported: readonly string[];
    }
  | { readonly what: 'other'; readonly path: readonly (string | number)[]; readonly message: string };

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly ShapeIssue[] };

/** Holds data against a schema and names every difference. Never throws. */
export function checkShape<T>(schema: z.ZodType<T>, data: unknown): Checked<T> {
  const result = schema.safeParse(data, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, issues: result.error.issues.flatMap((issue) => shapeIssues(issue)) };
}

const EXPECTED: Readonly<Record<string, string>> = { int: 'integer', array: 'array', record: 'object' };

function shapeIssues(issue: z.core.$ZodIssue): readonly ShapeIssue[] {
  // Symbols never come out of YAML or JSON.
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ what: 'unknown-key', path, key }));
  }
  if (issue.input === undefined) return [{ what: 'missing', path }];
  if (issue.code === 'invalid_type') {
    const expected = EXPECTED[issue.expected] ?? issue.expected;
    return [{ what: 'type', path, expected, found: typeName(issue.input) }];
  }
  if (issue.code === 'invalid_value') {
    if (typeof issue.input !== 'string') {
      return [{ what: 'type', path, expected: 'string', found: typeName(issue.input) }];
    }
    return [
      { what: 'choice', path, value: issue.input, supported: issue.values.map((value) => String(value)) },
    ];
  }
  return [{ what: 'other', path, message: issue.message }];
}

/** The name that JSON Schema, and so Kubernetes, gives a value's type. */
function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
