import { readFileSync } from 'node:fs';

/** A JSON Schema as Swagger 2.0 has it, as far as the cut uses it. */
interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly $ref?: string;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly schema: Schema }[];
  readonly responses: Readonly<Record<string, { readonly schema?: Schema }>>;
}

/** The cut of Gitea's description of its API, and what differs from it. */
export class GiteaSwagger {
  readonly #definitions: Readonly<Record<string, Schema>>;
  readonly #operations: ReadonlyMap<string, Operation>;

  private constructor(
    definitions: Readonly<Record<string, Schema>>,
    operations: ReadonlyMap<string, Operation>,
  ) {
    this.#definitions = definitions;
    this.#operations = operations;
  }

  static read(): GiteaSwagger {
    const file = new URL('../../fixtures/forges/gitea-swagger.json', import.meta.url);
    // Our own fixture.
    const { paths, definitions } = JSON.parse(readFileSync(file, 'utf8')) as {
      paths: Record<string, Record<string, Operation>>;
      definitions: Record<string, Schema>;
    };
    const operations = Object.values(paths).flatMap((path) => Object.values(path));
    return new GiteaSwagger(definitions, new Map(operations.map((one) => [one.operationId, one])));
  }

  /** How an answer differs from what is documented for its operation; 401 and 5xx are everywhere. */
  answerFaults(operationId: string, status: number, body: unknown): readonly string[] {
    const response = this.#operations.get(operationId)?.responses[String(status)];
    if (response === undefined) {
      const isGeneral = status === 401 || status === 403 || status === 423 || status >= 500;
      return isGeneral ? [] : [`${operationId}: ${status} is not documented`];
    }
    if (response.schema === undefined || (status >= 400 && body === undefined)) return [];
    return this.#faults(response.schema, body, `${operationId} ${status}`);
  }

  /** How a request's body differs from what is documented. */
  requestFaults(operationId: string, body: unknown): readonly string[] {
    const schema = this.#operations.get(operationId)?.parameters?.[0]?.schema;
    if (schema === undefined) return body === undefined ? [] : [`${operationId}: takes no body`];
    return this.#faults(schema, body, `${operationId} body`);
  }

  #faults(schema: Schema, value: unknown, at: string): readonly string[] {
    if (schema.$ref !== undefined) {
      const target = this.#definitions[schema.$ref.replace('#/definitions/', '')];
      return target === undefined
        ? [`${at}: ${schema.$ref} is not in the cut`]
        : this.#faults(target, value, at);
    }
    // Go writes null for a nil pointer, map or slice, whatever the description says.
    if (value === null || schema.type === undefined) return [];
    if (schema.type === 'array') {
      if (!Array.isArray(value)) return [`${at} is no array`];
      const items = schema.items ?? {};
      return value.flatMap((item: unknown, index) => this.#faults(items, item, `${at}[${index}]`));
    }
    if (schema.type === 'object') {
      if (typeof value !== 'object' || Array.isArray(value)) return [`${at} is no object`];
      return this.#memberFaults(schema, value, at);
    }
    if (schema.type === 'integer') return Number.isInteger(value) ? [] : [`${at} is no integer`];
    if (typeof value !== schema.type) return [`${at} is no ${schema.type}`];
    if (schema.format === 'date-time' && !RFC3339.test(String(value))) return [`${at} is no date-time`];
    if (schema.enum !== undefined && !schema.enum.includes(String(value)))
      return [`${at} is none of its enum`];
    return [];
  }

  #memberFaults({ required = [], properties }: Schema, value: object, at: string): readonly string[] {
    if (properties === undefined) return [];
    const missing = required.filter((key) => !(key in value)).map((key) => `${at}.${key} is missing`);
    const wrong = Object.entries(value).flatMap(([key, member]) => {
      const schema = properties[key];
      return schema === undefined
        ? [`${at}.${key} is not documented`]
        : this.#faults(schema, member, `${at}.${key}`);
    });
    return [...missing, ...wrong];
  }
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/;
