import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findingsOf } from '../../src/api/lint/lint-files.ts';
import { LINT_RULES } from '../../src/api/lint/rules.ts';
import { readManifestFile } from '../../src/api/read-manifests.ts';
import { acmeIssuerWith } from '../unit/api/problem-text.ts';
import { FIELD_FACTS, renderFieldReference } from './field-reference.ts';

const docs = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../docs');

for (const kind of ['Certificate', 'Issuer', 'CertificateRequestPolicy', 'Repository'] as const) {
  test(`docs/fields.md has the table of ${kind} as the schema makes it`, () => {
    const text = readFileSync(path.join(docs, 'fields.md'), 'utf8');

    assert.ok(text.includes(`\n${renderFieldReference(kind)}\n`), renderFieldReference(kind));
  });
}

test('docs/lint.md explains every rule that there is, and no other', () => {
  const text = readFileSync(path.join(docs, 'lint.md'), 'utf8');

  const explained = [...text.matchAll(/^\| `(?<rule>[a-z0-9-]+)` \|/gm)].map(({ groups }) => groups?.rule);

  assert.deepEqual(explained.toSorted(), Object.keys(LINT_RULES).toSorted());
});

const REF = '{name: x, key: token}';

function dns01With(provider: string): string {
  return acmeIssuerWith('solvers:', `- dns01: {${provider}}`);
}

/** A manifest that has the field, by the field's path in the reference. */
const WITH_UNSERVED: Readonly<Record<string, string>> = {
  'spec.acme.solvers[].dns01.akamai': dns01With(
    `akamai: {serviceConsumerDomain: x, clientTokenSecretRef: ${REF}, clientSecretSecretRef: ${REF}, accessTokenSecretRef: ${REF}}`,
  ),
  'spec.acme.solvers[].dns01.cloudDNS': dns01With('cloudDNS: {project: p}'),
  'spec.acme.solvers[].dns01.cloudflare': dns01With(`cloudflare: {apiTokenSecretRef: ${REF}}`),
  'spec.acme.solvers[].dns01.route53': dns01With('route53: {}'),
  'spec.acme.solvers[].dns01.azureDNS': dns01With('azureDNS: {subscriptionID: s, resourceGroupName: r}'),
  'spec.acme.solvers[].dns01.digitalocean': dns01With(`digitalocean: {tokenSecretRef: ${REF}}`),
  'spec.acme.solvers[].dns01.acmeDNS': dns01With(`acmeDNS: {host: h, accountSecretRef: ${REF}}`),
  'spec.acme.solvers[].dns01.webhook': dns01With('webhook: {groupName: g, solverName: s}'),
  'spec.vault': acmeIssuerWith().replace(
    /acme:[\s\S]*$/,
    'vault: {server: "https://v.example", path: p, auth: {tokenSecretRef: {name: x}}}\n',
  ),
  'spec.venafi': acmeIssuerWith().replace(
    /acme:[\s\S]*$/,
    `venafi: {zone: z, cloud: {apiTokenSecretRef: ${REF}}}\n`,
  ),
};

test('the fields that are said to be unserved are those that the reader says are', () => {
  const { Certificate, Issuer } = FIELD_FACTS;
  assert.deepEqual(
    Object.keys(WITH_UNSERVED).toSorted(),
    [...Certificate.notYet, ...Issuer.notYet].toSorted(),
  );

  for (const [field, text] of Object.entries(WITH_UNSERVED)) {
    const told = findingsOf({ path: 'a.yaml', manifests: readManifestFile(Buffer.from(text)) });

    const fields = told.filter(({ rule }) => rule === 'not-served').map((finding) => finding.path);
    assert.equal(told.filter(({ severity }) => severity === 'error').length, 0, text);
    assert.equal(fields.length, 1, `${field} is served now: correct the reference and docs/fields.md`);
    assert.ok(fields[0]?.replace(/\[\d+\]/g, '[]').startsWith(field), fields[0]);
  }
});

test('the fields that are said to have no effect are told to have none', () => {
  const parts: Readonly<Record<string, string>> = {
    ingress: 'serviceType: ClusterIP, class: x, podTemplate: {}, ingressTemplate: {}',
    gatewayHTTPRoute: 'serviceType: ClusterIP, labels: {a: b}, parentRefs: [], podTemplate: {}',
  };
  const solvers = [
    ...Object.entries(parts).map(([part, fields]) => `- http01: {${part}: {${fields}}}`),
    '- http01: {ingress: {ingressClassName: x}}',
    '- http01: {ingress: {name: x}}',
  ];

  const { problems } = readManifestFile(Buffer.from(acmeIssuerWith('solvers:', ...solvers)));

  assert.deepEqual(new Set(problems.map(({ rule }) => rule)), new Set(['no-effect']));
  const told = new Set(problems.map(({ field }) => field.replace(/\[\d+\]/g, '[]')));
  assert.deepEqual([...told].toSorted(), [...FIELD_FACTS.Issuer.noEffect].toSorted());
});
