import type { KeyObject } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity } from 'age-encryption';
import { InternalError } from '../../lib/errors.ts';
import { Sensitive } from '../../lib/sensitive.ts';
import { recipientOf } from './data-key.ts';
import { SopsError } from './sops-error.ts';
import { x25519PrivateKey } from './x25519-stanza.ts';

/** One age X25519 identity and the recipient that belongs to it. */
export interface AgeIdentity {
  /** `AGE-SECRET-KEY-1…`. */
  readonly identity: Sensitive<string>;
  /** `age1…`. */
  readonly recipient: string;
  /** The same key for Node's X25519; a KeyObject does not print. */
  readonly agreementKey: KeyObject;
}

/** Something about a source of identities that its owner should mend; no key material. */
export interface IdentityWarning {
  readonly kind: 'file-mode' | 'unsupported-identity';
  /** The file or variable. */
  readonly source: string;
  /** For people. */
  readonly message: string;
}

/** The identities in hand, in the order in which they are tried. May be empty. */
export interface AgeIdentities {
  readonly identities: readonly AgeIdentity[];
  readonly warnings: readonly IdentityWarning[];
  recipients(): Promise<readonly string[]>;
}

const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Collects identities as SOPS does: `SOPS_AGE_KEY`, `SOPS_AGE_KEY_FILE`, and `sops/age/keys.txt` in the user's
 * configuration folder, merged in this order. Nothing else is looked at, `~/.ssh` in particular.
 *
 * @throws SopsError `sops.identity-unreadable` when a file that is there or named cannot be read,
 *   `sops.identity-invalid` when a line is no identity (it is named by number, never quoted).
 */
export async function loadIdentities(env: NodeJS.ProcessEnv): Promise<AgeIdentities> {
  const found: string[] = [];
  const warnings: IdentityWarning[] = [];
  if (env.SOPS_AGE_KEY) collect(env.SOPS_AGE_KEY, 'SOPS_AGE_KEY', found, warnings);
  if (env.SOPS_AGE_KEY_FILE) {
    const text = await readKeyFile(env.SOPS_AGE_KEY_FILE, warnings);
    if (text === undefined) throw unreadable(env.SOPS_AGE_KEY_FILE, 'There is no such file');
    collect(text, env.SOPS_AGE_KEY_FILE, found, warnings);
  }
  const defaultFile = join(userConfigFolder(env), 'sops', 'age', 'keys.txt');
  if (defaultFile !== env.SOPS_AGE_KEY_FILE) {
    const text = await readKeyFile(defaultFile, warnings);
    if (text !== undefined) collect(text, defaultFile, found, warnings);
  }
  return identitiesFrom(
    found.map((text) => new Sensitive(text)),
    warnings,
  );
}

/**
 * Identities from their texts, for a caller that has them already.
 *
 * @throws SopsError `sops.identity-invalid`
 */
export async function identitiesFrom(
  texts: readonly Sensitive<string>[],
  warnings: readonly IdentityWarning[] = [],
): Promise<AgeIdentities> {
  const byRecipient = new Map<string, AgeIdentity>();
  for (const [index, identity] of texts.entries()) {
    const recipient = await recipientOf(identity.reveal());
    if (recipient === undefined) throw invalid(`identity ${index + 1}`);
    byRecipient.set(recipient, { identity, recipient, agreementKey: x25519PrivateKey(identity.reveal()) });
  }
  const recipients = [...byRecipient.keys()];
  return { identities: [...byRecipient.values()], warnings, recipients: async () => recipients };
}

/** A new age X25519 identity. */
export async function generateIdentity(): Promise<{
  readonly identity: Sensitive<string>;
  readonly recipient: string;
}> {
  const identity = await generateX25519Identity();
  const recipient = await recipientOf(identity);
  if (recipient === undefined) throw new InternalError('a new age identity is not valid');
  return { identity: new Sensitive(identity), recipient };
}

function collect(text: string, source: string, found: string[], warnings: IdentityWarning[]): void {
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (/^AGE-(PLUGIN-|SECRET-KEY-PQ-)/i.test(line)) {
      warnings.push({
        kind: 'unsupported-identity',
        source,
        message: `Line ${index + 1} of ${source} is a plugin or post-quantum identity, which is not used`,
      });
    } else if (/^AGE-SECRET-KEY-1[0-9A-Z]{58}$/i.test(line)) {
      found.push(line.toUpperCase());
    } else {
      throw invalid(`line ${index + 1} of ${source}`);
    }
  }
}

/** The text of a key file, undefined where there is none. */
async function readKeyFile(path: string, warnings: IdentityWarning[]): Promise<string | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > MAX_FILE_BYTES) throw unreadable(path, 'It is no file of identities');
    if ((stats.mode & 0o077) !== 0) {
      warnings.push({
        kind: 'file-mode',
        source: path,
        message: `Others on this machine may read ${path}; run chmod 600 on it`,
      });
    }
    return await file.readFile('utf8');
  } catch (thrown) {
    if (thrown instanceof SopsError) throw thrown;
    // The error of a system call: its code says what happened.
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, `The system answers ${code}`);
  } finally {
    await file?.close();
  }
}

function userConfigFolder(env: NodeJS.ProcessEnv): string {
  if (env.XDG_CONFIG_HOME) return env.XDG_CONFIG_HOME;
  const home = env.HOME || homedir();
  return process.platform === 'darwin' ? join(home, 'Library', 'Application Support') : join(home, '.config');
}

function unreadable(path: string, why: string): SopsError {
  return new SopsError(
    'sops.identity-unreadable',
    {
      what: `The file of age identities ${path} cannot be read`,
      why,
      next: 'Mend SOPS_AGE_KEY_FILE, or the rights of the file',
    },
    { path },
  );
}

function invalid(where: string): SopsError {
  return new SopsError(
    'sops.identity-invalid',
    {
      what: `There is no age identity in ${where}`,
      why: 'Each line is AGE-SECRET-KEY-1 and 58 more characters, a comment that begins with #, or empty',
      next: 'Put back the line that age-keygen printed',
    },
    { where },
  );
}
