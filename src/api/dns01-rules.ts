import { isIP } from 'node:net';
import { DNS01_PROVIDERS, type Dns01Shape } from './dns01-schema.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import type { TsigAlgorithm } from './issuer.ts';
import { checkBundle, checkSecretKey, checkSecretName } from './secret-references.ts';

/** Checks `dns01` of a solver as cert-manager's webhook does (`ValidateACMEChallengeSolverDNS01`). */
export function checkDns01(errors: FieldErrors, path: FieldPath, dns01: Dns01Shape): void {
  const [first, ...others] = DNS01_PROVIDERS.filter((provider) => dns01[provider] !== undefined);
  for (const other of others) {
    errors.forbidden([...path, other], 'may not specify more than one provider type');
  }
  for (const [index, server] of (dns01.nameservers ?? []).entries()) {
    if (!isHttpsUrl(server) && !isHostAndPort(server)) {
      const detail = 'must be host:port or the https URL of a DNS-over-HTTPS server';
      errors.invalid([...path, 'nameservers', index], server, detail);
    }
  }
  if (first === undefined) {
    errors.required(path, 'no DNS01 provider configured');
    return;
  }
  // The others are too many; what else is wrong with them does not matter.
  const only: Dns01Shape = { [first]: dns01[first] };
  checkClouds(errors, path, only);
  checkTokens(errors, path, only);
  checkRfc2136(errors, [...path, 'rfc2136'], only.rfc2136);
}

function checkClouds(
  errors: FieldErrors,
  path: FieldPath,
  { cloudDNS, route53, azureDNS }: Dns01Shape,
): void {
  if (cloudDNS !== undefined) {
    if (cloudDNS.project === '') errors.required([...path, 'cloudDNS', 'project']);
    const { serviceAccountSecretRef: account } = cloudDNS;
    if (account !== undefined) {
      checkSecretKey(errors, [...path, 'cloudDNS', 'serviceAccountSecretRef'], account);
    }
  }
  if (route53 !== undefined) {
    const { accessKeyID, accessKeyIDSecretRef, secretAccessKeySecretRef } = route53;
    if (accessKeyIDSecretRef !== undefined) {
      if ((accessKeyID ?? '') !== '') {
        const detail = 'accessKeyID and accessKeyIDSecretRef cannot both be specified';
        errors.required([...path, 'route53'], detail);
      }
      checkSecretKey(errors, [...path, 'route53', 'accessKeyIDSecretRef'], accessKeyIDSecretRef);
    }
    // cert-manager writes an empty one itself.
    if ((secretAccessKeySecretRef?.name ?? '') !== '') {
      checkSecretName(errors, [...path, 'route53', 'secretAccessKeySecretRef'], secretAccessKeySecretRef);
    }
  }
  if (azureDNS !== undefined) checkAzure(errors, [...path, 'azureDNS'], azureDNS);
}

function checkAzure(errors: FieldErrors, path: FieldPath, azure: NonNullable<Dns01Shape['azureDNS']>): void {
  const { clientID = '', tenantID = '', clientSecretSecretRef: secret, managedIdentity: identity } = azure;
  if (azure.subscriptionID === '') errors.required([...path, 'subscriptionID']);
  if (azure.resourceGroupName === '') errors.required([...path, 'resourceGroupName']);
  const managed: FieldPath = [...path, 'managedIdentity'];
  if (clientID !== '' || tenantID !== '' || secret !== undefined) {
    if (clientID === '') errors.required([...path, 'clientID']);
    if (tenantID === '') errors.required([...path, 'tenantID']);
    if (secret === undefined) errors.required([...path, 'clientSecretSecretRef']);
    else checkSecretKey(errors, [...path, 'clientSecretSecretRef'], secret);
    if (identity !== undefined) {
      const detail =
        'managed identity cannot be used at the same time as clientID, clientSecretSecretRef or tenantID';
      errors.forbidden(managed, detail);
    }
    return;
  }
  if (identity === undefined) return;
  const [hasClient, hasResource, hasTenant] = [identity.clientID, identity.resourceID, identity.tenantID].map(
    (id) => (id ?? '') !== '',
  );
  if (hasClient && hasResource) {
    errors.forbidden(
      managed,
      'managedIdentityClientID and managedIdentityResourceID cannot both be specified',
    );
  }
  if (hasTenant && hasResource) {
    errors.forbidden(
      managed,
      'managedIdentityTenantID and managedIdentityResourceID cannot both be specified',
    );
  }
  if (hasTenant && !hasClient) {
    errors.required(managed, 'managedIdentityClientID is required when using managedIdentityTenantID');
  }
}

function checkTokens(errors: FieldErrors, path: FieldPath, dns01: Dns01Shape): void {
  const { akamai, cloudflare, digitalocean, acmeDNS, webhook } = dns01;
  if (akamai !== undefined) {
    const at: FieldPath = [...path, 'akamai'];
    if (akamai.serviceConsumerDomain === '') errors.required([...at, 'serviceConsumerDomain']);
    checkSecretKey(errors, [...at, 'clientTokenSecretRef'], akamai.clientTokenSecretRef);
    checkSecretKey(errors, [...at, 'clientSecretSecretRef'], akamai.clientSecretSecretRef);
    checkSecretKey(errors, [...at, 'accessTokenSecretRef'], akamai.accessTokenSecretRef);
  }
  if (cloudflare !== undefined) checkCloudflare(errors, [...path, 'cloudflare'], cloudflare);
  if (digitalocean !== undefined) {
    checkSecretKey(errors, [...path, 'digitalocean', 'tokenSecretRef'], digitalocean.tokenSecretRef);
  }
  if (acmeDNS !== undefined) {
    if (acmeDNS.host === '') errors.required([...path, 'acmeDNS', 'host']);
    checkSecretKey(errors, [...path, 'acmeDNS', 'accountSecretRef'], acmeDNS.accountSecretRef);
    checkBundle(errors, [...path, 'acmeDNS'], acmeDNS);
  }
  if (webhook?.solverName === '') {
    errors.required([...path, 'webhook', 'solverName'], 'solver name must be specified');
  }
}

function checkCloudflare(
  errors: FieldErrors,
  path: FieldPath,
  cloudflare: NonNullable<Dns01Shape['cloudflare']>,
): void {
  const { apiKeySecretRef: key, apiTokenSecretRef: token, email = '' } = cloudflare;
  if (key !== undefined) checkSecretKey(errors, [...path, 'apiKeySecretRef'], key);
  if (token !== undefined) checkSecretKey(errors, [...path, 'apiTokenSecretRef'], token);
  if (key !== undefined && token !== undefined) {
    errors.forbidden(path, 'apiKeySecretRef and apiTokenSecretRef cannot both be specified');
  }
  if (key === undefined && token === undefined) {
    errors.required(path, 'apiKeySecretRef or apiTokenSecretRef is required');
  }
  if (email === '' && key !== undefined) errors.required([...path, 'email']);
}

/** cert-manager's `tsigAlgorithm` values; compared without regard to case. */
export const TSIG_ALGORITHMS: readonly TsigAlgorithm[] = ['HMACMD5', 'HMACSHA1', 'HMACSHA256', 'HMACSHA512'];

function checkRfc2136(errors: FieldErrors, path: FieldPath, rfc2136: Dns01Shape['rfc2136']): void {
  if (rfc2136 === undefined) return;
  const { nameserver, tsigAlgorithm, tsigKeyName = '', tsigSecretSecretRef: secret } = rfc2136;
  if (nameserver === '') errors.required([...path, 'nameserver']);
  else if (!isHostAndPort(nameserver)) {
    const detail =
      'nameserver must be set in the form host:port where host is an IPv4 address, an enclosed IPv6 address or ' +
      'a hostname and port is an optional port number.';
    errors.invalid([...path, 'nameserver'], nameserver, detail);
  }
  if (tsigAlgorithm && !TSIG_ALGORITHMS.some((name) => name === tsigAlgorithm.toUpperCase())) {
    errors.notSupported([...path, 'tsigAlgorithm'], tsigAlgorithm, TSIG_ALGORITHMS);
  }
  if (tsigKeyName !== '') {
    checkSecretKey(errors, [...path, 'tsigSecretSecretRef'], secret ?? { name: '' });
  } else if (secret !== undefined && secret.name !== '' && (secret.key ?? '') !== '') {
    errors.required([...path, 'tsigKeyName']);
  }
}

function isHttpsUrl(text: string): boolean {
  return text.startsWith('https://') && URL.canParse(text);
}

/** cert-manager's `ValidNameserver`: a host with or without a port; IPv6 in brackets where a port follows. */
function isHostAndPort(text: string): boolean {
  const trimmed = text.trim();
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{0,5}))?$/.exec(trimmed) ?? [];
  if (port !== undefined && port !== '' && (Number(port) < 1 || Number(port) > 65_535)) return false;
  if (bracketed !== undefined) return isIP(bracketed) === 6 && !bracketed.includes('%');
  if (plain === undefined) return false;
  return /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?$/.test(plain);
}
