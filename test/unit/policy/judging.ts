import assert from 'node:assert/strict';
import type { Certificate } from '../../../src/api/certificate.ts';
import type { CertificateRequestPolicy } from '../../../src/api/policy-spec.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { judge, policySet, type Verdict } from '../../../src/policy/judge.ts';
import { requestOf } from '../../../src/policy/request.ts';
import type { RuleRunner } from '../../../src/policy/rule-runner.ts';

/** Every policy in a file, which must be valid. */
export function policiesIn(text: string): readonly CertificateRequestPolicy[] {
  const { objects, problems } = readManifestFile(Buffer.from(text));
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  );
  return objects.flatMap(({ object }) => (object.kind === 'CertificateRequestPolicy' ? [object] : []));
}

/** A policy named `p` for every issuer, of lines of its `spec`. */
export function policyText(...lines: readonly string[]): string {
  const spec = [
    ...lines,
    ...(lines.some((line) => line.startsWith('selector')) ? [] : ['selector: {issuerRef: {}}']),
  ];
  return `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata: {name: p}
spec:
${spec.map((line) => `  ${line}\n`).join('')}`;
}

/** A Certificate `web/www`, of lines of its `spec`. */
export function certificateIn(lines: readonly string[], namespace = 'web'): Certificate {
  const named = (field: string) => lines.some((line) => line.startsWith(`${field}:`));
  const text = `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: www, namespace: ${namespace}}
spec:
  secretName: www-tls
${named('issuerRef') ? '' : '  issuerRef: {name: ca}\n'}${lines.map((line) => `  ${line}\n`).join('')}`;
  const { objects, problems } = readManifestFile(Buffer.from(text));
  const object = objects[0]?.object;
  assert.ok(object?.kind === 'Certificate', JSON.stringify(problems));
  return object;
}

export interface Asked {
  readonly namespace?: string;
  readonly isAcme?: boolean;
  /** One for a whole file: a thread takes a while to start. */
  readonly runner: RuleRunner;
}

/** What the policies in a text say about a Certificate of these lines. */
export async function verdictOf(
  policies: string,
  certificate: readonly string[],
  { runner, namespace = 'web', isAcme = false }: Asked,
): Promise<Verdict> {
  const request = requestOf(certificateIn(certificate, namespace), { revision: 3, isAcme });
  const { verdict } = await judge(policySet(policiesIn(policies), []), request, runner);
  return verdict;
}
