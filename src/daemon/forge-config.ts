import { createPrivateKey } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ForgeKind } from '../forge/forge.ts';
import { type ListenAddress, parseListenAddress } from '../http/listen-address.ts';
import { CertopsError } from '../lib/errors.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { type Found, invalid } from './setting-value.ts';
import type { SettingName } from './settings.ts';

/** Which forge is spoken to, and as whom. Without token and App there are no pull requests but on plain Git. */
export interface ForgeConfig {
  /** `auto`: found out by the remote's URL and API. */
  readonly kind: ForgeKind | 'auto';
  /** Where it lies, when the remote's URL does not tell. */
  readonly url: string | undefined;
  readonly token: Sensitive<string> | undefined;
  /** A GitHub App in place of a token. */
  readonly app: ForgeAppConfig | undefined;
}

export interface ForgeAppConfig {
  /** App id or client id. */
  readonly id: string;
  /** PEM. */
  readonly privateKey: Sensitive<string>;
  /** Undefined: found by the repository. */
  readonly installationId: number | undefined;
}

/** The listener of health, readiness and webhooks. */
export interface ListenConfig {
  readonly address: ListenAddress;
  /** Somebody has named it: without it nothing is started. The default's port may be taken by another daemon. */
  readonly isAsked: boolean;
}

type Lookup = (name: SettingName) => Found | undefined;

const KINDS = ['auto', 'github', 'gitlab', 'gitea', 'forgejo', 'git'] as const;
const DEFAULT_LISTEN = '127.0.0.1:9402';
const MAX_KEY_BYTES = 64 * 1024;
/** Shorter ones can be guessed by whoever sees one signature. */
const MIN_WEBHOOK_SECRET = 16;

/** Throws `config.invalid`; reads the App's key. */
export async function readForgeConfig(find: Lookup, allowPlainLoopback: boolean): Promise<ForgeConfig> {
  const kind = readKind(find('forge'));
  const url = readForgeUrl(find('forgeUrl'), allowPlainLoopback);
  const token = readToken(find('forgeToken'));
  const app = await readApp(find);
  if (token !== undefined && app !== undefined) {
    throw invalid(
      `${find('forgeToken')?.from} and ${find('forgeAppId')?.from} are both given`,
      'Give a token, or a GitHub App, not both',
    );
  }
  if (app !== undefined && kind !== 'auto' && kind !== 'github') {
    throw invalid(
      `${find('forgeAppId')?.from}: only GitHub has Apps`,
      `For ${kind} give CERTOPS_FORGE_TOKEN`,
    );
  }
  if (kind !== 'auto' && kind !== 'git' && token === undefined && app === undefined) {
    throw invalid(
      `${find('forge')?.from}: there is no token for ${kind}`,
      'Give one as CERTOPS_FORGE_TOKEN, or say git for branches without pull requests',
    );
  }
  return { kind, url, token, app };
}

/** Undefined: `off`. Throws `config.invalid`. */
export function readListen(found: Found | undefined): ListenConfig | undefined {
  const text = found?.text ?? DEFAULT_LISTEN;
  if (text === 'off') return undefined;
  const address = parseListenAddress(text);
  if (address !== undefined) return { address, isAsked: found !== undefined };
  throw invalid(
    `${found?.from}: "${text}" is no address to listen on`,
    `Write it like ${DEFAULT_LISTEN}, [::1]:9402 or :9402 for every interface, or say off`,
  );
}

/** At most two, while one takes the place of the other. Throws `config.invalid`, quoting none. */
export function readWebhookSecrets(found: Found | undefined): readonly Sensitive<string>[] {
  const secrets = (found?.text ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (secrets.length > 2) {
    throw invalid(
      `${found?.from}: ${secrets.length} secrets are given`,
      'Give one, or two while one replaces the other',
    );
  }
  if (secrets.some((secret) => secret.length < MIN_WEBHOOK_SECRET)) {
    throw invalid(
      `${found?.from}: a secret is shorter than ${MIN_WEBHOOK_SECRET} characters`,
      'Make one with: openssl rand -hex 32. A comma separates two',
    );
  }
  return secrets.map((secret) => new Sensitive(secret));
}

function readKind(found: Found | undefined): ForgeConfig['kind'] {
  const text = found?.text ?? 'auto';
  const kind = KINDS.find((one) => one === text);
  if (kind !== undefined) return kind;
  throw invalid(`${found?.from}: "${text}" is no forge that certops knows`, `Use one of ${KINDS.join(', ')}`);
}

function readForgeUrl(found: Found | undefined, allowPlainLoopback: boolean): string | undefined {
  if (found === undefined) return undefined;
  const url = URL.canParse(found.text) ? new URL(found.text) : undefined;
  // The URL itself is not quoted before it is known to hold no password.
  if (
    url === undefined ||
    url.username !== '' ||
    url.password !== '' ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    throw invalid(
      `${found.from} is no plain URL`,
      'Write it like https://git.example.com, without user, password and query',
    );
  }
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback && allowPlainLoopback)) {
    return found.text;
  }
  throw invalid(
    `${found.from}: "${found.text}" is not https`,
    'A token goes there; plain HTTP is for loopback addresses with --allow-plain-loopback',
  );
}

function readToken(found: Found | undefined): Sensitive<string> | undefined {
  if (found === undefined) return undefined;
  const token = found.text.trim();
  // RFC 9110, section 5.5: what else stands in a header's value is no token of any forge.
  if (/^[\x21-\x7e]+$/.test(token)) return new Sensitive(token);
  throw invalid(`${found.from} is no token`, 'Give the token on one line, without anything around it');
}

async function readApp(find: Lookup): Promise<ForgeAppConfig | undefined> {
  const [id, key, installation] = [find('forgeAppId'), find('forgeAppKey'), find('forgeAppInstallation')];
  if (id === undefined && key === undefined && installation === undefined) return undefined;
  if (id === undefined || key === undefined) {
    throw invalid(
      `${(id ?? key ?? installation)?.from}: a GitHub App needs its id and its key`,
      'Give both --forge-app-id and --forge-app-key',
    );
  }
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(id.text)) throw invalid(`${id.from}: "${id.text}" is no id of an App`);
  if (installation !== undefined && !/^[1-9]\d{0,14}$/.test(installation.text)) {
    throw invalid(`${installation.from}: "${installation.text}" is no id of an installation`);
  }
  return {
    id: id.text,
    privateKey: await readPrivateKey(key),
    installationId: installation === undefined ? undefined : Number(installation.text),
  };
}

async function readPrivateKey({ text: path, from }: Found): Promise<Sensitive<string>> {
  const pem = await readOwnFile(path, from);
  try {
    if (createPrivateKey(pem).asymmetricKeyType === 'rsa') return new Sensitive(pem);
  } catch {
    // The library's words may quote the file.
  }
  throw invalid(
    `${from}: ${path} holds no RSA key in PEM`,
    "Use the file that the App's page made, as it is",
  );
}

async function readOwnFile(path: string, from: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { mode, size } = await file.stat();
      if ((mode & 0o077) !== 0) {
        throw invalid(`${from}: others than its owner can read ${path}`, `Run: chmod 600 ${path}`);
      }
      if (size > MAX_KEY_BYTES) throw invalid(`${from}: ${path} is too large for a key`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof CertopsError) throw thrown;
    throw invalid(`${from}: ${path} cannot be read`, 'Check the path and its rights', thrown);
  }
}
