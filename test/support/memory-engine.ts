import { certificateId } from '../../src/acme/renewal-info.ts';
import { readManifests } from '../../src/daemon/manifest-reader.ts';
import { planPorts } from '../../src/daemon/plan-ports.ts';
import { accountKeyHash } from '../../src/issuers/account-key-hash.ts';
import { createCaIssuer } from '../../src/issuers/ca.ts';
import type {
  IssuedChain,
  IssuerAdapter,
  RenewalInformation,
  SigningRequest,
} from '../../src/issuers/issuer.ts';
import { type Clock, formatInstant, systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { gitBlobId } from '../../src/lib/git-blob-id.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { readCertificate } from '../../src/pki/certificate-facts.ts';
import { specifiedNames } from '../../src/pki/certificate-names.ts';
import { checkIssuedChain } from '../../src/pki/check-issued.ts';
import { encodeJksStores, encodePkcs12Stores } from '../../src/pki/keystores.ts';
import {
  decodePrivateKey,
  describePrivateKeyMismatch,
  encodePrivateKey,
  generatePrivateKey,
} from '../../src/pki/private-key.ts';
import { compareRequestWithSpec, createSigningRequest } from '../../src/pki/signing-request.ts';
import { temporaryCertificate } from '../../src/pki/temporary-certificate.ts';
import { RuleRunner } from '../../src/policy/rule-runner.ts';
import { Engine } from '../../src/reconcile/engine.ts';
import { planMerge } from '../../src/reconcile/planning.ts';
import type {
  IssuerMaterials,
  Pki,
  Planner,
  Ports,
  SecretWriter,
  StateDocument,
} from '../../src/reconcile/ports.ts';
import type { Summary } from '../../src/reconcile/summary.ts';
import { Sealer } from '../../src/secrets/sealer.ts';
import {
  certificateSecretMetadata,
  restatedSecretMetadata,
  temporarySecretMetadata,
  tlsSecretDocument,
} from '../../src/secrets/secret-manifest.ts';
import { generateIdentity, identitiesFrom } from '../../src/secrets/sops/identities.ts';
import { type CertificateStatus, parseCertificateStatus } from '../../src/status/certificate-status.ts';
import { makeRoot } from '../unit/pki/fixtures.ts';
import { MemoryRepository } from './memory-repository.ts';

/** What a made-up CA does; whatever is left out goes well. */
export interface CaWords {
  /** Before an order is made. */
  begin?: (request: SigningRequest) => void | Promise<void>;
  /** While an order is gone on with. */
  complete?: (request: SigningRequest) => void | Promise<void>;
  renewalInformation?: (leafPem: string) => RenewalInformation | undefined;
}

/** An engine over a repository in memory, with real keys, certificates and SOPS, and a made-up ACME CA. */
export interface MemoryEngine {
  readonly repository: MemoryRepository;
  /** Orders that were made, by Certificate. */
  readonly orders: SigningRequest[];
  readonly ca: CaWords;
  /** Moves the clock. */
  at(instant: Date): void;
  /** People push; null removes a file. */
  push(files: Readonly<Record<string, string | null>>): void;
  /** A process of its own, as after a restart, for whoever drives it; `close` it. */
  engine(isSigning?: boolean): Promise<Engine>;
  /** A process of its own, as after a restart, runs until nothing changes any more. */
  run(): Promise<Summary>;
  status(name: string): CertificateStatus;
  /** A Secret's clear text and its opened data. */
  secret(name: string): Promise<{ readonly text: string; readonly data: ReadonlyMap<string, Buffer> }>;
  readonly state: StateDocument;
}

export const ACME_ISSUER = acmeIssuer();

/** Issuer `web/ca` at a made-up ACME server. */
export function acmeIssuer(host = 'one'): string {
  return `apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: ca, namespace: web}
spec:
  acme:
    server: https://${host}.example.com/directory
    privateKeySecretRef: {name: account}
    solvers: [{http01: {ingress: {}}}]
`;
}

/** Certificate `web/<name>` from it, with an EC key. */
export function acmeCertificate(
  name: string,
  { spec = '', metadata = '', names = [`${name}.example.com`], key = 'ECDSA' } = {},
): string {
  return `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: ${name}, namespace: web${metadata === '' ? '' : `, ${metadata}`}}
spec:
  secretName: ${name}-tls
  dnsNames: [${names.join(', ')}]
  issuerRef: {name: ca}
  privateKey: {algorithm: ${key}}
${spec}`;
}

export async function memoryEngine(start = new Date('2026-03-01T00:00:00Z')): Promise<MemoryEngine> {
  const repository = new MemoryRepository();
  const own = await generateIdentity();
  const identities = await identitiesFrom([own.identity]);
  const orders: SigningRequest[] = [];
  const ca: CaWords = {};
  let now = start;
  const clock: Clock = { ...systemClock(), now: () => now, realNow: () => now };
  const root = await makeRoot();
  const pki: Pki = {
    ...{
      renewalInformationId: certificateId,
      encodePrivateKey,
      decodePrivateKey,
      describePrivateKeyMismatch,
    },
    ...{ readCertificate, encodePkcs12Stores, encodeJksStores, temporaryCertificate },
    generatePrivateKey,
    createSigningRequest: (spec, key) => createSigningRequest(spec, key),
    compareRequestWithSpec: (csr, spec) => compareRequestWithSpec(csr, spec),
    checkIssuedChain: ({ isAcme: _, ...check }) =>
      checkIssuedChain({ ...check, allowCa: true, expectedNames: specifiedNames(check.spec) }),
  };
  const adapter = (host: string, { ledger, accountKey }: IssuerMaterials): IssuerAdapter => {
    const signer = createCaIssuer({
      spec: {
        ...{ type: 'ca', secretName: '', crlDistributionPoints: [] },
        ...{ ocspServers: [], issuingCertificateURLs: [] },
      },
      clock,
      namespaceSecret: async () => ({
        certificatePem: root.pem,
        privateKeyPem: new Sensitive(root.key.export({ type: 'pkcs8', format: 'pem' }).toString()),
      }),
    });
    return {
      setUp: async () => ({
        ...{ ready: true, reason: 'ACMEAccountRegistered', message: 'registered' },
        acme: {
          uri: `https://${host}/account/1`,
          lastPrivateKeyHash: accountKey && accountKeyHash(accountKey),
        },
      }),
      begin: async (request) => {
        const directoryUrl = `https://${host}/directory`;
        const identifiers = request.spec.dnsNames.map((value) => ({ type: 'dns', value }) as const);
        const owner = request.certificate.name;
        ledger?.admit({ account: host, directoryUrl, identifiers, owner, isReplacement: false }, now);
        await ca.begin?.(request);
        orders.push(request);
        const url = `https://${host}/order/${orders.length}`;
        const record = {
          orderUrl: url,
          finalizeUrl: `${url}/finalize`,
          state: 'pending',
          authorizations: [],
        };
        return { kind: 'pending', record };
      },
      complete: async (request, _record, signal): Promise<IssuedChain> => {
        await ca.complete?.(request);
        const answer = await signer.begin(request, signal);
        if (answer.kind !== 'issued') throw new Error('the CA issuer answers at once');
        return { chainPem: answer.chain.chainPem };
      },
      renewalInformation: async (leafPem) => ca.renewalInformation?.(leafPem),
      close: () => {},
    };
  };
  const planner: Planner = async (question, blobs, signal) => {
    const rules = new RuleRunner();
    try {
      return await planMerge(planPorts(blobs, rules), { ...question, loose: new Map() }, signal);
    } finally {
      await rules.close();
    }
  };
  const sealer = () => new Sealer({ identities });
  const ports = (): Ports => ({
    store: repository,
    sealer: sealer(),
    secrets: secretWriter,
    pki,
    createIssuer: async ({ spec }, materials) =>
      adapter(spec.type === 'acme' ? new URL(spec.server).host : '', materials),
    readManifests,
    ...{ planner, branchPlanner: planner },
    ...{ clock, faults: noFaults, log: silentLog },
  });
  const engine = async (isSigning = true): Promise<Engine> =>
    Engine.create(ports(), { pollIntervalMs: 60_000, maxInFlight: 4, isSigning });
  repository.add({ '.sops.yaml': `creation_rules: [{age: "${own.recipient}"}]\n` });
  return {
    ...{ repository, orders, ca, engine },
    at: (instant) => {
      now = instant;
    },
    push: (files) => void repository.add(files),
    run: async () => {
      const process = await engine();
      try {
        return await process.runOnce(AbortSignal.timeout(30_000));
      } finally {
        process.close();
      }
    },
    status: (name) => {
      const path = `status/web/certificates/${name}.yaml`;
      return parseCertificateStatus(repository.files()[path] ?? '', path);
    },
    secret: async (name) => {
      const path = `secrets/web/${name}-tls.yaml`;
      const text = repository.files()[path] ?? '';
      const opened = await sealer().open(text, path, { namespace: 'web', name: `${name}-tls` });
      return { text, data: opened.data.reveal() };
    },
    get state() {
      return repository.state;
    },
  };
}

/** An annotation as flow YAML for `metadata`. */
export function annotated(name: string, value: Date | string): string {
  return `annotations: {${name}: "${typeof value === 'string' ? value : formatInstant(value)}"}`;
}

/** Id of the blob at a path at the tip. */
export function blobAt(repository: MemoryRepository, path: string): string | undefined {
  const content = repository.files()[path];
  return content === undefined ? undefined : gitBlobId(content);
}

const secretWriter: SecretWriter = {
  certificateSecret: ({ name, spec, ...rest }, facts, data) =>
    tlsSecretDocument({
      ...{ name: spec.secretName, namespace: name.namespace, data },
      ...certificateSecretMetadata({ name, spec, ...rest }, facts),
    }),
  temporarySecret: ({ name, spec, ...rest }, facts, data) =>
    tlsSecretDocument({
      ...{ name: spec.secretName, namespace: name.namespace, data },
      ...temporarySecretMetadata({ name, spec, ...rest }, facts),
    }),
  restatedMetadata: restatedSecretMetadata,
  keySecret: (name, _purpose, key) => ({
    ...tlsSecretDocument({ ...name, labels: {}, annotations: {}, data: { 'tls.key': key } }),
    type: 'Opaque',
  }),
};
