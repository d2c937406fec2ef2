import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Names the marker that tells the canary scan: keys in this folder are meant to be in clear. */
export const MAY_HOLD_KEYS_MARKER = '.may-hold-keys';

/**
 * A temporary folder of one test. It lies under `os.tmpdir()` and goes when the test ends, unless `KEEP=1`
 * or the test command wants to scan it first (`CERTOPS_TEST_KEEP_SCRATCH=1`).
 */
export interface Scratch extends Disposable {
  /** Absolute path. */
  readonly dir: string;
  /** The absolute path of something inside; nothing is created. */
  path(...parts: readonly string[]): string;
  /** Makes (if need be) a folder inside and returns its absolute path. */
  folder(...parts: readonly string[]): string;
  /** The same, marked as a place where keys may lie in clear: identities, a test CA's key. */
  keyFolder(...parts: readonly string[]): string;
  /** Writes a file inside (with its folders) and returns its absolute path. */
  write(relativePath: string, content: string | Uint8Array, mode?: number): string;
  /** Removes the folder. Idempotent. */
  remove(): void;
}

/** The part of a `node:test` context (`t`, or the module's own `after`) that scratch folders need. */
export interface AfterHook {
  after(hook: () => void): void;
}

/** Makes a scratch folder; with a test context it is removed when that test ends. */
export function makeScratch(name: string, context?: AfterHook): Scratch {
  const dir = mkdtempSync(path.join(tmpdir(), `certops-${name.replaceAll(/[^a-z0-9-]+/gi, '-')}-`));
  const isKept = process.env.KEEP === '1' || process.env.CERTOPS_TEST_KEEP_SCRATCH === '1';
  const inside = (parts: readonly string[]): string => path.join(dir, ...parts);
  const folder = (...parts: readonly string[]): string => {
    const made = inside(parts);
    mkdirSync(made, { recursive: true });
    return made;
  };
  const remove = (): void => {
    if (!isKept) rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  };
  context?.after(remove);
  return {
    dir,
    path: (...parts) => inside(parts),
    folder,
    keyFolder: (...parts) => {
      const made = folder(...parts);
      writeFileSync(path.join(made, MAY_HOLD_KEYS_MARKER), '');
      return made;
    },
    write: (relativePath, content, mode = 0o644) => {
      const file = inside([relativePath]);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content, { mode });
      return file;
    },
    remove,
    [Symbol.dispose]: remove,
  };
}
