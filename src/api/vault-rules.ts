import type { FieldErrors, FieldPath } from './field-error.ts';
import type { VaultShape } from './issuer-schema.ts';
import { checkBundle, checkSecretName } from './secret-references.ts';

const VAULT: FieldPath = ['spec', 'vault'];
const AUTH: FieldPath = [...VAULT, 'auth'];

/** Checks `spec.vault` as cert-manager's webhook does (`ValidateVaultIssuerConfig`). */
export function checkVault(errors: FieldErrors, vault: VaultShape): void {
  if (vault.server === '') errors.required([...VAULT, 'server']);
  if (vault.path === '') errors.required([...VAULT, 'path']);
  checkSegments(errors, [...VAULT, 'path'], vault.path);
  checkBundle(errors, VAULT, vault);
  if ((vault.caBundle ?? '') !== '' && vault.caBundleSecretRef !== undefined) {
    const [bundle, ref] = ['caBundle', 'caBundleSecretRef'];
    errors.invalid([...VAULT, bundle], '', `specified ${bundle} and ${ref} cannot be used together`);
    const { name } = vault.caBundleSecretRef;
    errors.invalid([...VAULT, ref], name, `specified ${ref} and ${bundle} cannot be used together`);
  }
  checkSecretName(errors, [...VAULT, 'caBundleSecretRef'], vault.caBundleSecretRef);
  checkClientPair(errors, vault);
  checkAuth(errors, vault.auth);
}

function checkClientPair(errors: FieldErrors, vault: VaultShape): void {
  const { clientCertSecretRef: certificate, clientKeySecretRef: key } = vault;
  const [certificatePath, keyPath] = [
    [...VAULT, 'clientCertSecretRef'],
    [...VAULT, 'clientKeySecretRef'],
  ];
  if (certificate !== undefined && key === undefined) {
    const detail = 'clientKeySecretRef must be provided when defining the clientCertSecretRef';
    errors.invalid(keyPath, '', detail);
  }
  if (certificate === undefined && key !== undefined) {
    const detail = 'clientCertSecretRef must be provided when defining the clientKeySecretRef';
    errors.invalid(certificatePath, '', detail);
  }
  checkSecretName(errors, certificatePath, certificate);
  checkSecretName(errors, keyPath, key);
}

function checkAuth(errors: FieldErrors, auth: VaultShape['auth']): void {
  const { tokenSecretRef, appRole, clientCertificate, kubernetes, aws } = auth;
  // Several are accepted, as by cert-manager: it takes the first.
  if ([tokenSecretRef, appRole, clientCertificate, kubernetes, aws].every((each) => each === undefined)) {
    const detail = 'please supply one of: appRole, kubernetes, tokenSecretRef, clientCertificate, aws';
    errors.required(AUTH, detail);
  }
  checkSecretName(errors, [...AUTH, 'tokenSecretRef'], tokenSecretRef);
  if (appRole !== undefined) {
    if (appRole.roleId === '') errors.required([...AUTH, 'appRole', 'roleId']);
    checkSecretName(errors, [...AUTH, 'appRole', 'secretRef'], appRole.secretRef);
    checkSegments(errors, [...AUTH, 'appRole', 'path'], appRole.path);
  }
  checkSegments(errors, [...AUTH, 'clientCertificate', 'mountPath'], clientCertificate?.mountPath);
  checkKubernetes(errors, [...AUTH, 'kubernetes'], kubernetes);
  checkAws(errors, [...AUTH, 'aws'], aws);
}

function checkKubernetes(
  errors: FieldErrors,
  path: FieldPath,
  kubernetes: VaultShape['auth']['kubernetes'],
): void {
  if (kubernetes === undefined) return;
  if (kubernetes.role === '') errors.required([...path, 'role']);
  checkSegments(errors, [...path, 'mountPath'], kubernetes.mountPath);
  const { secretRef, serviceAccountRef } = kubernetes;
  checkSecretName(errors, [...path, 'secretRef'], secretRef);
  if (serviceAccountRef !== undefined && !serviceAccountRef.name) {
    errors.required([...path, 'serviceAccountRef', 'name']);
  }
  const detail = 'please supply one of: secretRef, serviceAccountRef';
  if (secretRef === undefined && serviceAccountRef === undefined) errors.required(path, detail);
  if (secretRef !== undefined && serviceAccountRef !== undefined) errors.forbidden(path, detail);
}

function checkAws(errors: FieldErrors, path: FieldPath, aws: VaultShape['auth']['aws']): void {
  if (aws === undefined) return;
  if (aws.role === '') errors.required([...path, 'role']);
  checkSegments(errors, [...path, 'mountPath'], aws.mountPath);
  if (aws.serviceAccountRef === undefined) return;
  if (!aws.serviceAccountRef.name) errors.required([...path, 'serviceAccountRef', 'name']);
  if ((aws.iamRoleArn ?? '') === '') {
    errors.required([...path, 'iamRoleArn'], 'iamRoleArn is required when using serviceAccountRef for IRSA');
  }
}

function checkSegments(errors: FieldErrors, path: FieldPath, value: string | undefined): void {
  if (value?.split('/').includes('..') === true) {
    errors.invalid(path, value, "must not contain '..' path segments");
  }
}
