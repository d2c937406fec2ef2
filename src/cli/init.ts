import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configHome, defaultSigningKey, type Environment } from '../daemon/config.ts';
import { CertopsError } from '../lib/errors.ts';
import { generateIdentity, loadIdentities } from '../secrets/sops/identities.ts';
import { initRepository } from '../store/repository.ts';
import { generateSigningKey, loadSigningKey } from '../store/signing-key.ts';
import type { Console } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';

export interface InitOptions {
  /** The library of policies goes along, switched off. */
  readonly policies?: boolean | undefined;
}

const RECIPIENT_PLACEHOLDER = '__AGE_RECIPIENT__';
const AUTHOR = { name: 'certops', email: 'certops@localhost' };

/**
 * `certops init`: a configuration repository from the template, with an age identity where SOPS looks for
 * it and a signing key where `run` looks for it. Keys that are there already are used, never replaced.
 */
export async function init(
  console: Console,
  directory: string | undefined,
  environment: Environment,
  now: Date,
  { policies = false }: InitOptions = {},
): Promise<ExitCode> {
  const dir = resolve(directory ?? '.');
  await checkEmpty(dir);
  const recipient = await ensureIdentity(environment, console);
  const signingKey = await ensureSigningKey(environment, console);
  const library = policies ? await copyPolicies(dir) : [];
  const files = [...(await copyTemplate(dir, recipient)), ...library].sort();
  await initRepository({
    dir,
    files,
    message: 'Start a certificate repository\n\nMade by certops init from its template.\n',
    author: AUTHOR,
    signer: await loadSigningKey(signingKey),
    when: now,
  });
  const shown = relative(process.cwd(), dir) || '.';
  console.out(
    [
      `A certificate repository is in ${shown}: ${files.length} files, one commit on branch main.`,
      '',
      'Next:',
      '  1. Make an empty repository on your Git server, and push this one to it:',
      `       git -C ${shown} remote add origin URL`,
      `       git -C ${shown} push -u origin main`,
      '  2. Add a Certificate (the README in it shows one), commit it and push it.',
      '  3. Issue what is asked for:',
      '       certops run --once --repo URL',
      '  4. Look at what came of it:',
      `       git -C ${shown} pull`,
      `       certops get certificates -A --repo ${shown}`,
      ...(policies
        ? ['', `Policies to edit and to put in force are in ${join(shown, 'policies')}; its README says how.`]
        : []),
    ].join('\n'),
  );
  return EXIT.ok;
}

async function checkEmpty(dir: string): Promise<void> {
  const entries = await readdir(dir).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw new CertopsError(
      'cli.init-unusable',
      { what: `${dir} cannot be used`, why: thrown.message, next: 'Name another folder' },
      { retry: { when: 'never' }, cause: thrown },
    );
  });
  if (entries.length === 0) return;
  throw new CertopsError(
    'cli.init-not-empty',
    {
      what: `${dir} is not empty`,
      next: 'Name a new folder: certops init DIR. Nothing was changed',
    },
    { retry: { when: 'never' } },
  );
}

/** The recipient of the first identity in SOPS's usual place; one is made there when there is none. */
async function ensureIdentity(environment: Environment, console: Console): Promise<string> {
  const identities = await loadIdentities(environment);
  const [first] = await identities.recipients();
  if (first !== undefined) {
    console.out(`Secrets are sealed to your age identity ${first}.`);
    return first;
  }
  const { identity, recipient } = await generateIdentity();
  const path = join(configHome(environment), 'sops', 'age', 'keys.txt');
  const text = identity.map((secret) => `# made by certops init\n# public key: ${recipient}\n${secret}\n`);
  await writePrivate(path, text.reveal());
  console.out(`A new age identity is in ${path}. Keep a copy: without it the Secrets cannot be opened.`);
  return recipient;
}

async function ensureSigningKey(environment: Environment, console: Console): Promise<string> {
  const path = defaultSigningKey(environment);
  const exists = await readFile(path).then(
    () => true,
    () => false,
  );
  if (exists) {
    console.out(`Commits are signed with ${path}.`);
    return path;
  }
  const { privateOpenSsh, publicOpenSsh } = generateSigningKey(AUTHOR.email);
  await writePrivate(path, privateOpenSsh.reveal());
  await writeFile(`${path}.pub`, `${publicOpenSsh}\n`);
  console.out(`A new signing key is in ${path}.`);
  return path;
}

async function writePrivate(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // `wx`: what is there is never overwritten, not even by two runs at once.
  await writeFile(path, text, { mode: 0o600, flag: 'wx' });
  await chmod(path, 0o600);
}

/**
 * Copies the library of policies, each with `.off` at the end of its name: from the first one in force on, nothing is
 * issued that none approves, and the first issuer is to work at once.
 */
async function copyPolicies(dir: string): Promise<readonly string[]> {
  const library = fileURLToPath(new URL('../../policies/', import.meta.url));
  const folder = join(dir, 'policies');
  await mkdir(folder, { recursive: true });
  const copied: string[] = [];
  for (const name of await readdir(library)) {
    const target = name.endsWith('.yaml') ? `${name}.off` : name;
    await writeFile(join(folder, target), await readFile(join(library, name)));
    copied.push(`policies/${target}`);
  }
  return copied;
}

/** Copies the template; `dot-NAME` becomes `.NAME`, because npm leaves some dot files out of packages. */
async function copyTemplate(dir: string, recipient: string): Promise<readonly string[]> {
  const template = fileURLToPath(new URL('../../repo-template/', import.meta.url));
  const copied: string[] = [];
  for (const entry of await readdir(template, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const target = relative(template, source)
      .split(/[\\/]/)
      .map((part) => part.replace(/^dot-/, '.'))
      .join('/');
    const text = await readFile(source, 'utf8');
    await mkdir(dirname(join(dir, target)), { recursive: true });
    await writeFile(join(dir, target), text.replaceAll(RECIPIENT_PLACEHOLDER, recipient));
    copied.push(target);
  }
  return copied.sort();
}
