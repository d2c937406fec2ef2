import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { FieldErrors } from '../api/field-error.ts';
import { readTenancy, TENANCY, type Tenancy } from '../api/tenancy.ts';
import { parseInstant } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import { type FaultStep, isFaultStep } from '../lib/faults.ts';
import { parseGoDuration } from '../lib/go-duration.ts';
import type { LogLevel } from '../lib/log.ts';
import { checkShape } from '../lib/schema.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { readPlainYaml } from '../lib/yaml-write.ts';
import { isX25519Recipient } from '../secrets/sops/bech32.ts';
import { parseNameserver } from '../solvers/dns/nameserver.ts';
import {
  type ForgeConfig,
  type ListenConfig,
  readForgeConfig,
  readListen,
  readWebhookSecrets,
} from './forge-config.ts';
import { type Found, invalid } from './setting-value.ts';
import { SETTINGS, type Setting, type SettingName } from './settings.ts';

/** The operator's own configuration, complete and checked. */
export interface DaemonConfig {
  readonly repo: string;
  readonly branch: string;
  readonly dataDir: string;
  readonly pollIntervalMs: number;
  readonly http01Port?: number | undefined;
  readonly http01Host?: string | undefined;
  /** A folder that a web server serves; absolute or as the operator wrote it. */
  readonly http01Webroot?: string | undefined;
  /** `host:port` or https URLs; empty: the system's. */
  readonly dnsResolvers: readonly string[];
  readonly signingKey: string;
  readonly isUnsigned: boolean;
  readonly trustFrom?: string | undefined;
  /** Tenancy rules that hold whatever certops.yaml says; from the configuration file alone. */
  readonly tenancyFloor: Tenancy;
  /** age recipients that are accepted wherever `.sops.yaml` names them. */
  readonly recipients: readonly string[];
  readonly maxInFlight: number;
  readonly maxConnections: number;
  /** Undefined: 10, and none for a CA at a loopback address; 0: no limit. */
  readonly ordersPerMinute: number | undefined;
  readonly allowPlainLoopback: boolean;
  readonly credentials?: { readonly username: string; readonly token: Sensitive<string> } | undefined;
  /** Where health, readiness and webhooks are served; undefined: nowhere. */
  readonly listen: ListenConfig | undefined;
  /** Empty: no webhooks are taken. */
  readonly webhookSecrets: readonly Sensitive<string>[];
  readonly forge: ForgeConfig;
  readonly logLevel: LogLevel;
  /** Only with CERTOPS_TESTING=1. */
  readonly testing: { readonly fault?: FaultStep | undefined; readonly startAt?: Date | undefined };
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Puts the configuration together: a flag wins over a variable, a variable over the file.
 * Throws `config.invalid`, naming where the wrong value came from.
 */
export async function readConfig(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  environment: Environment,
  configFile?: string,
): Promise<DaemonConfig> {
  const file = configFile === undefined ? {} : await readConfigFile(configFile);
  const found = findValues(flags, environment, file, configFile);
  const text = (name: SettingName) => found.get(name)?.text;
  const repo = text('repo');
  if (repo === undefined) {
    throw invalid(
      'No repository is named',
      'Name it with --repo, CERTOPS_REPO or "repo" in the configuration file',
    );
  }
  const branch = text('branch') ?? 'main';
  return {
    repo,
    branch,
    dataDir: text('dataDir') ?? defaultDataDir(environment, repo, branch),
    pollIntervalMs: readDuration(found.get('interval')) ?? 60_000,
    http01Port: readCount(found.get('http01Port'), 0, 65_535),
    http01Host: text('http01Host'),
    http01Webroot: text('http01Webroot'),
    dnsResolvers: readResolvers(found.get('dnsResolver')),
    signingKey: text('signingKey') ?? defaultSigningKey(environment),
    isUnsigned: readSwitch(found.get('unsigned')),
    trustFrom: readCommit(found.get('trustFrom')),
    tenancyFloor: readTenancyFloor(file[TENANCY_FIELD], configFile),
    recipients: readRecipients(found.get('recipients')),
    maxInFlight: readCount(found.get('maxInFlight'), 1, 10_000) ?? 100,
    ordersPerMinute: readCount(found.get('ordersPerMinute'), 0, 100_000),
    maxConnections: readCount(found.get('maxConnections'), 1, 1_000) ?? 16,
    allowPlainLoopback: readSwitch(found.get('allowPlainLoopback')),
    credentials: readCredentials(found),
    listen: readListen(found.get('listen')),
    webhookSecrets: readWebhookSecrets(found.get('webhookSecrets')),
    forge: await readForgeConfig((name) => found.get(name), readSwitch(found.get('allowPlainLoopback'))),
    logLevel: readLogLevel(found.get('logLevel')),
    testing: readTesting(environment),
  };
}

/** What a command of a person takes of the settings: how the remote and its forge are reached. Throws `config.invalid`. */
export async function readAccess(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  environment: Environment,
): Promise<Pick<DaemonConfig, 'credentials' | 'forge' | 'allowPlainLoopback'>> {
  const found = findValues(flags, environment, {}, undefined);
  const allowPlainLoopback = readSwitch(found.get('allowPlainLoopback'));
  return {
    credentials: readCredentials(found),
    forge: await readForgeConfig((name) => found.get(name), allowPlainLoopback),
    allowPlainLoopback,
  };
}

function readCredentials(found: ReadonlyMap<SettingName, Found>): DaemonConfig['credentials'] {
  const token = found.get('gitToken')?.text;
  if (token === undefined) return undefined;
  return { username: found.get('gitUsername')?.text ?? 'git', token: new Sensitive(token) };
}

/** The one field of the configuration file that is no single value, and so neither a flag nor a variable. */
const TENANCY_FIELD = 'tenancy';

function readTenancyFloor(value: unknown, configFile: string | undefined): Tenancy {
  if (value === undefined) return [];
  const errors = new FieldErrors();
  const checked = checkShape(TENANCY, value);
  if (!checked.ok)
    errors.shape(checked.issues.map((issue) => ({ ...issue, path: [TENANCY_FIELD, ...issue.path] })));
  const rules = checked.ok ? readTenancy(errors, [TENANCY_FIELD], checked.value) : [];
  const [error] = errors.all;
  if (error !== undefined) {
    throw invalid(
      `${configFile}: ${error.message}`,
      'It takes the same rules as spec.tenancy of certops.yaml',
    );
  }
  return rules;
}

/** Where `init` puts the signing key and `run` looks for it. */
export function defaultSigningKey(environment: Environment): string {
  return join(configHome(environment), 'certops', 'signing-key');
}

export function configHome(environment: Environment): string {
  return environment.XDG_CONFIG_HOME || join(environment.HOME || homedir(), '.config');
}

function findValues(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  environment: Environment,
  file: Readonly<Record<string, unknown>>,
  configFile: string | undefined,
): ReadonlyMap<SettingName, Found> {
  const found = new Map<SettingName, Found>();
  for (const setting of SETTINGS) {
    const value = findValue(setting, flags, environment, file, configFile);
    if (value !== undefined) found.set(setting.name, value);
  }
  return found;
}

function findValue(
  setting: Setting,
  flags: Readonly<Record<string, string | boolean | undefined>>,
  environment: Environment,
  file: Readonly<Record<string, unknown>>,
  configFile: string | undefined,
): Found | undefined {
  const flag = flags[setting.name];
  if (flag !== undefined) return { text: String(flag), from: setting.flag };
  const variable = environment[setting.variable];
  if (variable !== undefined && variable !== '') return { text: variable, from: setting.variable };
  const field = file[setting.name];
  if (field === undefined || field === null) return undefined;
  if (typeof field === 'object') throw invalid(`"${setting.name}" in ${configFile} is no single value`);
  return { text: String(field), from: `"${setting.name}" in ${configFile}` };
}

async function readConfigFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  let document: unknown;
  try {
    [document] = readPlainYaml(await readFile(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof CertopsError ? `${cause.explanation.why}. ` : '';
    throw invalid(`The configuration file ${path} cannot be read`, `${why}Check --config`, cause);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw invalid(`The configuration file ${path} holds no map of settings`);
  }
  const known = new Set<string>([...SETTINGS.map(({ name }) => name), TENANCY_FIELD]);
  const unknown = Object.keys(document).find((key) => !known.has(key));
  if (unknown !== undefined) {
    throw invalid(`"${unknown}" in ${path} is no setting`, `The settings are ${[...known].join(', ')}`);
  }
  return document as Readonly<Record<string, unknown>>;
}

function readDuration(found: Found | undefined): number | undefined {
  if (found === undefined) return undefined;
  const ms = parseGoDuration(found.text);
  if (ms === undefined || ms < 100) {
    throw invalid(
      `${found.from}: "${found.text}" is no duration of at least 100ms`,
      'Write it like 30s, 5m or 1h30m',
    );
  }
  return ms;
}

function readCount(found: Found | undefined, min: number, max: number): number | undefined {
  if (found === undefined) return undefined;
  const count = /^\d{1,9}$/.test(found.text) ? Number(found.text) : Number.NaN;
  if (!(count >= min && count <= max)) {
    throw invalid(`${found.from}: "${found.text}" is no whole number from ${min} to ${max}`);
  }
  return count;
}

function readSwitch(found: Found | undefined): boolean {
  if (found === undefined) return false;
  if (/^(true|1|yes|on)$/i.test(found.text)) return true;
  if (/^(false|0|no|off)$/i.test(found.text)) return false;
  throw invalid(`${found.from}: "${found.text}" is neither true nor false`);
}

function readCommit(found: Found | undefined): string | undefined {
  if (found === undefined) return undefined;
  if (!/^[0-9a-f]{40}$/.test(found.text)) {
    throw invalid(
      `${found.from}: "${found.text}" is no full commit id`,
      'Give all 40 hex digits (git rev-parse COMMIT)',
    );
  }
  return found.text;
}

function readRecipients(found: Found | undefined): readonly string[] {
  const recipients = (found?.text ?? '').split(/[,\s]+/).filter((text) => text !== '');
  const wrong = recipients.find((text) => !isX25519Recipient(text));
  if (wrong !== undefined) {
    throw invalid(
      `${found?.from}: "${wrong.slice(0, 80)}" is no age recipient`,
      'Give age X25519 recipients (age1…), separated by commas',
    );
  }
  return recipients;
}

function readResolvers(found: Found | undefined): readonly string[] {
  const resolvers = (found?.text ?? '').split(/[,\s]+/).filter((text) => text !== '');
  for (const resolver of resolvers) {
    try {
      parseNameserver(resolver);
    } catch (cause) {
      if (!(cause instanceof CertopsError)) throw cause;
      throw invalid(`${found?.from}: ${cause.explanation.what}`, cause.explanation.next, cause);
    }
  }
  return resolvers;
}

function readLogLevel(found: Found | undefined): LogLevel {
  const level = found?.text ?? 'info';
  if (level === 'debug' || level === 'info' || level === 'warn' || level === 'error') return level;
  throw invalid(`${found?.from}: "${level}" is no log level`, 'Use debug, info, warn or error');
}

function readTesting(environment: Environment): DaemonConfig['testing'] {
  const { CERTOPS_FAULT: fault, CERTOPS_CLOCK: clock, CERTOPS_TESTING: testing } = environment;
  if (!fault && !clock) return {};
  if (testing !== '1') {
    throw invalid(
      'CERTOPS_FAULT and CERTOPS_CLOCK are for tests',
      'Unset them, or set CERTOPS_TESTING=1 too',
    );
  }
  if (fault && !isFaultStep(fault)) {
    throw invalid(`CERTOPS_FAULT: "${fault}" is no step`, 'certops run --list-faults prints them');
  }
  const startAt = clock ? parseInstant(clock) : undefined;
  if (clock && startAt === undefined) throw invalid(`CERTOPS_CLOCK: "${clock}" is no RFC 3339 time`);
  return { fault: fault && isFaultStep(fault) ? fault : undefined, startAt };
}

function defaultDataDir(environment: Environment, repo: string, branch: string): string {
  const cache = environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), '.cache');
  const id = createHash('sha256').update(`${repo}\0${branch}`).digest('hex').slice(0, 16);
  return join(cache, 'certops', id);
}
