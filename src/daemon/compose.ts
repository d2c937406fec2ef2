import { DEFAULT_SETTINGS } from '../api/repository.ts';
import { createAcmeIssuer } from '../issuers/acme.ts';
import { createCaIssuer } from '../issuers/ca.ts';
import { createSelfSignedIssuer } from '../issuers/self-signed.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { CertopsError, InternalError } from '../lib/errors.ts';
import { killAt, noFaults } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { packageVersion } from '../lib/version.ts';
import { acmeNames, specifiedNames } from '../pki/certificate-names.ts';
import { checkIssuedChain } from '../pki/check-issued.ts';
import {
  decodePrivateKey,
  describePrivateKeyMismatch,
  encodePrivateKey,
  generatePrivateKey,
} from '../pki/private-key.ts';
import { compareRequestWithSpec, createSigningRequest } from '../pki/signing-request.ts';
import { Engine } from '../reconcile/engine.ts';
import type { IssuerFactory, Pki, SecretWriter } from '../reconcile/ports.ts';
import { Sealer } from '../secrets/sealer.ts';
import {
  CERTIFICATE_SECRET_LABELS,
  certificateSecretAnnotations,
  tlsSecretDocument,
} from '../secrets/secret-manifest.ts';
import { loadIdentities } from '../secrets/sops/identities.ts';
import { Http01Listener } from '../solvers/http01.ts';
import { loadSigningKey } from '../store/signing-key.ts';
import type { CommitSigner } from '../store/ssh-signature.ts';
import { Store } from '../store/store.ts';
import type { DaemonConfig, Environment } from './config.ts';
import { watchEventLoop } from './event-loop-watch.ts';
import { readManifests } from './manifest-reader.ts';

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
  const presenter =
    config.http01Port === undefined
      ? undefined
      : await Http01Listener.start({ port: config.http01Port, host: config.http01Host, log });
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
        ...{ signer, credentials: config.credentials, clock, faults, log },
      },
      signal,
    );
    const made = await Engine.create(
      {
        store,
        sealer: new Sealer({ identities, log }),
        secrets: secretWriter,
        pki,
        createIssuer: issuerFactory(config, presenter, { clock, faults, log }),
        readManifests,
        ...{ clock, faults, log },
      },
      {
        pollIntervalMs: config.pollIntervalMs,
        maxInFlight: config.maxInFlight,
        isSigning: signer !== undefined,
        trustFrom: config.trustFrom,
      },
    );
    engine = made;
    const eventLoop = watchEventLoop();
    return {
      engine: made,
      clock,
      close: async () => {
        made.close();
        await presenter?.close();
        await store.close();
        eventLoop.report(log);
      },
    };
  } catch (thrown) {
    await presenter?.close();
    throw thrown;
  }
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
  generatePrivateKey,
  encodePrivateKey,
  decodePrivateKey,
  describePrivateKeyMismatch,
  createSigningRequest,
  compareRequestWithSpec,
  checkIssuedChain: ({ isAcme, ...check }) =>
    checkIssuedChain({
      ...check,
      allowCa: !isAcme,
      expectedNames: isAcme ? acmeNames(check.spec) : specifiedNames(check.spec),
    }),
};

const secretWriter: SecretWriter = {
  certificateSecret: (certificate, data) => {
    const { name, spec } = certificate;
    return tlsSecretDocument({
      name: spec.secretName,
      namespace: name.namespace,
      labels: { ...spec.secretTemplate?.labels, ...CERTIFICATE_SECRET_LABELS },
      annotations: {
        ...spec.secretTemplate?.annotations,
        ...certificateSecretAnnotations(certificate, spec),
      },
      data,
    });
  },
  keySecret: (name, purpose, key) => {
    // cert-manager labels next keys only; an account key is an opaque Secret there.
    const labels: Record<string, string> =
      purpose === 'next-private-key' ? { 'cert-manager.io/next-private-key': 'true' } : {};
    const document = tlsSecretDocument({ ...name, labels, annotations: {}, data: { 'tls.key': key } });
    return { ...document, type: 'Opaque' };
  },
};

function issuerFactory(
  config: DaemonConfig,
  presenter: Http01Listener | undefined,
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
          presenter,
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
