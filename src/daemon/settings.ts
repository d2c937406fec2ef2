/** One setting of the daemon: a flag, an environment variable and a field of the configuration file. */
export interface Setting {
  /** Field of the configuration file, in camel case. */
  readonly name: SettingName;
  /** `--http01-port`. */
  readonly flag: string;
  /** `CERTOPS_HTTP01_PORT`. */
  readonly variable: string;
  readonly type: 'text' | 'duration' | 'count' | 'switch' | 'secret';
  /** Placeholder in the help. */
  readonly value?: string;
  readonly description: string;
}

export const SETTING_NAMES = [
  'repo',
  'branch',
  'dataDir',
  'interval',
  'http01Port',
  'http01Host',
  'http01Webroot',
  'dnsResolver',
  'signingKey',
  'unsigned',
  'trustFrom',
  'recipients',
  'maxInFlight',
  'maxConnections',
  'ordersPerMinute',
  'allowPlainLoopback',
  'gitUsername',
  'gitToken',
  'forge',
  'forgeUrl',
  'forgeToken',
  'forgeAppId',
  'forgeAppKey',
  'forgeAppInstallation',
  'listen',
  'webhookSecrets',
  'logLevel',
] as const;

export type SettingName = (typeof SETTING_NAMES)[number];

type Description = Omit<Setting, 'name' | 'flag' | 'variable'>;

const DESCRIPTIONS: Readonly<Record<SettingName, Description>> = {
  repo: { type: 'text', value: 'URL', description: 'the repository: a path, file://, https:// (required)' },
  branch: { type: 'text', value: 'BRANCH', description: 'the branch that holds the desired state (main)' },
  dataDir: {
    type: 'text',
    value: 'DIR',
    description: 'where the mirror is kept; nothing in it is needed ($XDG_CACHE_HOME/certops/<id>)',
  },
  interval: { type: 'duration', value: 'DURATION', description: 'how often the remote is looked at (1m)' },
  http01Port: {
    type: 'count',
    value: 'PORT',
    description: 'listen here for HTTP-01; without it no such challenge is taken on',
  },
  http01Host: { type: 'text', value: 'ADDRESS', description: 'address of the HTTP-01 listener (every one)' },
  http01Webroot: {
    type: 'text',
    value: 'DIR',
    description: 'write HTTP-01 answers below this web root; with a port too, both are used',
  },
  dnsResolver: {
    type: 'text',
    value: 'HOST:PORT,…',
    description:
      'resolvers for DNS-01 and for looking into failures, host:port or https URLs (those of the system)',
  },
  signingKey: {
    type: 'text',
    value: 'FILE',
    description: 'OpenSSH Ed25519 key that signs commits (~/.config/certops/signing-key)',
  },
  unsigned: {
    type: 'switch',
    description: 'make commits without a signature; outputs are then believed as they are',
  },
  trustFrom: {
    type: 'text',
    value: 'COMMIT',
    description: 'a commit whose outputs were checked by a person; for a new signing key',
  },
  recipients: {
    type: 'text',
    value: 'age1…,age1…',
    description: 'age recipients that .sops.yaml may add; without it an added one waits for certops rekey',
  },
  maxInFlight: { type: 'count', value: 'N', description: 'issuances under way at once (100)' },
  ordersPerMinute: {
    type: 'count',
    value: 'N',
    description: 'new orders at one account in a minute, 0 for no limit (10; at a loopback address none)',
  },
  maxConnections: { type: 'count', value: 'N', description: 'connections to one CA at once (16)' },
  allowPlainLoopback: {
    type: 'switch',
    description: 'take ACME servers on plain HTTP at loopback addresses',
  },
  gitUsername: { type: 'text', value: 'NAME', description: 'user name for an HTTPS remote (git)' },
  gitToken: { type: 'secret', description: 'token or password for an HTTPS remote; never a flag' },
  forge: {
    type: 'text',
    value: 'KIND',
    description: 'whose pull requests: auto, github, gitlab, gitea, forgejo or git for none (auto)',
  },
  forgeUrl: {
    type: 'text',
    value: 'URL',
    description: "where the forge lies, when the repository's URL does not tell",
  },
  forgeToken: { type: 'secret', description: "token for the forge's API; never a flag" },
  forgeAppId: { type: 'text', value: 'ID', description: 'a GitHub App in place of a token' },
  forgeAppKey: { type: 'text', value: 'FILE', description: "the App's private key, a PEM file of mode 0600" },
  forgeAppInstallation: {
    type: 'text',
    value: 'ID',
    description: "the App's installation (that of the repository)",
  },
  listen: {
    type: 'text',
    value: 'ADDRESS',
    description: 'host:port of health, readiness and webhooks, or off (127.0.0.1:9402)',
  },
  webhookSecrets: {
    type: 'secret',
    description: 'secret of the webhooks, or two while one replaces the other; never a flag',
  },
  logLevel: { type: 'text', value: 'LEVEL', description: 'debug, info, warn or error (info)' },
};

/** Every setting, in the order of the help. */
export const SETTINGS: readonly Setting[] = SETTING_NAMES.map((name) => {
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    name,
    flag: `--${words}`,
    variable: `CERTOPS_${words.replaceAll('-', '_').toUpperCase()}`,
    ...DESCRIPTIONS[name],
  };
});
