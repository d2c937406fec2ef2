import assert from 'node:assert/strict';
import test from 'node:test';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { acmeIssuerWith, problemLines } from './problem-text.ts';

/** A certificate that anybody may have: the self-signed one of a test CA. */
const BUNDLE = Buffer.from(
  `-----BEGIN CERTIFICATE-----
MIIBWDCB/6ADAgECAgEBMAoGCCqGSM49BAMCMA0xCzAJBgNVBAMMAmNhMB4XDTI0
-----END CERTIFICATE-----
`,
).toString('base64');

function issuer(...lines: readonly string[]): string {
  return [
    'apiVersion: cert-manager.io/v1',
    'kind: ClusterIssuer',
    'metadata: {name: x}',
    'spec:',
    ...lines,
    '',
  ].join('\n');
}

/** A solver with this under `dns01`, as a flow map. */
function dns01(members: string): string {
  return acmeIssuerWith('solvers:', `- dns01: {${members}}`);
}

function vault(auth: string, ...others: readonly string[]): string {
  return issuer(
    '  vault:',
    '    server: https://v.example',
    '    path: pki/sign/x',
    `    auth: {${auth}}`,
    ...others,
  );
}

function venafi(...lines: readonly string[]): string {
  return issuer('  venafi:', '    zone: team', ...lines.map((line) => `    ${line}`));
}

const REF = '{name: x, key: token}';

/** Accepted by cert-manager's webhook and CRDs, so accepted here, served or not. */
const VALID: readonly (readonly [name: string, text: string])[] = [
  ['cloudflare with a token', dns01(`cloudflare: {apiTokenSecretRef: ${REF}}`)],
  ['cloudflare with a key', dns01(`cloudflare: {email: a@b.example, apiKeySecretRef: ${REF}}`)],
  ['cloudDNS with ambient credentials', dns01('cloudDNS: {project: p}')],
  [
    'cloudDNS with an account',
    dns01(`cloudDNS: {project: p, hostedZoneName: z, serviceAccountSecretRef: ${REF}}`),
  ],
  ['route53 with ambient credentials', dns01('route53: {region: eu-central-1}')],
  ['route53 without a region', dns01('route53: {}')],
  [
    'route53 with keys',
    dns01(
      `route53: {region: x, accessKeyID: AKIA, secretAccessKeySecretRef: ${REF}, hostedZoneID: Z, role: arn}`,
    ),
  ],
  [
    'route53 with an account of the cluster',
    dns01('route53: {auth: {kubernetes: {serviceAccountRef: {name: x}}}}'),
  ],
  [
    'azureDNS with a service principal',
    dns01(
      `azureDNS: {subscriptionID: s, resourceGroupName: r, clientID: c, tenantID: t, clientSecretSecretRef: ${REF}}`,
    ),
  ],
  [
    'azureDNS with a managed identity',
    dns01('azureDNS: {subscriptionID: s, resourceGroupName: r, managedIdentity: {clientID: c, tenantID: t}}'),
  ],
  [
    'azureDNS with a private zone',
    dns01('azureDNS: {subscriptionID: s, resourceGroupName: r, zoneType: AzurePrivateZone}'),
  ],
  [
    'akamai',
    dns01(
      `akamai: {serviceConsumerDomain: d, clientTokenSecretRef: ${REF}, clientSecretSecretRef: ${REF}, accessTokenSecretRef: ${REF}}`,
    ),
  ],
  ['digitalocean', dns01(`digitalocean: {tokenSecretRef: ${REF}}`)],
  ['acmeDNS', dns01(`acmeDNS: {host: auth.example, accountSecretRef: ${REF}}`)],
  ['rfc2136 by address', dns01('rfc2136: {nameserver: 192.0.2.1}')],
  ['rfc2136 by address and port', dns01('rfc2136: {nameserver: "192.0.2.1:5353", protocol: UDP}')],
  ['rfc2136 by IPv6 address', dns01('rfc2136: {nameserver: "[2001:db8::1]:53"}')],
  [
    'rfc2136 with TSIG in lower case',
    dns01(
      `rfc2136: {nameserver: ns.example, tsigKeyName: k, tsigAlgorithm: hmacsha512, tsigSecretSecretRef: ${REF}}`,
    ),
  ],
  ['a webhook', dns01('webhook: {groupName: acme.example.com, solverName: s, config: {any: [thing]}}')],
  ['delegation by CNAME', dns01('cnameStrategy: Follow, cloudDNS: {project: p}')],
  [
    'nameservers',
    dns01('nameservers: ["192.0.2.1:53", "https://dns.example/dns-query"], cloudDNS: {project: p}'),
  ],
  [
    'an external account',
    acmeIssuerWith(`externalAccountBinding: {keyID: k, keySecretRef: ${REF}}`, 'profile: shortlived'),
  ],
  ['no solvers', acmeIssuerWith()],
  [
    'a gateway',
    acmeIssuerWith('solvers:', '- http01: {gatewayHTTPRoute: {parentRefs: [{kind: Gateway, name: g}]}}'),
  ],
  ['Vault by token', vault('tokenSecretRef: {name: x}')],
  ['Vault by AppRole', vault(`appRole: {path: approle, roleId: r, secretRef: ${REF}}`)],
  ['Vault by certificate', vault('clientCertificate: {secretName: s, name: role}')],
  ['Vault by service account', vault('kubernetes: {role: r, serviceAccountRef: {name: s}}')],
  [
    'Vault by a token of Kubernetes',
    vault(`kubernetes: {mountPath: /v1/auth/k, role: r, secretRef: ${REF}}`),
  ],
  ['Vault by AWS', vault('aws: {role: r, region: eu-central-1}')],
  [
    'Vault with several ways, of which the first is taken',
    vault('tokenSecretRef: {name: x}, aws: {role: r}'),
  ],
  [
    'Vault with client certificates',
    vault('tokenSecretRef: {name: x}', `    clientCertSecretRef: ${REF}`, `    clientKeySecretRef: ${REF}`),
  ],
  ['Venafi TPP', venafi('tpp: {url: "https://tpp.example/vedsdk", credentialsRef: {name: x}}')],
  ['Venafi Cloud', venafi(`cloud: {apiTokenSecretRef: ${REF}}`)],
  ['Venafi NGTS', venafi('ngts: {tsgID: "1", credentialsRef: {name: x}}')],
  ['a CA with URLs', issuer('  ca: {secretName: x, ocspServers: ["http://ocsp.example"]}')],
  ['SelfSigned with a CRL', issuer('  selfSigned: {crlDistributionPoints: ["http://crl.example/x"]}')],
];

for (const [name, text] of VALID) {
  test(`accepts ${name}`, () => {
    const { objects, problems } = readManifestFile(Buffer.from(text));

    assert.deepEqual(
      problems.filter(({ severity }) => severity === 'error'),
      [],
    );
    assert.equal(objects.length, 1);
  });
}

const SOLVER = 'spec.acme.solvers[0].dns01';

/** Refused as cert-manager refuses it: rule, field path, and what the sentence says. */
const INVALID: readonly (readonly [name: string, text: string, problem: string, words: string])[] = [
  ['a dns01 without a provider', dns01(''), `required ${SOLVER}`, 'no DNS01 provider configured'],
  ['an unknown provider', dns01('dnspod: {}'), `unknown-field ${SOLVER}.dnspod`, 'unknown field'],
  [
    'an unknown CNAME strategy',
    dns01('cnameStrategy: All, cloudDNS: {project: p}'),
    `invalid-value ${SOLVER}.cnameStrategy`,
    'Unsupported',
  ],
  [
    'a nameserver that is none',
    dns01('nameservers: ["a b"], cloudDNS: {project: p}'),
    `invalid-value ${SOLVER}.nameservers[0]`,
    'host:port',
  ],
  [
    'cloudflare without a credential',
    dns01('cloudflare: {}'),
    `required ${SOLVER}.cloudflare`,
    'apiKeySecretRef or apiTokenSecretRef is required',
  ],
  [
    'cloudflare with both credentials',
    dns01(`cloudflare: {email: a@b.example, apiKeySecretRef: ${REF}, apiTokenSecretRef: ${REF}}`),
    `invalid-value ${SOLVER}.cloudflare`,
    'cannot both be specified',
  ],
  [
    'cloudflare with a key and no account',
    dns01(`cloudflare: {apiKeySecretRef: ${REF}}`),
    `required ${SOLVER}.cloudflare.email`,
    'Required',
  ],
  [
    'a token without a key of its Secret',
    dns01('cloudflare: {apiTokenSecretRef: {name: x}}'),
    `required ${SOLVER}.cloudflare.apiTokenSecretRef.key`,
    'secret key is required',
  ],
  [
    'a token without a Secret',
    dns01('digitalocean: {tokenSecretRef: {key: token}}'),
    `required ${SOLVER}.digitalocean.tokenSecretRef.name`,
    'Required',
  ],
  [
    'a token of a Secret that climbs',
    dns01('digitalocean: {tokenSecretRef: {name: ../x, key: token}}'),
    `invalid-value ${SOLVER}.digitalocean.tokenSecretRef.name`,
    'RFC 1123',
  ],
  [
    'cloudDNS without a project',
    dns01('cloudDNS: {project: ""}'),
    `required ${SOLVER}.cloudDNS.project`,
    'Required',
  ],
  [
    'an account without a key',
    dns01('cloudDNS: {project: p, serviceAccountSecretRef: {name: x}}'),
    `required ${SOLVER}.cloudDNS.serviceAccountSecretRef.key`,
    'secret key',
  ],
  [
    'route53 with two key ids',
    dns01(`route53: {accessKeyID: A, accessKeyIDSecretRef: ${REF}}`),
    `required ${SOLVER}.route53`,
    'cannot both be specified',
  ],
  [
    'azureDNS without a subscription',
    dns01('azureDNS: {subscriptionID: "", resourceGroupName: r}'),
    `required ${SOLVER}.azureDNS.subscriptionID`,
    'Required',
  ],
  [
    'azureDNS without a resource group',
    dns01('azureDNS: {subscriptionID: s}'),
    `required ${SOLVER}.azureDNS.resourceGroupName`,
    'Required',
  ],
  [
    'half a service principal',
    dns01(`azureDNS: {subscriptionID: s, resourceGroupName: r, clientID: c, clientSecretSecretRef: ${REF}}`),
    `required ${SOLVER}.azureDNS.tenantID`,
    'Required',
  ],
  [
    'a service principal with a managed identity',
    dns01(
      `azureDNS: {subscriptionID: s, resourceGroupName: r, clientID: c, tenantID: t, clientSecretSecretRef: ${REF}, managedIdentity: {}}`,
    ),
    `invalid-value ${SOLVER}.azureDNS.managedIdentity`,
    'managed identity cannot be used',
  ],
  [
    'a managed identity with two ids',
    dns01(
      'azureDNS: {subscriptionID: s, resourceGroupName: r, managedIdentity: {clientID: c, resourceID: i}}',
    ),
    `invalid-value ${SOLVER}.azureDNS.managedIdentity`,
    'cannot both be specified',
  ],
  [
    'a managed identity with a tenant alone',
    dns01('azureDNS: {subscriptionID: s, resourceGroupName: r, managedIdentity: {tenantID: t}}'),
    `required ${SOLVER}.azureDNS.managedIdentity`,
    'is required when using managedIdentityTenantID',
  ],
  [
    'an unknown Azure cloud',
    dns01('azureDNS: {subscriptionID: s, resourceGroupName: r, environment: Moon}'),
    `invalid-value ${SOLVER}.azureDNS.environment`,
    'Unsupported',
  ],
  [
    'acmeDNS without a host',
    dns01(`acmeDNS: {host: "", accountSecretRef: ${REF}}`),
    `required ${SOLVER}.acmeDNS.host`,
    'Required',
  ],
  [
    'akamai without a domain',
    dns01(
      `akamai: {serviceConsumerDomain: "", clientTokenSecretRef: ${REF}, clientSecretSecretRef: ${REF}, accessTokenSecretRef: ${REF}}`,
    ),
    `required ${SOLVER}.akamai.serviceConsumerDomain`,
    'Required',
  ],
  [
    'rfc2136 without a server',
    dns01('rfc2136: {nameserver: ""}'),
    `required ${SOLVER}.rfc2136.nameserver`,
    'Required',
  ],
  [
    'rfc2136 with a bare IPv6 address',
    dns01('rfc2136: {nameserver: "2001:db8::1"}'),
    `invalid-value ${SOLVER}.rfc2136.nameserver`,
    'host:port',
  ],
  [
    'rfc2136 with port 0',
    dns01('rfc2136: {nameserver: "ns.example:0"}'),
    `invalid-value ${SOLVER}.rfc2136.nameserver`,
    'host:port',
  ],
  [
    'a TSIG key without a name',
    dns01(`rfc2136: {nameserver: ns.example, tsigSecretSecretRef: ${REF}}`),
    `required ${SOLVER}.rfc2136.tsigKeyName`,
    'Required',
  ],
  [
    'an unknown TSIG algorithm',
    dns01('rfc2136: {nameserver: ns.example, tsigAlgorithm: HMACSHA3}'),
    `invalid-value ${SOLVER}.rfc2136.tsigAlgorithm`,
    'Unsupported',
  ],
  [
    'an unknown protocol',
    dns01('rfc2136: {nameserver: ns.example, protocol: QUIC}'),
    `invalid-value ${SOLVER}.rfc2136.protocol`,
    'Unsupported',
  ],
  [
    'a webhook without a solver',
    dns01('webhook: {groupName: g.example, solverName: ""}'),
    `required ${SOLVER}.webhook.solverName`,
    'solver name must be specified',
  ],
  [
    'a parent without a kind',
    acmeIssuerWith('solvers:', '- http01: {gatewayHTTPRoute: {parentRefs: [{name: g}]}}'),
    'required spec.acme.solvers[0].http01.gatewayHTTPRoute.parentRefs[0].kind',
    'kind is required',
  ],
  [
    'an unknown service type',
    acmeIssuerWith('solvers:', '- http01: {ingress: {serviceType: LoadBalancer}}'),
    'invalid-value spec.acme.solvers[0].http01.ingress.serviceType',
    'Unsupported',
  ],
  [
    'two ways to name an ingress class',
    acmeIssuerWith('solvers:', '- http01: {ingress: {class: a, name: b}}'),
    'invalid-value spec.acme.solvers[0].http01.ingress',
    'only one of',
  ],
  [
    'an external account without an id',
    acmeIssuerWith(`externalAccountBinding: {keyID: "", keySecretRef: ${REF}}`),
    'required spec.acme.externalAccountBinding.keyID',
    'keyID field is required',
  ],
  [
    'an external account without a key',
    acmeIssuerWith('externalAccountBinding: {keyID: k, keySecretRef: {name: x}}'),
    'required spec.acme.externalAccountBinding.keySecretRef.key',
    'secret key is required',
  ],
  ['Vault without a way to log in', vault(''), 'required spec.vault.auth', 'please supply one of'],
  [
    'Vault without a server',
    vault('tokenSecretRef: {name: x}').replace('https://v.example', '""'),
    'required spec.vault.server',
    'Required',
  ],
  [
    'Vault with a bundle that is none',
    vault('tokenSecretRef: {name: x}', '    caBundle: aGVsbG8='),
    'invalid-value spec.vault.caBundle',
    'PEM certificates',
  ],
  [
    'Vault with half a client certificate',
    vault('tokenSecretRef: {name: x}', `    clientCertSecretRef: ${REF}`),
    'invalid-value spec.vault.clientKeySecretRef',
    'must be provided',
  ],
  [
    'Vault with half a client key',
    vault('tokenSecretRef: {name: x}', `    clientKeySecretRef: ${REF}`),
    'invalid-value spec.vault.clientCertSecretRef',
    'must be provided',
  ],
  [
    'AppRole without a role',
    vault(`appRole: {roleId: "", secretRef: ${REF}}`),
    'required spec.vault.auth.appRole.roleId',
    'Required',
  ],
  [
    'AppRole at a path that climbs',
    vault(`appRole: {path: a/../b, roleId: r, secretRef: ${REF}}`),
    'invalid-value spec.vault.auth.appRole.path',
    "'..'",
  ],
  [
    'Kubernetes without a role',
    vault('kubernetes: {role: "", serviceAccountRef: {name: s}}'),
    'required spec.vault.auth.kubernetes.role',
    'Required',
  ],
  [
    'Kubernetes without a credential',
    vault('kubernetes: {role: r}'),
    'required spec.vault.auth.kubernetes',
    'please supply one of',
  ],
  [
    'Kubernetes with two credentials',
    vault(`kubernetes: {role: r, secretRef: ${REF}, serviceAccountRef: {name: s}}`),
    'invalid-value spec.vault.auth.kubernetes',
    'please supply one of',
  ],
  [
    'AWS with an account and no role',
    vault('aws: {role: r, serviceAccountRef: {name: s}}'),
    'required spec.vault.auth.aws.iamRoleArn',
    'IRSA',
  ],
  [
    'Venafi without a zone',
    venafi(`cloud: {apiTokenSecretRef: ${REF}}`).replace('zone: team', 'zone: ""'),
    'required spec.venafi.zone',
    'Required',
  ],
  ['Venafi without a product', venafi(), 'required spec.venafi', 'please supply one of'],
  [
    'Venafi with two products',
    venafi(
      `cloud: {apiTokenSecretRef: ${REF}}`,
      'tpp: {url: "https://t.example", credentialsRef: {name: x}}',
    ),
    'invalid-value spec.venafi',
    'please supply one of',
  ],
  [
    'Venafi TPP without a URL',
    venafi('tpp: {url: "", credentialsRef: {name: x}}'),
    'required spec.venafi.tpp.url',
    'Required',
  ],
  [
    'Venafi NGTS without a group',
    venafi('ngts: {credentialsRef: {name: x}}'),
    'required spec.venafi.ngts.tsgID',
    'Required',
  ],
  [
    'Venafi NGTS without a credential',
    venafi('ngts: {tsgID: "1", credentialsRef: {name: ""}}'),
    'required spec.venafi.ngts.credentialsRef.name',
    'secret name is required',
  ],
  [
    'an issuer of two types, looked at as the first',
    issuer('  ca: {secretName: x}', '  venafi: {}'),
    'invalid-value spec.venafi',
    'more than one issuer type',
  ],
];

for (const [name, text, problem, words] of INVALID) {
  test(`refuses ${name} by the path of its field`, () => {
    const lines = problemLines(text).filter((line) => !line.includes(' no-effect '));

    assert.equal(lines.length, 1, lines.join('\n'));
    assert.equal(lines[0]?.split(' | ')[0]?.replace(/^\S+ /, ''), problem);
    assert.ok(lines[0]?.includes(words), lines[0]);
  });
}

test('refuses two bundles for Vault at both of them', () => {
  const text = vault(
    'tokenSecretRef: {name: x}',
    `    caBundle: ${BUNDLE}`,
    '    caBundleSecretRef: {name: b}',
  );

  const fields = problemLines(text).map((line) => line.split(' ')[2]);

  assert.ok(fields.includes('spec.vault.caBundleSecretRef'));
  assert.ok(fields.includes('spec.vault.caBundle'));
});

test('tells that keyAlgorithm of an external account is not heeded', () => {
  const text = acmeIssuerWith(
    `externalAccountBinding: {keyID: k, keyAlgorithm: HS256, keySecretRef: ${REF}}`,
  );

  const { problems } = readManifestFile(Buffer.from(text));

  assert.deepEqual(
    problems.map(({ severity, rule, field }) => [severity, rule, field]),
    [['warning', 'deprecated-field', 'spec.acme.externalAccountBinding.keyAlgorithm']],
  );
});
