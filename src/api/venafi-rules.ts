import type { FieldErrors, FieldPath } from './field-error.ts';
import type { VenafiShape } from './issuer-schema.ts';
import { checkBundle, checkSecretName } from './secret-references.ts';

const VENAFI: FieldPath = ['spec', 'venafi'];

/** Checks `spec.venafi` as cert-manager's webhook does (`ValidateVenafiIssuerConfig`). */
export function checkVenafi(errors: FieldErrors, venafi: VenafiShape): void {
  const { tpp, cloud, ngts } = venafi;
  if ((venafi.zone ?? '') === '') errors.required([...VENAFI, 'zone']);
  const products = [tpp, cloud, ngts].filter((product) => product !== undefined);
  if (products.length === 0) errors.required(VENAFI, 'please supply one of: tpp, cloud, ngts');
  if (products.length > 1) errors.forbidden(VENAFI, 'please supply one of: tpp, cloud, ngts');
  if (tpp !== undefined) checkTpp(errors, [...VENAFI, 'tpp'], tpp);
  if (cloud !== undefined) {
    checkSecretName(errors, [...VENAFI, 'cloud', 'apiTokenSecretRef'], cloud.apiTokenSecretRef);
  }
  if (ngts !== undefined) {
    if ((ngts.tsgID ?? '') === '') errors.required([...VENAFI, 'ngts', 'tsgID']);
    checkSecretName(errors, [...VENAFI, 'ngts', 'credentialsRef'], ngts.credentialsRef);
  }
}

function checkTpp(errors: FieldErrors, path: FieldPath, tpp: NonNullable<VenafiShape['tpp']>): void {
  if (tpp.url === '') errors.required([...path, 'url']);
  checkSecretName(errors, [...path, 'credentialsRef'], tpp.credentialsRef);
  checkSecretName(errors, [...path, 'caBundleSecretRef'], tpp.caBundleSecretRef);
  checkBundle(errors, path, tpp);
  if ((tpp.caBundle ?? '') !== '' && tpp.caBundleSecretRef !== undefined) {
    errors.forbidden(path, 'may not specify more than one of caBundle/caBundleSecretRef as TPP CA Bundle');
  }
}
