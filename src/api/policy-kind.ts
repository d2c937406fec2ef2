import { parseGoDuration } from '../lib/go-duration.ts';
import { type FieldErrors, type FieldPath, formatFieldPath } from './field-error.ts';
import type { ObjectName } from './names.ts';
import type {
  AllowedListShape,
  AllowedOidsShape,
  AllowedShape,
  AllowedTextShape,
  ConstraintsShape,
  PolicyShape,
} from './policy-schema.ts';
import {
  type AllowedAttributes,
  type AllowedList,
  type AllowedOid,
  type AllowedSubject,
  type AllowedText,
  type CertificateRequestPolicy,
  NAME_LISTS,
  type PlacedRule,
  type PolicyConstraints,
  type PolicyRule,
  SUBJECT_LISTS,
} from './policy-spec.ts';

/** An expression and where to look for its place. */
export interface RulePath {
  readonly path: FieldPath;
  readonly rule: string;
}

/** A policy without places, and the paths of what has one. */
export interface ReadPolicy {
  readonly policy: Omit<CertificateRequestPolicy, 'unserved' | 'rules'>;
  readonly rules: readonly RulePath[];
  readonly unserved: readonly FieldPath[];
}

const MAX_RULE_CHARS = 2000;
const MAX_RULES = 100;
const MAX_SIZE_BITS = 8192;

/**
 * Validates a CertificateRequestPolicy of the right shape as approver-policy's webhook does
 * (`pkg/internal/approver/{allowed,constraints}/validation.go`). Expressions are only collected: what they say is
 * judged where they are compiled.
 */
export function readPolicy(errors: FieldErrors, shape: PolicyShape, name: ObjectName): ReadPolicy {
  const { allowed = {}, constraints = {}, selector, plugins = {} } = shape.spec;
  const reader = new PolicyReader(errors);
  const spec = {
    allowed: reader.allowed(allowed),
    constraints: reader.constraints(constraints),
    selector: {
      issuerRef: selector.issuerRef ?? {},
      namespace: { matchNames: selector.namespace?.matchNames ?? [] },
    },
  };
  if (selector.issuerRef === undefined && selector.namespace === undefined) {
    const hint = 'one of issuerRef or namespace must be defined, hint: `{}` on either matches everything';
    errors.required(['spec', 'selector'], hint);
  }
  if (reader.rules.length > MAX_RULES) {
    errors.tooMany(['spec', 'allowed'], reader.rules.length, MAX_RULES);
  }
  // Whoever labels namespaces chooses policies; here nobody is known to have that right.
  const hasLabels = Object.keys(selector.namespace?.matchLabels ?? {}).length > 0;
  return {
    policy: { kind: 'CertificateRequestPolicy', name, spec },
    rules: reader.rules,
    unserved: [
      ...Object.keys(plugins).map((plugin) => ['spec', 'plugins', plugin]),
      ...(hasLabels ? [['spec', 'selector', 'namespace', 'matchLabels']] : []),
    ],
  };
}

/** Expressions with the places that `locate` finds. */
export function placeRules(
  rules: readonly RulePath[],
  locate: (path: FieldPath) => { readonly line: number; readonly column: number },
): readonly PlacedRule[] {
  return rules.map(({ path, rule }) => {
    const { line, column } = locate([...path, 'rule']);
    return { field: formatFieldPath(path), rule, line, column };
  });
}

class PolicyReader {
  readonly rules: RulePath[] = [];
  readonly #errors: FieldErrors;

  constructor(errors: FieldErrors) {
    this.#errors = errors;
  }

  allowed(shape: AllowedShape): AllowedAttributes {
    const path = ['spec', 'allowed'];
    const lists = NAME_LISTS.flatMap((list) => {
      const read = this.#list([...path, list], shape[list]);
      return read === undefined ? [] : [[list, read] as const];
    });
    return {
      ...Object.fromEntries(lists),
      commonName: this.#text([...path, 'commonName'], shape.commonName),
      otherNames: this.#oids([...path, 'otherNames'], shape.otherNames),
      isCA: shape.isCA,
      usages: shape.usages,
      subject: this.#subject([...path, 'subject'], shape.subject ?? {}),
    };
  }

  constraints(shape: ConstraintsShape): PolicyConstraints {
    const path = ['spec', 'constraints'];
    const minDurationMs = this.#duration([...path, 'minDuration'], shape.minDuration);
    const maxDurationMs = this.#duration([...path, 'maxDuration'], shape.maxDuration);
    if (minDurationMs !== undefined && maxDurationMs !== undefined && maxDurationMs < minDurationMs) {
      const detail = 'maxDuration must be the same value as minDuration or larger';
      this.#errors.invalid([...path, 'maxDuration'], shape.maxDuration, detail);
    }
    const privateKey = shape.privateKey ?? {};
    this.#checkKey([...path, 'privateKey'], privateKey);
    return { minDurationMs, maxDurationMs, privateKey };
  }

  #checkKey(path: FieldPath, key: NonNullable<ConstraintsShape['privateKey']>): void {
    const { algorithm, minSize, maxSize } = key;
    for (const [field, size] of [
      ['maxSize', maxSize],
      ['minSize', minSize],
    ] as const) {
      if (size === undefined) continue;
      if (algorithm === 'Ed25519') {
        const detail = `${field} cannot be defined with algorithm constraint Ed25519`;
        this.#errors.invalid([...path, field], size, detail);
      }
      if (size < 0 || size > MAX_SIZE_BITS) {
        this.#errors.invalid([...path, field], size, `must be between 0 and ${MAX_SIZE_BITS} inclusive`);
      }
    }
    if (minSize !== undefined && maxSize !== undefined && maxSize < minSize) {
      const detail = 'maxSize must be the same value as minSize or larger';
      this.#errors.invalid([...path, 'maxSize'], maxSize, detail);
    }
  }

  #duration(path: FieldPath, text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    const ms = parseGoDuration(text);
    if (ms === undefined) this.#errors.invalid(path, text, 'must be a duration such as 2160h or 24h30m');
    else if (ms < 0) this.#errors.invalid(path, text, `${path.at(-1)} must be a value greater or equal to 0`);
    return ms;
  }

  #subject(path: FieldPath, shape: NonNullable<AllowedShape['subject']>): AllowedSubject {
    const lists = SUBJECT_LISTS.flatMap((list) => {
      const read = this.#list([...path, list], shape[list]);
      return read === undefined ? [] : [[list, read] as const];
    });
    return {
      ...Object.fromEntries(lists),
      serialNumber: this.#text([...path, 'serialNumber'], shape.serialNumber),
      otherAttributes: this.#oids([...path, 'otherAttributes'], shape.otherAttributes),
    };
  }

  #text(path: FieldPath, shape: AllowedTextShape | undefined): AllowedText | undefined {
    if (shape === undefined) return undefined;
    const { value, required = false } = shape;
    const validations = this.#validations([...path, 'validations'], shape.validations ?? []);
    if (required && value === undefined && validations.length === 0) {
      const detail = "at least one of 'value' or 'validations' must be defined if field is 'required'";
      this.#errors.required([...path, 'value'], detail);
    }
    return { value, required, validations };
  }

  #list(path: FieldPath, shape: AllowedListShape | undefined): AllowedList | undefined {
    if (shape === undefined) return undefined;
    const { values, required = false } = shape;
    const validations = this.#validations([...path, 'validations'], shape.validations ?? []);
    if (required && values === undefined && validations.length === 0) {
      const detail = "at least one of 'values' or 'validations' must be defined if field is 'required'";
      this.#errors.required([...path, 'values'], detail);
    }
    return { values, required, validations };
  }

  #oids(path: FieldPath, shape: AllowedOidsShape | undefined): readonly AllowedOid[] {
    const seen = new Set<string>();
    return (shape ?? []).map((entry, index) => {
      const { oid } = entry;
      const at = [...path, index];
      if (!/^[0-2](?:\.\d{1,39})+$/.test(oid)) {
        this.#errors.invalid([...at, 'oid'], oid, 'must be a dotted object identifier');
      }
      if (seen.has(oid)) this.#errors.duplicate([...at, 'oid'], oid);
      seen.add(oid);
      // What was just given has a list.
      return { oid, ...(this.#list(at, entry) as AllowedList) };
    });
  }

  #validations(path: FieldPath, shape: NonNullable<AllowedListShape['validations']>): readonly PolicyRule[] {
    const seen = new Set<string>();
    for (const [index, { rule, message }] of shape.entries()) {
      const at = [...path, index];
      if (seen.has(rule)) this.#errors.duplicate([...at, 'rule'], rule);
      seen.add(rule);
      if (rule.trim() === '') this.#errors.required([...at, 'rule'], 'write an expression');
      if (rule.length > MAX_RULE_CHARS) this.#errors.tooLong([...at, 'rule'], MAX_RULE_CHARS);
      if (message !== undefined && /[\r\n]/.test(message)) {
        this.#errors.invalid([...at, 'message'], message, 'must not contain line breaks');
      }
      this.rules.push({ path: at, rule });
    }
    return shape;
  }
}
