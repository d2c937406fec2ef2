import type { ShapeIssue } from '../lib/schema.ts';

/** Keys and indices from the document's root. */
export type FieldPath = readonly (string | number)[];

/** One thing wrong with an object, in the words of Kubernetes' field errors. */
export interface FieldError {
  /** A warning does not make the object invalid. */
  readonly severity: 'error' | 'warning';
  readonly rule: string;
  readonly path: FieldPath;
  /** The foreign key in the map at `path`, for `unknown-field`. */
  readonly key?: string | undefined;
  /** Where it stands, if that is more exact than `path`. */
  readonly at?: FieldPath | undefined;
  /** The whole sentence, the field path included. */
  readonly message: string;
}

/** A path as Kubernetes' `field.Path` writes it: `spec.dnsNames[0]`, `metadata.annotations[a.b/c]`. */
export function formatFieldPath(path: FieldPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number' || !/^[\w-]+$/.test(step)) text += `[${quotable(String(step))}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** Collects the errors of one object. The sentences follow `k8s.io/apimachinery` `field/errors.go`. */
export class FieldErrors {
  readonly #errors: FieldError[] = [];

  /** Errors and warnings in the order in which they were found. */
  get all(): readonly FieldError[] {
    return this.#errors;
  }

  get isEmpty(): boolean {
    return !this.#errors.some((error) => error.severity === 'error');
  }

  required(path: FieldPath, detail = ''): void {
    this.#add('required', path, detail === '' ? 'Required value' : `Required value: ${detail}`);
  }

  invalid(path: FieldPath, value: unknown, detail: string): void {
    this.#add('invalid-value', path, `Invalid value: ${formatValue(value)}: ${detail}`);
  }

  /** A key, or its value, in the map at `path`, which is all that Kubernetes' own validation names. */
  invalidEntry(path: FieldPath, key: string, value: string, detail: string): void {
    this.#add('invalid-value', path, `Invalid value: ${formatValue(value)}: ${detail}`, 'error', [
      ...path,
      key,
    ]);
  }

  notSupported(path: FieldPath, value: unknown, supported: readonly string[]): void {
    const values = supported.map((each) => `"${each}"`).join(', ');
    this.#add('invalid-value', path, `Unsupported value: ${formatValue(value)}: supported values: ${values}`);
  }

  tooLong(path: FieldPath, maxBytes: number): void {
    this.#add('invalid-value', path, `Too long: must have at most ${maxBytes} bytes`);
  }

  tooMany(path: FieldPath, count: number, max: number): void {
    this.#add('invalid-value', path, `Too many: ${count}: must have at most ${max} items`);
  }

  duplicate(path: FieldPath, value: unknown): void {
    this.#add('invalid-value', path, `Duplicate value: ${formatValue(value)}`);
  }

  forbidden(path: FieldPath, detail: string): void {
    this.#add('invalid-value', path, `Forbidden: ${detail}`);
  }

  /** A valid field whose effect certops does not have yet, where going on without it would be wrong. */
  notServed(path: FieldPath, detail: string): void {
    this.#add('not-served', path, `Not served yet: ${detail}`);
  }

  /** A valid field that cert-manager itself no longer heeds, or asks people to leave. */
  deprecated(path: FieldPath, detail: string): void {
    this.#add('deprecated-field', path, `Deprecated: ${detail}`, 'warning');
  }

  /** What is most likely a slip of the pen, and not ours to refuse. */
  nearMiss(path: FieldPath, detail: string): void {
    this.#add('near-miss', path, detail, 'warning');
  }

  /** A valid field that only a cluster can honour: told, and otherwise ignored (contract 1.1). */
  noEffect(path: FieldPath, detail: string): void {
    this.#add('no-effect', path, `No effect here: ${detail}`, 'warning');
  }

  /** A key that nothing reads, in the map at `path`. */
  unknownField(path: FieldPath, key: string, hint = ''): void {
    const message = oneLine(
      `unknown field "${formatFieldPath([...path, key])}"${hint}`,
      MAX_MESSAGE_CHARACTERS,
    );
    this.#errors.push({ severity: 'error', rule: 'unknown-field', path, key, message });
  }

  /** What a schema found. */
  shape(issues: readonly ShapeIssue[]): void {
    for (const issue of issues) {
      const field = formatFieldPath(issue.path);
      if (issue.what === 'missing') this.required(issue.path);
      else if (issue.what === 'choice') this.notSupported(issue.path, issue.value, issue.supported);
      else if (issue.what === 'type') {
        const { expected, found } = issue;
        this.invalid(issue.path, found, `${field} in body must be of type ${expected}: "${found}"`);
      } else if (issue.what === 'unknown-key') {
        this.unknownField(issue.path, issue.key);
      } else this.#add('invalid-value', issue.path, issue.message);
    }
  }

  #add(
    rule: string,
    path: FieldPath,
    text: string,
    severity: 'error' | 'warning' = 'error',
    at?: FieldPath,
  ): void {
    const field = formatFieldPath(path);
    const message = oneLine(field === '' ? text : `${field}: ${text}`, MAX_MESSAGE_CHARACTERS);
    this.#errors.push({ severity, rule, path, at, message });
  }
}

function formatValue(value: unknown): string {
  return typeof value === 'string' ? `"${quotable(value)}"` : quotable(String(value));
}

const MAX_VALUE_CHARACTERS = 120;
const MAX_LOOKED_AT_CHARACTERS = 8000;
/** A path may lead through keys of strangers, as often as they like. */
const MAX_MESSAGE_CHARACTERS = 1000;

/** Text of strangers within a sentence. */
function quotable(value: string): string {
  return oneLine(value, MAX_VALUE_CHARACTERS).replaceAll('"', '\\"');
}

/** One line, bounded, nothing that turns the writing direction, and no password of a URL. */
function oneLine(text: string, maxCharacters: number): string {
  const line = text
    .slice(0, MAX_LOOKED_AT_CHARACTERS)
    .replace(/:\/\/[^\s"]*@/g, '://…@')
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters - 1)}…` : line;
}
