import type { Condition } from '../api/condition.ts';
import type { ObjectName } from '../api/names.ts';
import { formatInstant, parseInstant } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';

/** The API group of everything that certops writes; no cluster has it, so nothing applies it by accident. */
export const STATUS_API_VERSION = 'status.certops.dev/v1';

/** What tells Flux and Argo CD to leave a status document alone. */
const NOT_FOR_APPLYING = {
  'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
  'argocd.argoproj.io/hook': 'Skip',
} as const;

export type PlainMap = Readonly<Record<string, unknown>>;

/** The frame that every status document shares. */
export function statusDocument(
  kind: string,
  name: ObjectName,
  parts: {
    readonly createdAt?: Date | undefined;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly spec?: PlainMap;
    readonly status: PlainMap;
  },
): PlainMap {
  return {
    apiVersion: STATUS_API_VERSION,
    kind,
    metadata: {
      name: name.name,
      ...(name.namespace === '' ? {} : { namespace: name.namespace }),
      ...(parts.createdAt === undefined ? {} : { creationTimestamp: formatInstant(parts.createdAt) }),
      annotations: { ...parts.annotations, ...NOT_FOR_APPLYING },
    },
    ...(parts.spec === undefined ? {} : { spec: withoutUndefined(parts.spec) }),
    status: withoutUndefined(parts.status),
  };
}

export function renderConditions(conditions: readonly Condition[]): readonly PlainMap[] {
  return conditions.map(({ type, status, reason, message, lastTransitionTime }) => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime: formatInstant(lastTransitionTime),
  }));
}

/** Leaves out undefined members and empty lists, as `omitempty` does. */
export function withoutUndefined(map: PlainMap): PlainMap {
  return Object.fromEntries(
    Object.entries(map).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

/**
 * Reads members of a document of our own. Everything in Git is checked, our own writing too: a wrong
 * type throws `status.malformed` naming the member.
 */
export class StatusReader {
  readonly #map: PlainMap;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw malformed(where, 'is not a map');
    // A plain object from the YAML reader; members are checked one by one below.
    this.#map = value as PlainMap;
    this.#where = where;
  }

  child(key: string): StatusReader {
    return new StatusReader(this.#map[key] ?? {}, `${this.#where}.${key}`);
  }

  text(key: string): string | undefined {
    const value = this.#map[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw malformed(`${this.#where}.${key}`, 'is not a string');
    return value;
  }

  requiredText(key: string): string {
    const value = this.text(key);
    if (value === undefined) throw malformed(`${this.#where}.${key}`, 'is missing');
    return value;
  }

  count(key: string): number | undefined {
    const value = this.#map[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
      throw malformed(`${this.#where}.${key}`, 'is not a whole number');
    }
    return value;
  }

  flag(key: string): boolean {
    return this.#map[key] === true;
  }

  instant(key: string): Date | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const instant = parseInstant(text);
    if (instant === undefined) throw malformed(`${this.#where}.${key}`, 'is not an RFC 3339 time');
    return instant;
  }

  texts(key: string): readonly string[] {
    const value = this.#map[key] ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
      throw malformed(`${this.#where}.${key}`, 'is not a list of strings');
    }
    return value as readonly string[];
  }

  children(key: string): readonly StatusReader[] {
    const value = this.#map[key] ?? [];
    if (!Array.isArray(value)) throw malformed(`${this.#where}.${key}`, 'is not a list');
    return value.map((item, index) => new StatusReader(item, `${this.#where}.${key}[${index}]`));
  }

  conditions(): readonly Condition[] {
    return this.children('conditions').map((condition): Condition => {
      const status = condition.requiredText('status');
      return {
        type: condition.requiredText('type'),
        status: status === 'True' || status === 'False' ? status : 'Unknown',
        reason: condition.text('reason') ?? '',
        message: condition.text('message') ?? '',
        lastTransitionTime: condition.instant('lastTransitionTime') ?? new Date(0),
      };
    });
  }
}

/** The documents of one status file by kind; throws `status.malformed` when one is not ours. */
export function expectKind(document: unknown, kind: string, where: string): StatusReader {
  const reader = new StatusReader(document, where);
  if (reader.text('apiVersion') !== STATUS_API_VERSION || reader.text('kind') !== kind) {
    throw malformed(where, `is not a ${STATUS_API_VERSION} ${kind}`);
  }
  return reader;
}

function malformed(where: string, problem: string): CertopsError {
  return new CertopsError(
    'status.malformed',
    {
      what: `${where} ${problem}`,
      next: 'Status files are written by certops; restore it with git checkout',
    },
    { retry: { when: 'never' } },
  );
}
