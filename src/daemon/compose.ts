import { certificateId } from '../acme/renewal-info.ts';
import type { Certificate } from '../api/certificate.ts';
import { DEFAULT_SETTINGS } from '../api/repository.ts';
import { createPlainForge } from '../forge/plain.ts';
import { createAcmeIssuer } from '../issuers/acme.ts';
import { createCaIssuer } from '../issuers/ca.ts';
import { createSelfSignedIssuer } from '../issuers/self-signed.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { CertopsError, InternalError } from '../lib/errors.ts';
import { killAt, noFaults } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { packageVersion } from '../lib/version.ts';
import { acmeRequestSpec } from '../pki/acme-request.ts';
import { readCertificate } from '../pki/certificate-facts.ts';
import { acmeNames, specifiedNames } from '../pki/certificate-names.ts';
import { checkIssuedChain } from '../pki/check-issued.ts';
import { encodeJksStores, encodePkcs12Stores } from '../pki/keystores.ts';
import {
  decodePrivateKey,
  describePrivateKeyMismatch,
  encodePrivateKey,
  generatePrivateKey,
} from '../pki/private-key.ts';
import { compareRequestWithSpec, createSigningRequest } from '../pki/signing-request.ts';
import { temporaryCertificate } from '../pki/temporary-certificate.ts';
import { Engine } from '../reconcile/engine.ts';
import type {
  CertificateFacts,
  IssuerFactory,
  Pki,
  Ports,
  ProposalPorts,
  SecretData,
  SecretMetadata,
  SecretWriter,
} from '../reconcile/ports.ts';
import { Sealer } from '../secrets/sealer.ts';
import {
  certificateSecretMetadata,
  restatedSecretMetadata,
  temporarySecretMetadata,
  tlsSecretDocument,
} from '../secrets/secret-manifest.ts';
import { loadIdentities } from '../secrets/sops/identities.ts';
import { loadSigningKey } from '../store/signing-key.ts';
import type { CommitSigner } from '../store/ssh-signature.ts';
import { Store } from '../store/store.ts';
import { type ChallengeParts, startPresenters } from './challenge-parts.ts';
import type { DaemonConfig, Environment } from './config.ts';
import { watchEventLoop } from './event-loop-watch.ts';
import { gitCredentials } from './git-credentials.ts';
import { readManifests } from './manifest-reader.ts';
import { BRANCH_LIMITS, createPlanner } from './planning-thread.ts';
import { openRepositoryForge } from './repository-forge.ts';

/** A running composition: the engine and what it stands on. */
export interface Daemon {
  readonly engine: Engine;
  readonly clock: Clock;
  close(): Promise<void>;
}

/**
 * Puts the concrete parts together. The only place that knows all of them.
 * Throws what opening the parts throws: `config.…`, `store.…`, `sops.…`, `solvers.cannot-listen`.
 */
export async function composeDaemon(
  config: DaemonConfig,
  environment: Environment,
  log: Log,
  signal: AbortSignal,
): Promise<Daemon> {
  const clock = systemClock(config.testing.startAt);
  const faults = config.testing.fault === undefined ? noFaults : killAt(config.testing.fault);
  const signer = config.isUnsigned ? undefined : await loadSigner(config.signingKey);
  const identities = await loadIdentities(environment);
  const challenges = await startPresenters(config, { clock, log });
  let engine: Engine | undefined;
  const settings = () =>
    engine === undefined || engine.world.isEmpty ? DEFAULT_SETTINGS : engine.world.settings;
  try {
    const store = await Store.open(
      {
        remoteUrl: config.repo,
        branch: config.branch,
        dataDir: config.dataDir,
        identity: () => settings().commit,
        ...{ signer, credentials: gitCredentials(config, clock), clock, faults, log },
      },
      signal,
    );
    const made = await Engine.create(
      {
        store,
        sealer: new Sealer({ identities, allowedRecipients: config.recipients, log }),
        secrets: secretWriter,
        pki,
        createIssuer: issuerFactory(config, challenges, { clock, faults, log }),
        readManifests,
        openProposing: proposingOn(config, store, clock),
        planner: createPlanner(),
        branchPlanner: createPlanner(BRANCH_LIMITS),
        ...{ clock, faults, log },
      },
      {
        pollIntervalMs: config.pollIntervalMs,
        maxInFlight: config.maxInFlight,
        isSigning: signer !== undefined,
        trustFrom: config.trustFrom,
        tenancyFloor: config.tenancyFloor,
        ordersPerMinute: config.ordersPerMinute,
      },
    ).catch(async (thrown: unknown) => {
      await store.close();
      throw thrown;
    });
    engine = made;
    const eventLoop = watchEventLoop();
    return {
      engine: made,
      clock,
      close: async () => {
        made.close();
        await challenges.close();
        await store.close();
        eventLoop.report(log);
      },
    };
  } catch (thrown) {
    await challenges.close();
    throw thrown;
  }
}

/** Opens the forge of the repository; on plain Git, and without credentials for another, branches alone. */
function proposingOn(config: DaemonConfig, store: Store, clock: Clock): Ports['openProposing'] {
  const { branches } = store;
  const sourceBranch = config.branch;
  const open = async (signal: AbortSignal): Promise<ProposalPorts> => {
    const forge = await openRepositoryForge(
      config,
      {
        ...{ remote: config.repo, clock },
        openPlain: () =>
          createPlainForge({
            ...{ branches, clock, sourceBranch },
            state: {
              read: () => store.readState(),
              update: (change, stop) => store.updateState(change, stop),
            },
          }),
      },
      signal,
    );
    return { forge, branches, sourceBranch };
  };
  // One client for all who ask: it keeps to the forge's limits for them together.
  let opened: Promise<ProposalPorts> | undefined;
  return (signal) => {
    opened ??= open(signal).catch((thrown: unknown) => {
      opened = undefined;
      throw thrown;
    });
    return opened;
  };
}

/** The key that signs commits. Throws `config.no-signing-key` and `store.signing-key-…`. */
export async function loadSigner(path: string): Promise<CommitSigner> {
  try {
    return await loadSigningKey(path);
  } catch (thrown) {
    if (thrown instanceof CertopsError && thrown.code === 'store.signing-key-unreadable') {
      throw new CertopsError(
        'config.no-signing-key',
        {
          what: `There is no signing key at ${path}`,
          why: 'Signed commits are how certops knows later what it wrote itself',
          next: 'Make one with "certops init" or ssh-keygen -t ed25519, name it with --signing-key, or say --unsigned',
        },
        { retry: { when: 'never' }, cause: thrown },
      );
    }
    throw thrown;
  }
}

const pki: Pki = {
  renewalInformationId: certificateId,
  generatePrivateKey,
  encodePrivateKey,
  decodePrivateKey,
  describePrivateKeyMismatch,
  createSigningRequest: (spec, key, { isAcme }) =>
    createSigningRequest(isAcme ? acmeRequestSpec(spec) : spec, key),
  compareRequestWithSpec: (csrDer, spec, { isAcme }) =>
    compareRequestWithSpec(csrDer, isAcme ? acmeRequestSpec(spec) : spec),
  readCertificate,
  encodePkcs12Stores,
  encodeJksStores,
  temporaryCertificate,
  checkIssuedChain: ({ isAcme, ...check }) =>
    checkIssuedChain({
      ...check,
      allowCa: !isAcme,
      expectedNames: isAcme ? acmeNames(check.spec) : specifiedNames(check.spec),
    }),
};

const secretWriter: SecretWriter = {
  certificateSecret: (certificate, facts, data) =>
    secretOf(certificate, certificateSecretMetadata(certificate, annotated(facts)), data),
  temporarySecret: (certificate, facts, data) =>
    secretOf(certificate, temporarySecretMetadata(certificate, annotated(facts)), data),
  restatedMetadata: restatedSecretMetadata,
  keySecret: (name, purpose, key) => {
    // cert-manager labels next keys only; an account key is an opaque Secret there.
    const labels: Record<string, string> =
      purpose === 'next-private-key' ? { 'cert-manager.io/next-private-key': 'true' } : {};
    const document = tlsSecretDocument({ ...name, labels, annotations: {}, data: { 'tls.key': key } });
    return { ...document, type: 'Opaque' };
  },
};

function secretOf({ name, spec }: Certificate, metadata: SecretMetadata, data: SecretData) {
  return tlsSecretDocument({ name: spec.secretName, namespace: name.namespace, ...metadata, data });
}

function annotated(facts: CertificateFacts) {
  return { ...facts, subject: facts.subjectFields };
}

function issuerFactory(
  config: DaemonConfig,
  { http01, dns01, observer }: ChallengeParts,
  common: { readonly clock: Clock; readonly faults: typeof noFaults; readonly log: Log },
): IssuerFactory {
  const version = packageVersion();
  return async (issuer, materials) => {
    const { spec } = issuer;
    switch (spec.type) {
      case 'acme':
        if (materials.accountKey === undefined) throw noAccountKey(spec.privateKeySecretRef.name);
        return createAcmeIssuer({
          spec,
          accountKey: materials.accountKey,
          accountUrl: materials.accountUri,
          rollover: materials.rollover,
          lastRegisteredEmail: materials.lastRegisteredEmail,
          ledger: materials.ledger,
          presenter: http01,
          dns01,
          observer,
          credential: materials.credential,
          version,
          isOrderTaken: materials.isOrderTaken,
          maxConnections: config.maxConnections,
          allowPlainLoopback: config.allowPlainLoopback,
          ...common,
        });
      case 'ca':
        return createCaIssuer({
          spec,
          clock: common.clock,
          namespaceSecret: async () => readKeyPair(materials.keyPair),
        });
      case 'selfSigned':
        return createSelfSignedIssuer({ spec, clock: common.clock });
      case 'vault':
      case 'venafi':
        throw new InternalError(`an issuer of type ${spec.type} was accepted`);
    }
  };
}

function readKeyPair(data: Sensitive<ReadonlyMap<string, Buffer>> | undefined) {
  const entries = data?.reveal();
  const certificate = entries?.get('tls.crt');
  const key = entries?.get('tls.key');
  if (certificate === undefined || key === undefined) return undefined;
  return {
    certificatePem: certificate.toString('utf8'),
    privateKeyPem: new Sensitive(key.toString('utf8')),
    caPem: entries?.get('ca.crt')?.toString('utf8'),
  };
}

function noAccountKey(secretName: string): CertopsError {
  return new CertopsError(
    'config.no-account-key',
    {
      what: `There is no Secret "${secretName}" with the ACME account key, and disableAccountKeyGeneration is set`,
      next: 'Commit the Secret, sealed with sops, or let certops make a key',
    },
    { retry: { when: 'never' } },
  );
}
