import type { ManifestObject } from './manifest.ts';
import { type Identity, memberOf } from './manifest-identity.ts';
import { editDistance, isNearlyOurs } from './mention.ts';
import { CERT_MANAGER_V1 } from './names.ts';
import { type OldVersion, oldVersionOf } from './old-versions.ts';
import { POLICY_V1ALPHA1 } from './policy-spec.ts';

/** What to do with a document, by its apiVersion and kind. */
export type Treatment =
  | { readonly do: 'skip' }
  | { readonly do: 'read'; readonly kind: ManifestObject['kind'] }
  /** A manifest of an API version before v1: read after it has been converted. */
  | { readonly do: 'convert'; readonly kind: CertManagerKind; readonly version: OldVersion }
  /** A Secret that nobody sealed: of no concern, unless it holds a private key. */
  | { readonly do: 'look-for-keys' }
  | {
      readonly do: 'tell';
      readonly severity: 'error' | 'warning';
      readonly rule: string;
      readonly field: 'apiVersion' | 'kind';
      readonly message: string;
    };

const SKIP: Treatment = { do: 'skip' };
const CERT_MANAGER_KINDS = ['Certificate', 'Issuer', 'ClusterIssuer'] as const;

type CertManagerKind = (typeof CERT_MANAGER_KINDS)[number];

function isCertManagerKind(kind: string | undefined): kind is CertManagerKind {
  return (CERT_MANAGER_KINDS as readonly (string | undefined)[]).includes(kind);
}

/** Decides by the table of the contract, 1.1. */
export function treatmentOf(identity: Identity, value: unknown): Treatment {
  const { apiVersion, kind } = identity;
  if (apiVersion === undefined) {
    if (!isCertManagerKind(kind)) return SKIP;
    return tell('error', 'required', 'apiVersion', `apiVersion: Required value: write ${CERT_MANAGER_V1}`);
  }
  const [group = ''] = apiVersion.split('/');
  if (apiVersion === 'v1') return treatCore(kind, value);
  if (group === 'cert-manager.io' || group === 'certmanager.k8s.io')
    return treatCertManager(apiVersion, kind);
  if (group === 'policy.cert-manager.io') {
    if (apiVersion === POLICY_V1ALPHA1 && kind === 'CertificateRequestPolicy') return { do: 'read', kind };
    const message = `${group} knows only ${POLICY_V1ALPHA1} CertificateRequestPolicy, not ${quoted(apiVersion)} ${quoted(kind)}`;
    return tell('error', 'unknown-kind', 'kind', `kind: ${message}`);
  }
  if (group === 'certops.dev') {
    if (apiVersion === 'certops.dev/v1alpha1' && kind === 'Repository') return { do: 'read', kind };
    const message = `certops.dev knows only certops.dev/v1alpha1 Repository, not ${quoted(apiVersion)} ${quoted(kind)}`;
    return tell('error', 'unknown-kind', 'kind', `kind: ${message}`);
  }
  if (!isNearlyOurs(group)) return SKIP;
  const message = `${quoted(apiVersion)} is nearly a group that certops reads; this document is skipped`;
  return tell('warning', 'near-miss', 'apiVersion', `apiVersion: ${message}`);
}

function treatCore(kind: string | undefined, value: unknown): Treatment {
  if (kind === 'Secret') {
    return memberOf(value, 'sops') === undefined ? { do: 'look-for-keys' } : { do: 'read', kind };
  }
  if (isCertManagerKind(kind)) {
    const message = `apiVersion: "v1" has no kind ${kind}; write ${CERT_MANAGER_V1}`;
    return tell('warning', 'near-miss', 'apiVersion', message);
  }
  if (kind !== 'List') return SKIP;
  const items = memberOf(value, 'items');
  const hasOurs =
    Array.isArray(items) &&
    items.some((item) => /^cert-?manager\.(?:k8s\.)?io\//.test(String(memberOf(item, 'apiVersion'))));
  if (!hasOurs) return SKIP;
  const message = 'the items of a List are not read; make a document of each';
  return tell('warning', 'list-skipped', 'kind', `kind: ${message}`);
}

function treatCertManager(apiVersion: string, kind: string | undefined): Treatment {
  if (apiVersion === CERT_MANAGER_V1 && isCertManagerKind(kind)) return { do: 'read', kind };
  const version = oldVersionOf(apiVersion);
  if (!isCertManagerKind(kind)) {
    const isKnown = apiVersion === CERT_MANAGER_V1 || version !== undefined;
    // Outputs of a cluster's cert-manager that people copied along; never inputs (contract 1.1).
    const isOutput = ['CertificateRequest', 'Order', 'Challenge'].includes(kind ?? '');
    return isKnown && !isOutput ? nearlyKind(apiVersion, kind) : SKIP;
  }
  if (version !== undefined) return { do: 'convert', kind, version };
  const message = `apiVersion: ${quoted(apiVersion)} is no version of cert-manager; write ${CERT_MANAGER_V1}`;
  return tell('error', 'unknown-api-version', 'apiVersion', message);
}

function nearlyKind(apiVersion: string, kind: string | undefined): Treatment {
  const meant = CERT_MANAGER_KINDS.find(
    (known) => editDistance(known.toLowerCase(), (kind ?? '').toLowerCase()) <= 2,
  );
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  return tell('warning', 'near-miss', 'kind', `kind: ${quoted(kind)} is no kind of ${apiVersion}${hint}`);
}

function tell(
  severity: 'error' | 'warning',
  rule: string,
  field: 'apiVersion' | 'kind',
  message: string,
): Treatment {
  return { do: 'tell', severity, rule, field, message };
}

function quoted(text: string | undefined): string {
  const line = (text ?? '').replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd');
  return `"${line.length > 80 ? `${line.slice(0, 79)}…` : line}"`;
}
