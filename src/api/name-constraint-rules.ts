import { isIP } from 'node:net';
import type { CertificateSpecShape } from './certificate-schema.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';

type ConstraintsShape = NonNullable<CertificateSpecShape['nameConstraints']>;

const PATH: FieldPath = ['spec', 'nameConstraints'];

/**
 * Checks `spec.nameConstraints` as cert-manager's webhook does, and what no certificate could hold (RFC 5280,
 * 4.2.1.10): cert-manager takes that, and then fails to make the request.
 */
export function checkNameConstraints(
  errors: FieldErrors,
  constraints: ConstraintsShape | undefined,
  isCA: boolean,
): void {
  if (constraints === undefined) return;
  const { permitted, excluded } = constraints;
  if (!isCA) errors.invalid(PATH, '', 'isCa should be true when nameConstraints is set');
  if (permitted === undefined && excluded === undefined) {
    errors.invalid(PATH, '', 'either permitted or excluded must be set');
  }
  checkItem(errors, [...PATH, 'permitted'], permitted ?? {});
  checkItem(errors, [...PATH, 'excluded'], excluded ?? {});
}

function checkItem(
  errors: FieldErrors,
  path: FieldPath,
  item: NonNullable<ConstraintsShape['permitted']>,
): void {
  for (const [index, range] of (item.ipRanges ?? []).entries()) {
    if (!isRange(range)) {
      const detail = 'must be a range of addresses in CIDR form, for example 10.0.0.0/8';
      errors.invalid([...path, 'ipRanges', index], range, detail);
    }
  }
  for (const list of ['dnsDomains', 'emailAddresses', 'uriDomains'] as const) {
    for (const [index, name] of (item[list] ?? []).entries()) {
      if (/^[\x21-\x7e]+$/.test(name)) continue;
      errors.invalid(
        [...path, list, index],
        name,
        'must be written in ASCII without spaces, and must not be empty',
      );
    }
  }
}

function isRange(text: string): boolean {
  const [, address = '', bits = ''] = /^([^/%]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}
