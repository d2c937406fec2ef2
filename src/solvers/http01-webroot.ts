import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, realpath, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CertopsError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { requireToken, tokenConflict } from './challenge-token.ts';
import type { Challenge, ChallengePresenter, Presentation } from './presenter.ts';
import { SharedRecords } from './shared-records.ts';

const FOLDERS = ['.well-known', 'acme-challenge'] as const;
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

export interface Http01WebrootOptions {
  /** What a web server serves on port 80. */
  readonly directory: string;
  readonly log: Log;
}

/**
 * HTTP-01 by files for a web server that is there anyway: `DIR/.well-known/acme-challenge/<token>`.
 *
 * Others may write below a web root, so no link there is followed, a file appears whole or not at all, and only
 * a file that still holds what was written is removed. There is no check by HTTP before a CA is told: the file
 * is in place when `present` resolves, and whether the server can be reached from where we stand (hairpin NAT,
 * split DNS) says nothing about whether a CA can.
 */
export class Http01Webroot implements ChallengePresenter {
  readonly #root: string;
  readonly #log: Log;
  /** By token. */
  readonly #files = new SharedRecords();
  /** What stands in the files that are shown, by token. */
  readonly #shown = new Map<string, string>();

  private constructor(root: string, log: Log) {
    this.#root = root;
    this.#log = log;
  }

  /** Makes the folders where they are missing. Throws `solvers.webroot-unusable`. */
  static async open({ directory, log }: Http01WebrootOptions): Promise<Http01Webroot> {
    try {
      const webroot = new Http01Webroot(await realpath(directory), log);
      await webroot.#ensureFolder();
      return webroot;
    } catch (thrown) {
      if (thrown instanceof CertopsError) throw thrown;
      throw unusable(directory, thrown);
    }
  }

  /** Throws `solvers.bad-token`, `solvers.token-conflict`, `solvers.webroot-unusable`. */
  async present(challenge: Challenge): Promise<Presentation> {
    const { identifier, token, keyAuthorization } = challenge;
    requireToken({ token, identifier });
    await this.#files.acquire(token, async () => {
      if ((this.#shown.get(token) ?? keyAuthorization) !== keyAuthorization) throw tokenConflict(identifier);
      await this.#write(token, keyAuthorization).catch((thrown: unknown) => {
        throw thrown instanceof CertopsError ? thrown : unusable(this.#root, thrown);
      });
      this.#shown.set(token, keyAuthorization);
    });
    this.#log.debug({ identifier }, 'challenge presented');
    let removal: Promise<void> | undefined;
    return {
      becomeVisible: async () => {},
      remove: () => {
        removal ??= this.#files.release(token, async () => {
          this.#shown.delete(token);
          await this.#removeOwn(challenge);
        });
        return removal;
      },
    };
  }

  async withdraw(challenge: Challenge): Promise<void> {
    requireToken(challenge);
    await this.#files.sweep(challenge.token, () => this.#removeOwn(challenge));
  }

  async #write(token: string, content: string): Promise<void> {
    const folder = await this.#ensureFolder();
    const path = join(folder, token);
    // Hidden, and no possible token, so that it is never served for one.
    const temporary = join(folder, `.${randomBytes(12).toString('hex')}.tmp`);
    const file = await open(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      FILE_MODE,
    );
    try {
      await writeWhole(file, content);
      // A rename puts the file in the place of a link instead of writing through it.
      await rename(temporary, path);
    } catch (thrown) {
      await unlink(temporary).catch(() => {});
      throw thrown;
    }
  }

  async #removeOwn({ identifier, token, keyAuthorization }: Challenge): Promise<void> {
    try {
      const path = join(await this.#ensureFolder(), token);
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const isOwn = await holds(file, keyAuthorization);
      if (isOwn) await unlink(path);
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
      if (code === 'ENOENT') return;
      this.#log.warn({ identifier, error: String(thrown) }, 'a challenge file could not be removed');
    }
  }

  /** Each part below the root must be a folder of its own, no link to somewhere else. */
  async #ensureFolder(): Promise<string> {
    let folder = this.#root;
    for (const part of FOLDERS) {
      folder = join(folder, part);
      await mkdir(folder, { mode: FOLDER_MODE }).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code !== 'EEXIST') throw thrown;
      });
      if (!(await lstat(folder)).isDirectory()) throw unusable(folder, new Error('it is a link or a file'));
    }
    return folder;
  }
}

async function writeWhole(file: FileHandle, content: string): Promise<void> {
  try {
    await file.writeFile(content);
    // Whatever the umask says: another user's web server must read it.
    await file.chmod(FILE_MODE);
  } finally {
    await file.close();
  }
}

async function holds(file: FileHandle, content: string): Promise<boolean> {
  try {
    const expected = Buffer.from(content);
    const found = Buffer.alloc(expected.length + 1);
    const { bytesRead } = await file.read(found, 0, found.length, 0);
    return found.subarray(0, bytesRead).equals(expected);
  } finally {
    await file.close();
  }
}

function unusable(path: string, cause: unknown): CertopsError {
  return new CertopsError(
    'solvers.webroot-unusable',
    {
      what: `Challenges cannot be written below ${path}`,
      why: cause instanceof Error ? cause.message : String(cause),
      next: 'Name a folder with --http01-webroot that certops may write to and a web server serves',
    },
    { cause, data: { path } },
  );
}
