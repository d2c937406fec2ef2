import { readCaBundle } from './ca-bundle.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import { checkName } from './kubernetes-names.ts';
import type { SecretKeyRefShape } from './metadata.ts';

/** Checks a reference to one key of a Secret, where cert-manager asks for both (`ValidateSecretKeySelector`). */
export function checkSecretKey(errors: FieldErrors, path: FieldPath, ref: SecretKeyRefShape): void {
  checkSecretName(errors, path, ref);
  if ((ref.key ?? '') === '') errors.required([...path, 'key'], 'secret key is required');
}

/** Checks a reference to a Secret whose key has a default. */
export function checkSecretName(
  errors: FieldErrors,
  path: FieldPath,
  ref: { readonly name: string } | undefined,
): void {
  if (ref === undefined) return;
  if (ref.name === '') errors.required([...path, 'name'], 'secret name is required');
  else checkName(errors, [...path, 'name'], ref.name);
}

interface BundleShape {
  readonly caBundle?: string | undefined;
}

/** Checks a `caBundle` that stands beside other members at `path`. */
export function checkBundle(errors: FieldErrors, path: FieldPath, { caBundle }: BundleShape): void {
  if ((caBundle ?? '') === '') return;
  const bundle = readCaBundle(caBundle ?? '');
  if ('fault' in bundle) errors.invalid([...path, 'caBundle'], '', bundle.fault);
}
