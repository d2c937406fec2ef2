import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './children.mjs';

/** The root of this package. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const OLDEST_NODE = [20, 19];

/** Throws a sentence for people when this Node.js cannot run the program. */
export function assertNodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Error(`Node.js ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node}.`);
}

/** Whether `node_modules` is what `package-lock.json` asks for, as far as their times tell. */
export function isInstalled() {
  const record = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  return statSync(record).mtimeMs >= statSync(path.join(root, 'package-lock.json')).mtimeMs;
}

/** `npm ci` where it is due. Returns whether it was; throws with npm's output when it fails. */
export async function ensureInstalled() {
  if (isInstalled()) return false;
  await succeed('npm', ['ci', '--no-audit', '--no-fund']);
  return true;
}

/** Compiles `src` to `dist`. Throws with the compiler's output when it fails. */
export async function build() {
  await succeed('npm', ['run', '--silent', 'build']);
}

async function succeed(command, args) {
  const result = await run(command, args, { cwd: root, timeoutMs: 900_000 });
  if (result.code === 0) return;
  throw new Error(`${[command, ...args].join(' ')} failed:\n${result.output}`);
}
