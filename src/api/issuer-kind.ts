import { readAcme } from './acme-kind.ts';
import { readIssuerRetry } from './certificate-annotations.ts';
import { uriFault } from './certificate-names.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import type { Issuer, IssuerSpec } from './issuer.ts';
import type { IssuerShape } from './issuer-schema.ts';
import { checkName, checkPathLength, longestPath } from './kubernetes-names.ts';
import type { ObjectName } from './names.ts';
import { checkVault } from './vault-rules.ts';
import { checkVenafi } from './venafi-rules.ts';

/** An Issuer without the positions of its unserved fields, and the paths of those. */
export interface ReadIssuer {
  readonly issuer: Omit<Issuer, 'unserved'>;
  readonly unserved: readonly FieldPath[];
}

const TYPES = ['acme', 'ca', 'selfSigned', 'vault', 'venafi'] as const;

/**
 * Validates an Issuer or ClusterIssuer of the right shape as cert-manager's webhook does
 * (`internal/apis/certmanager/validation/issuer.go`). Undefined where it has no issuer type, or several.
 */
export function readIssuer(
  errors: FieldErrors,
  shape: IssuerShape,
  kind: 'Issuer' | 'ClusterIssuer',
  name: ObjectName,
): ReadIssuer | undefined {
  checkPathLength(errors, ['metadata', 'name'], name.name, longestPath(kind, name));
  const retryRequestedAt = readIssuerRetry(errors, shape.metadata.annotations ?? {});
  // `<name>.key.yaml` is where the account key of the issuer `<name>` stands.
  if (name.name.endsWith('.key')) errors.invalid(['metadata', 'name'], name.name, 'must not end in ".key"');
  const [first, ...others] = TYPES.filter((type) => shape.spec[type] !== undefined);
  for (const other of others) {
    errors.forbidden(['spec', other], 'may not specify more than one issuer type');
  }
  if (first === undefined) errors.required(['spec'], 'at least one issuer must be configured');
  const read = readSpec(errors, shape.spec);
  return read === undefined
    ? undefined
    : {
        issuer: {
          ...{ kind, name, spec: read.spec },
          ...(retryRequestedAt === undefined ? {} : { retryRequestedAt }),
        },
        unserved: read.unserved,
      };
}

interface ReadSpec {
  readonly spec: IssuerSpec;
  readonly unserved: readonly FieldPath[];
}

function readSpec(errors: FieldErrors, spec: IssuerShape['spec']): ReadSpec | undefined {
  const { acme, ca, selfSigned, vault, venafi } = spec;
  if (acme !== undefined) return readAcme(errors, acme);
  if (ca !== undefined) {
    checkName(errors, ['spec', 'ca', 'secretName'], ca.secretName);
    checkUrls(errors, ['spec', 'ca', 'crlDistributionPoints'], ca.crlDistributionPoints ?? []);
    checkUrls(errors, ['spec', 'ca', 'ocspServers'], ca.ocspServers ?? []);
    checkUrls(errors, ['spec', 'ca', 'issuingCertificateURLs'], ca.issuingCertificateURLs ?? []);
    return {
      spec: {
        type: 'ca',
        secretName: ca.secretName,
        crlDistributionPoints: ca.crlDistributionPoints ?? [],
        ocspServers: ca.ocspServers ?? [],
        issuingCertificateURLs: ca.issuingCertificateURLs ?? [],
      },
      unserved: [],
    };
  }
  if (selfSigned !== undefined) {
    const crlDistributionPoints = selfSigned.crlDistributionPoints ?? [];
    checkUrls(errors, ['spec', 'selfSigned', 'crlDistributionPoints'], crlDistributionPoints);
    return { spec: { type: 'selfSigned', crlDistributionPoints }, unserved: [] };
  }
  if (vault !== undefined) {
    checkVault(errors, vault);
    return { spec: { type: 'vault' }, unserved: [['spec', 'vault']] };
  }
  if (venafi !== undefined) {
    checkVenafi(errors, venafi);
    return { spec: { type: 'venafi' }, unserved: [['spec', 'venafi']] };
  }
  return undefined;
}

function checkUrls(errors: FieldErrors, path: FieldPath, urls: readonly string[]): void {
  for (const [index, url] of urls.entries()) {
    if (uriFault(url) !== undefined) errors.invalid([...path, index], url, 'must be a valid URL');
  }
}
