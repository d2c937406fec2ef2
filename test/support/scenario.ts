import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type DnsResponder, startDnsResponder } from './challtestsrv.ts';
import { bareRepository, git, Person } from './git-repo.ts';
import { type Pebble, type PebbleOptions, startPebble } from './pebble.ts';
import { type FinishedProcess, type RunningProcess, runProcess, startProcess } from './process.ts';
import { type AfterHook, makeScratch, type Scratch } from './scratch.ts';

const execute = promisify(execFile);
/** The built program. */
export const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface RunOptions {
  /** The data folder's name; another one is another machine. Default `data`. */
  readonly data?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly timeoutMs?: number;
  /** Default: the scenario's bare repository by its path. */
  readonly repo?: string;
}

/**
 * A whole small world for end-to-end tests: a home of its own made by `certops init`, a bare remote, a
 * person with a clone, a real CA with real validation, and the built program as a process.
 */
export interface Scenario {
  readonly scratch: Scratch;
  readonly remote: string;
  readonly person: Person;
  readonly env: NodeJS.ProcessEnv;
  readonly pebble: Pebble;
  readonly dns: DnsResponder;
  readonly httpPort: number;
  /** Path of the signing key; `<path>.pub` is its public half. */
  readonly signingKey: string;
  /** Path of the age identities (SOPS's keys.txt). */
  readonly identityFile: string;
  /** Runs any command of the built program to its end. */
  certops(...args: readonly string[]): Promise<FinishedProcess>;
  /** `certops run --once` against the remote. */
  runOnce(options?: RunOptions): Promise<FinishedProcess>;
  /** `certops run` against the remote, as a daemon. */
  startDaemon(options?: RunOptions): RunningProcess;
  /** As a person: takes over what the remote has, commits these files on top and pushes. */
  push(files: Readonly<Record<string, string | null>>, message?: string): Promise<string>;
  /** Content of a file at the remote's tip; undefined where there is none. */
  show(path: string): Promise<string | undefined>;
  /** Paths at the remote's tip below a folder. */
  list(folder?: string): Promise<readonly string[]>;
  /** Subjects of the commits on the branch, oldest first. */
  subjects(): Promise<readonly string[]>;
  tip(): Promise<string>;
  /** Fails unless git accepts the signature of every commit that certops made. */
  verifyCommits(): Promise<number>;
  stop(): Promise<void>;
}

/** A CA with the DNS that it asks and the port of loopback at which it validates HTTP-01. */
export interface LocalCa {
  readonly pebble: Pebble;
  readonly dns: DnsResponder;
  readonly httpPort: number;
  stop(): Promise<void>;
}

/** Starts a CA of one's own: for one scenario, or for several that come one after the other. */
export async function startLocalCa(options: Partial<PebbleOptions> = {}): Promise<LocalCa> {
  const httpPort = options.httpPort ?? (await freePort());
  const dns = await startDnsResponder();
  const pebble = await startPebble({ dnsServer: dns.address, ...options, httpPort });
  return {
    ...{ pebble, dns, httpPort },
    stop: async () => {
      await pebble.stop();
      await dns.stop();
    },
  };
}

/**
 * Makes the world; everything in it goes away after the test. A CA that is handed in stays, and so does a bare
 * repository, whose `main` is replaced.
 */
export async function startScenario(
  name: string,
  context: AfterHook,
  options: Partial<PebbleOptions> & { readonly ca?: LocalCa; readonly remote?: string } = {},
): Promise<Scenario> {
  const scratch = makeScratch(name, context);
  const home = scratch.folder('home');
  const configHome = join(home, '.config');
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: home,
    XDG_CONFIG_HOME: configHome,
    TMPDIR: scratch.folder('tmp'),
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
  };
  const certops = (...args: readonly string[]) =>
    runProcess(process.execPath, [PROGRAM, ...args], { env, cwd: scratch.dir, name: 'certops' });
  const template = scratch.path('template');
  const made = await certops('init', template);
  if (made.code !== 0) throw new Error(`certops init failed: ${made.stderr}`);
  const { ca, remote = scratch.path('remote.git'), ...pebbleOptions } = options;
  if (options.remote === undefined) await bareRepository(remote, {});
  await git(['-C', template, 'push', '-q', '--force', remote, 'main']);
  const person = await Person.clone(remote, scratch.path('clone'));

  const own = ca === undefined ? await startLocalCa(pebbleOptions) : undefined;
  // One of the two is there.
  const { pebble, dns, httpPort } = (ca ?? own) as LocalCa;
  const signingKey = join(configHome, 'certops', 'signing-key');
  await mkdir(join(configHome, 'certops'), { recursive: true });
  const allowed = scratch.path('allowed-signers');
  await writeFile(allowed, `certops@localhost ${await readFile(`${signingKey}.pub`, 'utf8')}`);

  const runArguments = ({ data = 'data', args = [], repo = remote }: RunOptions) => [
    PROGRAM,
    'run',
    ...['--repo', repo, '--data-dir', scratch.path(data), '--http01-port', String(httpPort)],
    ...['--http01-host', '127.0.0.1'],
    ...args,
  ];
  const inRemote = async (...args: readonly string[]) => (await git(['-C', remote, ...args])).trimEnd();

  const scenario: Scenario = {
    ...{ scratch, remote, person, env, pebble, dns, httpPort, signingKey, certops },
    identityFile: join(configHome, 'sops', 'age', 'keys.txt'),
    runOnce: (run = {}) =>
      runProcess(process.execPath, [...runArguments(run), '--once'], {
        env: { ...env, ...run.env },
        name: 'certops',
        timeoutMs: run.timeoutMs ?? 120_000,
      }),
    startDaemon: (run = {}) =>
      startProcess(process.execPath, runArguments(run), {
        env: { ...env, ...run.env },
        name: 'certops',
        timeoutMs: run.timeoutMs ?? 120_000,
      }),
    push: async (files, message = 'Ask for something') => {
      await person.pull();
      const commit = await person.commit({ message, files });
      await person.pushPatiently();
      return commit;
    },
    show: (path) =>
      execute('git', ['-C', remote, 'show', `main:${path}`], { maxBuffer: 1 << 26 }).then(
        ({ stdout }) => stdout,
        () => undefined,
      ),
    list: async (folder = '.') => {
      const listed = await inRemote('ls-tree', '-r', '--name-only', '--full-tree', 'main');
      return listed.split('\n').filter((path) => folder === '.' || path.startsWith(`${folder}/`));
    },
    subjects: async () => (await inRemote('log', '--reverse', '--format=%s', 'main')).split('\n'),
    tip: () => inRemote('rev-parse', 'main'),
    verifyCommits: async () => {
      const made = await inRemote('log', '--format=%H', '--author=certops', 'main');
      const commits = made.split('\n').filter((line) => line !== '');
      const configured = ['-c', `gpg.ssh.allowedSignersFile=${allowed}`, '-c', 'gpg.format=ssh'];
      for (const commit of commits) await git([...configured, '-C', remote, 'verify-commit', commit]);
      return commits.length;
    },
    stop: async () => own?.stop(),
  };
  return scenario;
}

/** The ClusterIssuer for the scenario's CA. */
export function acmeIssuer({ pebble }: Pick<Scenario, 'pebble'>, name = 'pebble'): string {
  return `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: ${name}
spec:
  acme:
    server: ${pebble.directoryUrl}
    email: ops@example.com
    caBundle: ${Buffer.from(pebble.caPem).toString('base64')}
    privateKeySecretRef:
      name: ${name}-account
    solvers:
      - http01:
          ingress:
            class: nginx
`;
}

export interface CertificateRequest {
  readonly name: string;
  readonly namespace?: string;
  readonly dnsNames: readonly string[];
  /** `Kind/name`; default `ClusterIssuer/pebble`. */
  readonly issuer?: string;
  readonly algorithm?: 'RSA' | 'ECDSA' | 'Ed25519';
  /** More lines of the spec, two spaces in. */
  readonly spec?: string;
}

export function certificate(request: CertificateRequest): string {
  const { name, namespace = 'web', dnsNames, issuer = 'ClusterIssuer/pebble', algorithm = 'ECDSA' } = request;
  const [kind, issuerName] = issuer.split('/');
  return `apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  secretName: ${name}-tls
${dnsNames.length === 0 ? '' : `  dnsNames:\n${dnsNames.map((dnsName) => `    - "${dnsName}"\n`).join('')}`}  privateKey:
    algorithm: ${algorithm}
  issuerRef:
    kind: ${kind}
    name: ${issuerName}
${request.spec ?? ''}`;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** A CA of one's own in namespace `pki`: a self-signed root of this duration, and Issuer `ours` that signs with it. */
export function privateCa(duration = '8760h'): string {
  return `${certificate({
    name: 'root',
    namespace: 'pki',
    dnsNames: [],
    issuer: 'ClusterIssuer/selfsigned',
    spec: `  isCA: true\n  commonName: Our Root\n  duration: ${duration}\n`,
  })}---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: ours
  namespace: pki
spec:
  ca:
    secretName: root-tls
`;
}
