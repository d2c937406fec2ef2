import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Bind, startBind } from '../support/bind.ts';
import { conditionOf, startOffline, statusOf } from '../support/offline-scenario.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { freePort, type LocalCa, type Scenario, startScenario } from '../support/scenario.ts';
import { sealedSecret } from '../support/sealed-secret.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

// Manifests of the kinds that cert-manager's documentation shows. What is changed is the server's address, and for
// a CA on this machine `caBundle` beside it.

const KEY_ID = 'kid-1';
const MAC_KEY = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';

let bind: Bind;
let ca: LocalCa;

before(async () => {
  const hosts = ['@', 'www', 'app', 'old', 'older'].map((name) => `${name} A 127.0.0.1`);
  bind = await startBind([{ name: 'example.com', records: hosts }]);
  const httpPort = await freePort();
  const pebble = await startPebble({ httpPort, dnsServer: bind.address });
  ca = localCa(pebble, httpPort);
});
after(async () => {
  await ca.pebble.stop();
  await bind.stop();
});

function localCa(pebble: Pebble, httpPort: number): LocalCa {
  const dns = { address: bind.address, set: () => {}, setZone: () => {}, stop: async () => {} };
  return { pebble, dns, httpPort, stop: async () => {} } as LocalCa;
}

const server = ({ pebble }: Pick<LocalCa, 'pebble'>): string =>
  `server: ${pebble.directoryUrl}\n    caBundle: ${Buffer.from(pebble.caPem).toString('base64')}`;

async function issue(
  scenario: Scenario,
  files: Readonly<Record<string, string>>,
): Promise<Awaited<ReturnType<Scenario['runOnce']>>> {
  await scenario.push(files);
  const run = await scenario.runOnce({ args: ['--dns-resolver', bind.address] });
  assert.equal(run.code, 0, run.stdout + run.stderr);
  return run;
}

describe('cert-manager’s own manifests', () => {
  it('HTTP-01 with ingress class nginx', async (context) => {
    const scenario = await startScenario('docs-http01', context, { ca });
    await issue(scenario, {
      'issuer.yaml': `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: letsencrypt-staging
spec:
  acme:
    # You must replace this email address with your own.
    email: user@example.com
    ${server(ca)}
    privateKeySecretRef:
      # Secret resource that will be used to store the account's private key.
      name: example-issuer-account-key
    solvers:
    - http01:
        ingress:
          ingressClassName: nginx
`,
      'certificate.yaml': `apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: example-com
  namespace: sandbox
spec:
  secretName: example-com-tls
  privateKey:
    algorithm: RSA
    encoding: PKCS1
    size: 2048
  duration: 2160h # 90d
  renewBefore: 360h # 15d
  isCA: false
  usages:
    - server auth
    - client auth
  subject:
    organizations:
      - jetstack
  dnsNames:
    - example.com
    - www.example.com
  issuerRef:
    name: letsencrypt-staging
    kind: ClusterIssuer
    group: cert-manager.io
`,
    });

    await checkTlsSecret(scenario, {
      path: 'secrets/sandbox/example-com-tls.yaml',
      names: ['example.com', 'www.example.com'],
      key: 'RSA PRIVATE KEY',
      roots: await ca.pebble.rootPem(),
    });
  });

  it('DNS-01 by rfc2136 with TSIG, wildcard and apex in one order', async (context) => {
    const scenario = await startScenario('docs-rfc2136', context, { ca });
    const { tsig } = bind.provider('HMACSHA512');
    const secret = { namespace: 'cert-manager', name: 'tsig-secret' };
    await issue(scenario, {
      'credentials/tsig.yaml': await sealedSecret(scenario, secret, {
        'tsig-secret-key': bind.secret('HMACSHA512'),
      }),
      'issuer.yaml': `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: example-issuer
spec:
  acme:
    ${server(ca)}
    privateKeySecretRef:
      name: example-issuer-account-key
    solvers:
    - dns01:
        rfc2136:
          nameserver: ${bind.address}
          tsigKeyName: ${tsig?.keyName}
          tsigAlgorithm: HMACSHA512
          tsigSecretSecretRef:
            name: tsig-secret
            key: tsig-secret-key
`,
      'certificate.yaml': `apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: wildcard
  namespace: sandbox
spec:
  secretName: wildcard-tls
  dnsNames:
  - example.com
  - '*.example.com'
  issuerRef:
    name: example-issuer
    kind: ClusterIssuer
`,
    });

    await checkTlsSecret(scenario, {
      path: 'secrets/sandbox/wildcard-tls.yaml',
      names: ['*.example.com', 'example.com'],
      key: 'RSA PRIVATE KEY',
      roots: await ca.pebble.rootPem(),
    });
    assert.deepEqual(await bind.txt('_acme-challenge.example.com'), [], 'nothing is left in the zone');
  });

  it('an external account binding', async (context) => {
    const httpPort = await freePort();
    const pebble = await startPebble({
      ...{ httpPort, dnsServer: bind.address },
      externalAccountKeys: { [KEY_ID]: MAC_KEY },
    });
    context.after(() => pebble.stop());
    const scenario = await startScenario('docs-eab', context, { ca: localCa(pebble, httpPort) });
    const secret = { namespace: 'sandbox', name: 'eab-secret' };
    await issue(scenario, {
      'credentials/eab.yaml': await sealedSecret(scenario, secret, { secret: MAC_KEY }),
      'issuer.yaml': `apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: my-acme-server-with-eab
  namespace: sandbox
spec:
  acme:
    ${server({ pebble })}
    email: user@example.com
    externalAccountBinding:
      keyID: ${KEY_ID}
      keySecretRef:
        name: eab-secret
        key: secret
    privateKeySecretRef:
      name: example-issuer-account-key
    solvers:
    - http01:
        ingress:
          class: nginx
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: app
  namespace: sandbox
spec:
  secretName: app-tls
  dnsNames: [app.example.com]
  issuerRef:
    name: my-acme-server-with-eab
`,
    });

    const status = await statusOf(scenario, 'sandbox/issuers/my-acme-server-with-eab');
    assert.equal(conditionOf(status, 'Ready'), 'True ACMEAccountRegistered');
  });

  it('a CA made by a self-signed issuer, and a leaf of it, in one push', async (context) => {
    const scenario = await startOffline('docs-ca', context);
    await issue(scenario, {
      'ca.yaml': `apiVersion: v1
kind: Namespace
metadata:
  name: sandbox
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: selfsigned-issuer
spec:
  selfSigned: {}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: my-selfsigned-ca
  namespace: sandbox
spec:
  isCA: true
  commonName: my-selfsigned-ca
  secretName: root-secret
  privateKey:
    algorithm: ECDSA
    size: 256
  issuerRef:
    name: selfsigned-issuer
    kind: ClusterIssuer
    group: cert-manager.io
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: my-ca-issuer
  namespace: sandbox
spec:
  ca:
    secretName: root-secret
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: leaf
  namespace: sandbox
spec:
  secretName: leaf-tls
  dnsNames: [leaf.example.com]
  issuerRef:
    name: my-ca-issuer
`,
    });

    const statuses = ['certificates/my-selfsigned-ca', 'issuers/my-ca-issuer', 'certificates/leaf'].map(
      async (path) => conditionOf(await statusOf(scenario, `sandbox/${path}`), 'Ready'),
    );
    assert.deepEqual(await Promise.all(statuses), ['True Ready', 'True KeyPairVerified', 'True Ready']);
  });

  it('both generations of older API versions', async (context) => {
    const scenario = await startScenario('docs-old-versions', context, { ca });
    const old = (version: string, name: string, field: string) => `apiVersion: ${version}
kind: Issuer
metadata:
  name: ${name}
  namespace: sandbox
spec:
  acme:
    ${server(ca)}
    email: user@example.com
    privateKeySecretRef:
      name: ${name}-account-key
    solvers:
    - http01:
        ingress:
          class: nginx
---
apiVersion: ${version}
kind: Certificate
metadata:
  name: ${name}
  namespace: sandbox
spec:
  secretName: ${name}-tls
  duration: 2160h
  renewBefore: 360h
  ${field}
  keyAlgorithm: rsa
  keySize: 2048
  keyEncoding: pkcs1
  dnsNames:
  - ${name}.example.com
  issuerRef:
    name: ${name}
    kind: Issuer
`;
    await issue(scenario, {
      'old.yaml': old('cert-manager.io/v1alpha2', 'old', 'organization: [jetstack]'),
      'older.yaml': old('certmanager.k8s.io/v1alpha1', 'older', 'organization: [jetstack]'),
    });

    for (const name of ['old', 'older']) {
      await checkTlsSecret(scenario, {
        path: `secrets/sandbox/${name}-tls.yaml`,
        names: [`${name}.example.com`],
        key: 'RSA PRIVATE KEY',
        roots: await ca.pebble.rootPem(),
      });
    }
  });
});
