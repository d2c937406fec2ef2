import { CertopsError } from '../lib/errors.ts';

const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/** RFC 8555, section 8.3: a token becomes part of a path, so nothing else is taken. Throws `solvers.bad-token`. */
export function requireToken({
  token,
  identifier,
}: {
  readonly token: string;
  readonly identifier: string;
}): void {
  if (TOKEN.test(token)) return;
  throw new CertopsError(
    'solvers.bad-token',
    { what: `The challenge token for ${identifier} is not base64url of at most 128 characters` },
    { retry: { when: 'never' }, data: { identifier } },
  );
}

/** `solvers.token-conflict`: whoever was first goes on. Tokens are the CA's, and another CA may choose the same. */
export function tokenConflict(identifier: string): CertopsError {
  return new CertopsError(
    'solvers.token-conflict',
    { what: `The challenge token for ${identifier} is already shown for another account` },
    { data: { identifier } },
  );
}
