/** Which way imports point. Each room names the rooms below it that it may import, besides itself. */
const PURE = ['lib', 'api', 'pki'];
const PLANNED = [...PURE, 'plan', 'policy', 'diagnosis'];
const EXPLAINING = ['remedies', 'proposals'];
const ADAPTERS = ['acme', 'solvers', 'issuers', 'evidence', 'secrets', 'store', 'forge', 'status'];
const RECONCILED = [...PLANNED, ...EXPLAINING, ...ADAPTERS];
const DAEMON = [...RECONCILED, 'reconcile', 'observability', 'http'];

export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  api: ['lib'],
  pki: ['lib', 'api'],
  plan: PURE,
  policy: PURE,
  diagnosis: PURE,
  remedies: [...PURE, 'diagnosis'],
  proposals: [...PURE, 'diagnosis', 'remedies'],
  acme: PLANNED,
  solvers: PLANNED,
  issuers: [...PLANNED, 'acme', 'solvers'],
  evidence: [...PLANNED, 'solvers'],
  secrets: PLANNED,
  store: PLANNED,
  forge: [...PLANNED, 'proposals'],
  status: PLANNED,
  observability: ['lib'],
  http: ['lib', 'api', 'observability', 'forge'],
  reconcile: RECONCILED,
  daemon: DAEMON,
  cli: [...DAEMON, 'daemon'],
  main: ['lib', 'cli'],
};

/** Each third-party package and the one room that imports it (the first that does, where several are named). */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@bufbuild/re2': ['lib'],
  yaml: ['lib'],
  zod: ['lib'],
  '@peculiar/x509': ['pki'],
  'reflect-metadata': ['pki'],
  'acme-client': ['acme'],
  'age-encryption': ['secrets'],
  'sops-age': ['secrets'],
  'isomorphic-git': ['store'],
  'simple-git': ['store'],
  pino: ['observability'],
  commander: ['cli'],
  'cli-table3': ['cli'],
  'p-limit': ['lib', 'reconcile'],
  'dns-packet': ['solvers'],
  '@marcbachmann/cel-js': ['policy'],
  '@octokit/rest': ['forge'],
  '@octokit/auth-app': ['forge'],
  '@octokit/plugin-throttling': ['forge'],

  '@gitbeaker/rest': ['forge'],
  'gitea-js': ['forge'],
};

/** Rooms that compute from what they are given: no file system, network, clock or processes. */
export const PURE_ROOMS: readonly string[] = [
  'api',
  'pki',
  'plan',
  'policy',
  'diagnosis',
  'remedies',
  'proposals',
];

/** What of Node a pure room may import: values in, values out (and keys and hashes). */
export const PURE_CORE_MODULES: readonly string[] = [
  'assert',
  'buffer',
  'crypto',
  'path',
  'path/posix',
  'punycode',
  'querystring',
  'string_decoder',
  'url',
  'util',
  'util/types',
];

/** The only names of `node:net` that a pure room may import: they read text and open nothing. */
export const PURE_NET_NAMES: readonly string[] = ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'];

/** Core modules that single files of pure rooms may import all the same, and why. */
export const PURE_EXCEPTIONS: readonly {
  readonly file: RegExp;
  readonly modules: readonly string[];
  readonly why: string;
}[] = [
  {
    file: /^src\/api\/[a-z-]*(worker|bounded)[a-z-]*\.ts$/,
    modules: ['worker_threads', 'events', 'timers'],
    why: 'large files are parsed in a worker with a deadline, so that no file can hold the event loop',
  },
  {
    file: /^src\/policy\/[a-z-]*worker[a-z-]*\.ts$/,
    modules: ['worker_threads'],
    why: 'expressions run in a worker with a deadline: no engine has a budget of its own',
  },
];
