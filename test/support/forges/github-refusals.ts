import type { ApiAnswer } from './api-front.ts';

const DOCUMENTATION = 'https://docs.github.com/rest';

/** Errors as GitHub words them ("Troubleshooting the REST API", and what it is seen to answer). */
export function refused(status: number, message: string, page = DOCUMENTATION): ApiAnswer {
  return { status, body: { message, documentation_url: page, status: String(status) } };
}

/** One of the `errors` of a 422; `custom` has a message, the other codes none. */
export interface FieldFault {
  readonly resource: string;
  readonly code: 'missing' | 'missing_field' | 'invalid' | 'already_exists' | 'unprocessable' | 'custom';
  readonly field?: string;
  readonly message?: string;
}

export function invalid(...errors: readonly FieldFault[]): ApiAnswer {
  return { status: 422, body: { message: 'Validation Failed', errors, documentation_url: DOCUMENTATION } };
}

/** A 422 without `errors`. */
export function unprocessable(message: string): ApiAnswer {
  return { status: 422, body: { message, documentation_url: DOCUMENTATION } };
}

export function tooLong(resource: string, field: string, maximum: number): ApiAnswer {
  const message = `${field} is too long (maximum is ${maximum} characters)`;
  return invalid({ resource, code: 'custom', field, message });
}

export const NOT_FOUND = refused(404, 'Not Found');
export const BAD_CREDENTIALS = refused(401, 'Bad credentials');
export const NOT_FOR_INTEGRATIONS = refused(403, 'Resource not accessible by integration');
export const MALFORMED = refused(400, 'Problems parsing JSON');

/** The secondary limit says Retry-After; the primary one says that nothing remains, and when that ends. */
export function limited(retryAfterSeconds: number | undefined, now: Date): ApiAnswer {
  if (retryAfterSeconds !== undefined) {
    const page = `${DOCUMENTATION}/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits`;
    const message =
      'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
    return { ...refused(403, message, page), headers: { 'retry-after': String(retryAfterSeconds) } };
  }
  const resetSeconds = Math.floor(now.getTime() / 1000) + 1800;
  return {
    ...refused(403, 'API rate limit exceeded for user ID 1.', `${DOCUMENTATION}/rate-limit`),
    headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(resetSeconds) },
  };
}
