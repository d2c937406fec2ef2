import { readFileSync } from 'node:fs';

/** JSON Schema, as far as the cut uses it. */
interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly $ref?: string;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly anyOf?: readonly Schema[];
}

interface Cut {
  readonly operations: Readonly<Record<string, { readonly responses: Readonly<Record<string, Schema>> }>>;
  readonly schemas: Readonly<Record<string, Schema>>;
}

/** The cut of GitHub's description of its API; its `source` says where it is from. */
export class GithubOpenApi {
  readonly #cut: Cut;

  private constructor(cut: Cut) {
    this.#cut = cut;
  }

  static read(): GithubOpenApi {
    const file = new URL('../../fixtures/forges/github-openapi.json', import.meta.url);
    // Our own fixture.
    return new GithubOpenApi(JSON.parse(readFileSync(file, 'utf8')) as Cut);
  }

  /** How an answer differs from what is documented; `route` as in the cut: `GET /repos/{owner}/{repo}/pulls`. */
  faults(route: string, status: number, body: unknown): readonly string[] {
    const operation = this.#cut.operations[route];
    if (operation === undefined) return [`${route} is not in the cut`];
    const documented = operation.responses[String(status)];
    // Refusals look alike everywhere, and the description does not repeat them for every operation.
    const common = { $ref: `#/schemas/${status === 422 ? 'validation-error' : 'basic-error'}` };
    const schema = documented ?? (status >= 400 ? common : undefined);
    if (schema === undefined) return [`${route}: ${status} is not documented`];
    return this.#faults(schema, body, `${route} ${status}`);
  }

  #faults(schema: Schema, value: unknown, at: string): readonly string[] {
    if (schema.$ref !== undefined) {
      const target = this.#cut.schemas[schema.$ref.replace('#/schemas/', '')];
      return target === undefined
        ? [`${at}: ${schema.$ref} is not in the cut`]
        : this.#faults(target, value, at);
    }
    if (schema.anyOf !== undefined) {
      const all = schema.anyOf.map((one) => this.#faults(one, value, at));
      return all.some((faults) => faults.length === 0)
        ? []
        : (all.toSorted((one, other) => one.length - other.length)[0] ?? []);
    }
    if (schema.enum !== undefined && !schema.enum.includes(value)) {
      return [`${at} is none of ${schema.enum.join(', ')}`];
    }
    if (schema.type === 'array') {
      if (!Array.isArray(value)) return [`${at} is no array`];
      const items = schema.items ?? {};
      return value.flatMap((item: unknown, index) => this.#faults(items, item, `${at}[${index}]`));
    }
    if (schema.type === 'object') return this.#objectFaults(schema, value, at);
    if (schema.type === 'null') return value === null ? [] : [`${at} is not null`];
    if (schema.type === undefined || typeof value === schema.type) return [];
    return [`${at} is no ${schema.type}`];
  }

  #objectFaults(schema: Schema, value: unknown, at: string): readonly string[] {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no object`];
    const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name));
    return [
      ...missing.map((name) => `${at}.${name} is missing`),
      ...Object.entries(value).flatMap(([name, member]: readonly [string, unknown]) => {
        const documented = schema.properties?.[name] ?? schema.additionalProperties;
        return documented === undefined
          ? [`${at}.${name} is not documented`]
          : this.#faults(documented, member, `${at}.${name}`);
      }),
    ];
  }
}
