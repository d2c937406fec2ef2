/** A Certificate `web/<name>` as people write it. */
export function certificateText(name: string, spec: Readonly<Record<string, string>> = {}): string {
  const { secretName = `${name}-tls`, issuer = 'ca', ...more } = spec;
  return [
    'apiVersion: cert-manager.io/v1',
    'kind: Certificate',
    `metadata: {name: ${name}, namespace: web}`,
    'spec:',
    `  secretName: ${secretName}`,
    `  dnsNames: [${name}.example.com]`,
    `  issuerRef: {name: ${issuer}}`,
    ...Object.entries(more).map(([key, value]) => `  ${key}: ${value}`),
    '',
  ].join('\n');
}

export const CA_ISSUER = `apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: ca, namespace: web}
spec: {ca: {secretName: ca-pair}}
`;

/** `certops.yaml` with these lines of its spec. */
export function settingsText(...lines: readonly string[]): string {
  return [
    'apiVersion: certops.dev/v1alpha1',
    'kind: Repository',
    'metadata: {name: certificates}',
    'spec:',
    '  exclude: [never/**]',
    ...lines.map((line) => `  ${line}`),
    '',
  ].join('\n');
}
