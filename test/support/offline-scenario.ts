import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { readPlainYaml } from '../../src/lib/yaml-write.ts';
import { Sealer } from '../../src/secrets/sealer.ts';
import { tlsSecretDocument } from '../../src/secrets/secret-manifest.ts';
import { loadIdentities } from '../../src/secrets/sops/identities.ts';
import { runSuccessfully } from './process.ts';
import { certificate, type LocalCa, type Scenario, startScenario } from './scenario.ts';
import type { AfterHook } from './scratch.ts';

/** The ClusterIssuer of the template: it answers at once and needs no CA. */
const SELF_SIGNED = 'ClusterIssuer/selfsigned';

/** A scenario without a CA of its own, for stories that the SelfSigned and CA issuers can tell. */
export function startOffline(name: string, context: AfterHook): Promise<Scenario> {
  const absent = (): never => {
    throw new Error('this scenario has no ACME CA');
  };
  const ca: LocalCa = {
    // Whoever asks them for anything gets the sentence above.
    pebble: new Proxy({} as LocalCa['pebble'], { get: absent }),
    dns: new Proxy({} as LocalCa['dns'], { get: absent }),
    httpPort: 0,
    stop: async () => {},
  };
  return startScenario(name, context, { ca });
}

/** A Certificate in namespace `web` from the template's SelfSigned issuer. */
export function selfSigned(name: string, spec = '', dnsNames = [`${name}.example.com`]): string {
  return certificate({ name, dnsNames, issuer: SELF_SIGNED, spec });
}

/** The environment of a run whose clock stands `days` from now. */
export function inDays(days: number): { readonly env: Readonly<Record<string, string>> } {
  const at = new Date(Date.now() + days * 86_400_000);
  return { env: { CERTOPS_TESTING: '1', CERTOPS_CLOCK: at.toISOString() } };
}

export interface RecordedCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface RecordedStatus {
  readonly conditions: readonly RecordedCondition[];
  readonly revision?: number;
  readonly notAfter?: string;
  readonly failedIssuanceAttempts?: number;
  readonly certops: {
    readonly serialNumber?: string;
    readonly problem?: string;
    readonly secretBlob?: string;
    readonly sourceCommit?: string;
  };
}

/** The `status` of a status document at the remote's tip, by its path below `status/`. */
export async function statusOf(scenario: Scenario, path: string): Promise<RecordedStatus> {
  const text = await scenario.show(`status/${path}.yaml`);
  assert.ok(text !== undefined, `status/${path}.yaml is not there`);
  const [document] = readPlainYaml(text) as [{ readonly status: RecordedStatus }];
  return { ...document.status, certops: document.status.certops ?? {} };
}

/** `True Ready`, `False DoesNotExist`, …: one condition of a status; undefined when it is absent. */
export function conditionOf(status: RecordedStatus | undefined, type: string): string | undefined {
  const condition = status?.conditions.find((candidate) => candidate.type === type);
  return condition && `${condition.status} ${condition.reason}`;
}

/** The message of one condition; empty when it is absent. */
export function messageOf(status: RecordedStatus, type: string): string {
  return status.conditions.find((candidate) => candidate.type === type)?.message ?? '';
}

/** Resolves when the remote has a commit with this subject; rejects after `timeoutMs`. */
export async function committed(scenario: Scenario, subject: string, timeoutMs = 30_000): Promise<void> {
  const endAtMs = Date.now() + timeoutMs;
  while (!(await scenario.subjects()).some((line) => line.startsWith(subject))) {
    if (Date.now() > endAtMs) throw new Error(`no commit "${subject}" arrived within ${timeoutMs} ms`);
    await pause(100);
  }
}

/** A `v1` Secret with a private key in clear, as people commit one by mistake, and the lines of that key. */
export function clearKeySecret(name: string): {
  readonly manifest: string;
  readonly keyLines: readonly string[];
} {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const lines = pem.trimEnd().split('\n');
  const manifest = `apiVersion: v1
kind: Secret
metadata:
  name: ${name}
  namespace: web
stringData:
  tls.key: |
${lines.map((line) => `    ${line}\n`).join('')}`;
  return { manifest, keyLines: lines.slice(1, -1) };
}

/** What is wrong with a CA's key pair. */
export interface CaFlaws {
  /** The certificate is a server's and not a CA's. */
  readonly isLeaf?: boolean;
  /** The key is another one than the certificate's. */
  readonly hasOtherKey?: boolean;
}

/**
 * A CA's key pair as people seal one, for namespace `web`: the text of `credentials/<name>.yaml`. It is good for
 * 365 days, and for nothing with a flaw.
 */
export async function sealedCa(scenario: Scenario, name: string, flaws: CaFlaws = {}): Promise<string> {
  const folder = scenario.scratch.keyFolder('ca');
  const [key, certificateFile] = [join(folder, 'ca.key'), join(folder, 'ca.pem')];
  const extensions = flaws.isLeaf
    ? ['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'keyUsage=critical,digitalSignature']
    : ['-addext', 'keyUsage=critical,keyCertSign'];
  await runSuccessfully('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365'],
    ...['-keyout', key, '-out', certificateFile, '-subj', `/CN=${name}`],
    ...extensions,
  ]);
  if (flaws.hasOtherKey) {
    await runSuccessfully('openssl', [
      ...['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key],
    ]);
  }
  const identities = await loadIdentities({ SOPS_AGE_KEY_FILE: scenario.identityFile });
  const sealer = new Sealer({ identities });
  sealer.setRules(await scenario.show('.sops.yaml'));
  const document = tlsSecretDocument({
    ...{ name, namespace: 'web', labels: {}, annotations: {} },
    data: {
      'tls.crt': await readFile(certificateFile, 'utf8'),
      'tls.key': new Sensitive(await readFile(key, 'utf8')),
    },
  });
  return sealer.seal(`credentials/${name}.yaml`, document, new Date());
}
