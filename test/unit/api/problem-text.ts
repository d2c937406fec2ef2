import { readManifestFile } from '../../../src/api/read-manifests.ts';

/** One problem as a line: `7:13 invalid-value spec.dnsNames[0]`, after it the message. */
export function problemLines(text: string): readonly string[] {
  const { problems } = readManifestFile(new TextEncoder().encode(text));
  return problems.map(
    ({ position, rule, field, message }) =>
      `${position.line}:${position.column} ${rule} ${field} | ${message}`,
  );
}

/** A Certificate that is valid but for the given lines, which begin at line 8 of the file. */
export function certificateWith(...lines: readonly string[]): string {
  return [
    'apiVersion: cert-manager.io/v1',
    'kind: Certificate',
    'metadata: {name: www, namespace: web}',
    'spec:',
    '  secretName: www-tls',
    '  issuerRef: {name: ca}',
    '  uris: ["spiffe://cluster.local/ns/web"]',
    ...lines.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

/** An ACME issuer that is valid but for the given lines, which begin at line 8 of the file. */
export function acmeIssuerWith(...lines: readonly string[]): string {
  return [
    'apiVersion: cert-manager.io/v1',
    'kind: Issuer',
    'metadata: {name: le, namespace: web}',
    'spec:',
    '  acme:',
    '    server: https://acme.example.com/directory',
    '    privateKeySecretRef: {name: le-account}',
    ...lines.map((line) => `    ${line}`),
    '',
  ].join('\n');
}
