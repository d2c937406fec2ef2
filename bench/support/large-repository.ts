import { createHash } from 'node:crypto';
import { git } from '../../test/support/git-repo.ts';
import { runSuccessfully } from '../../test/support/process.ts';

const PER_FOLDER = 100;

/** A clone of a repository that certops has served for some time. */
export interface LargeRepository {
  readonly clone: string;
  /** The branch that asks for one more name in one Certificate; `main` is what it is merged into. */
  readonly branch: string;
  /** `namespace` and `name` of the Certificate that it changes. */
  readonly changed: { readonly namespace: string; readonly name: string };
}

export interface LargeRepositoryOptions {
  readonly clone: string;
  readonly certificates: number;
  /** Whether a policy is in force, which judges every Certificate of a lint. */
  readonly isGuarded: boolean;
}

/**
 * Makes a repository with so many Certificates, a file each and a hundred to a folder, an ACME ClusterIssuer, and beside
 * each Certificate a status and a Secret, which look like certops' own and are not: nothing here opens them.
 */
export async function makeLargeRepository({
  clone,
  certificates,
  isGuarded,
}: LargeRepositoryOptions): Promise<LargeRepository> {
  await git(['init', '-q', '--initial-branch=main', clone]);
  const files: [string, string][] = [['issuers/letsencrypt.yaml', ISSUER]];
  if (isGuarded) files.push(['policies/public.yaml', POLICY]);
  for (let index = 0; index < certificates; index++) {
    const { namespace, name } = nameOf(index);
    files.push(
      [`teams/${namespace}/${name}.yaml`, certificate(index)],
      [`secrets/${namespace}/${name}-tls.yaml`, secret(index)],
      [`status/${namespace}/certificates/${name}.yaml`, status(index)],
    );
  }
  const changed = nameOf(certificates >> 1);
  const edited = certificate(certificates >> 1).replace(
    '  dnsNames:\n',
    `  dnsNames:\n    - more.${changed.name}.bench.example\n`,
  );
  const branch = 'one-more-name';
  const input = [
    commit('main', 1, undefined, files),
    commit(branch, 2, 'main', [[`teams/${changed.namespace}/${changed.name}.yaml`, edited]]),
    'done\n',
  ].join('');
  await runSuccessfully('git', ['fast-import', '--quiet', '--done'], { cwd: clone, input });
  // As a clone gets it: what fast-import leaves is one long chain of differences, many times as slow to read.
  await git(['-C', clone, 'repack', '-a', '-d', '-q', '-f']);
  await git(['-C', clone, 'checkout', '-q', 'main']);
  return { clone, branch, changed };
}

function commit(
  branch: string,
  mark: number,
  from: string | undefined,
  files: readonly (readonly [string, string])[],
): string {
  const at = `Person <person@bench.example> ${1_767_225_600 + mark} +0000`;
  const head = [`commit refs/heads/${branch}`, `mark :${mark}`, `author ${at}`, `committer ${at}`];
  const parent = from === undefined ? '' : `from refs/heads/${from}\n`;
  const changes = files.map(
    ([path, text]) => `M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`,
  );
  return `${head.join('\n')}\ndata 5\nbench\n${parent}${changes.join('')}\n`;
}

function nameOf(index: number): { readonly namespace: string; readonly name: string } {
  return { namespace: `team-${Math.floor(index / PER_FOLDER)}`, name: `site-${index}` };
}

/** Text that is always the same for an index and does not compress, as certificates and keys do not. */
function noise(index: number, chars: number): string {
  let text = '';
  for (let part = 0; text.length < chars; part++) {
    text += createHash('sha256').update(`${index}:${part}`).digest('base64');
  }
  return text.slice(0, chars);
}

const ISSUER = `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: letsencrypt
spec:
  acme:
    server: https://acme.bench.example/directory
    email: operations@bench.example
    privateKeySecretRef:
      name: letsencrypt-account
    solvers:
      - http01:
          ingress: {}
`;

const POLICY = `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata:
  name: public
spec:
  selector:
    issuerRef: {}
  allowed:
    commonName:
      value: '*'
    dnsNames:
      values: ['*.bench.example']
    usages: [digital signature, key encipherment]
`;

function certificate(index: number): string {
  const { namespace, name } = nameOf(index);
  return `# Asked for by the people of ${namespace}.
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: ${name}
  namespace: ${namespace}
  labels:
    app.kubernetes.io/name: ${name}
spec:
  secretName: ${name}-tls
  dnsNames:
    - ${name}.bench.example
    - www.${name}.bench.example
  privateKey:
    algorithm: ECDSA
    size: 256
    rotationPolicy: Always
  issuerRef:
    name: letsencrypt
    kind: ClusterIssuer
`;
}

function status(index: number): string {
  const { namespace, name } = nameOf(index);
  return `apiVersion: status.certops.dev/v1
kind: Certificate
metadata:
  name: ${name}
  namespace: ${namespace}
status:
  conditions:
    - type: Ready
      status: "True"
      reason: Ready
      message: Certificate is up to date and has not expired
      lastTransitionTime: 2026-01-01T00:00:00Z
      observedGeneration: 1
  notBefore: 2026-01-01T00:00:00Z
  notAfter: 2026-04-01T00:00:00Z
  renewalTime: 2026-03-02T00:00:00Z
  revision: 1
certops:
  fingerprintSHA256: ${noise(index, 64)}
`;
}

function secret(index: number): string {
  const { namespace, name } = nameOf(index);
  return `apiVersion: v1
kind: Secret
metadata:
  name: ${name}-tls
  namespace: ${namespace}
type: kubernetes.io/tls
data:
  tls.crt: ENC[AES256_GCM,data:${noise(index, 4000)},type:str]
  tls.key: ENC[AES256_GCM,data:${noise(-index - 1, 300)},type:str]
`;
}
