import type { ApiAnswer, ApiRequest } from './api-front.ts';

/** A refusal in the middle of a request. */
export class GitlabRefusal extends Error {
  readonly answer: ApiAnswer;

  constructor(status: number, body: unknown) {
    super(`refused with ${status}`);
    this.answer = { status, body };
  }
}

/** `{"message": …}`: of the application; `{"error": …}` (`parameter`): of the API's own checks of parameters. */
export function refuse(status: number, message: unknown): never {
  throw new GitlabRefusal(status, { message });
}

export function refuseParameter(error: string): never {
  throw new GitlabRefusal(400, { error });
}

type Parameters = Readonly<Record<string, unknown>>;

/**
 * The parameters of a request: body or query. GitLab ignores those that it does not know; here they are a defect of the
 * client, told by an error that is none of GitLab's.
 */
export function readParameters(request: ApiRequest, documented: readonly string[]): Parameters {
  const given: Record<string, unknown> = {};
  for (const [name, value] of request.query) given[name] = value;
  if (request.body !== undefined) {
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
      throw new GitlabRefusal(415, { error: 'The provided content-type is not supported.' });
    }
    Object.assign(given, request.body);
  }
  const foreign = Object.keys(given).filter((name) => !documented.includes(name));
  if (foreign.length > 0) throw new Error(`not documented: ${foreign.join(', ')}`);
  return given;
}

export function textOf(parameters: Parameters, name: string): string | undefined {
  const value = parameters[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') refuseParameter(`${name} is invalid`);
  return value;
}

export function requiredText(parameters: Parameters, name: string): string {
  return textOf(parameters, name) ?? refuseParameter(`${name} is missing`);
}

export function choiceOf<const V extends string>(
  parameters: Parameters,
  name: string,
  values: readonly V[],
): V | undefined {
  const value = textOf(parameters, name);
  if (value === undefined) return undefined;
  return values.find((one) => one === value) ?? refuseParameter(`${name} does not have a valid value`);
}

/** `a,b` or `["a", "b"]`. */
export function listOf(parameters: Parameters, name: string): readonly string[] | undefined {
  const value = parameters[name];
  if (value === undefined) return undefined;
  return (Array.isArray(value) ? value : [value])
    .flatMap((one) => String(one).split(','))
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** One page, with the headers that docs.gitlab.com, "Pagination", names. */
export function paginated(
  url: string,
  query: URLSearchParams,
  all: readonly unknown[],
  isCounted = true,
): ApiAnswer {
  const page = Math.max(Number(query.get('page') ?? 1), 1);
  const perPage = Math.min(Math.max(Number(query.get('per_page') ?? 20), 1), 100);
  if (!Number.isInteger(page)) refuseParameter('page is invalid');
  if (!Number.isInteger(perPage)) refuseParameter('per_page is invalid');
  const pages = Math.max(Math.ceil(all.length / perPage), 1);
  const link = (relation: string, target: number): string => {
    const parameters = new URLSearchParams(query);
    parameters.set('page', String(target));
    parameters.set('per_page', String(perPage));
    return `<${url}?${parameters}>; rel="${relation}"`;
  };
  const links = [
    ...(page > 1 ? [link('prev', page - 1)] : []),
    ...(page < pages ? [link('next', page + 1)] : []),
    link('first', 1),
    ...(isCounted ? [link('last', pages)] : []),
  ];
  return {
    status: 200,
    headers: {
      link: links.join(', '),
      'x-page': String(page),
      'x-per-page': String(perPage),
      'x-prev-page': page > 1 ? String(page - 1) : '',
      // Where counting is dear (over 10,000) the totals are left out.
      ...(isCounted
        ? {
            'x-next-page': page < pages ? String(page + 1) : '',
            'x-total': String(all.length),
            'x-total-pages': String(pages),
          }
        : {}),
    },
    body: all.slice((page - 1) * perPage, page * perPage),
  };
}
