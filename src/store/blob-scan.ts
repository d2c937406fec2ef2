import type { ChildProcess } from 'node:child_process';
import type { GitProcess } from './git-process.ts';
import { isObjectId } from './tree.ts';

/** Told the bytes of one blob and which id it has; they are another blob's as soon as it returns. */
export type BlobVisitor = (bytes: Buffer, index: number) => void;

/** More than this is not read past: another process goes on behind it. */
const SKIP_LIMIT_BYTES = 8 * 1024 * 1024;
const SILENCE_MS = 30_000;
/** Processes that may end before their time: each takes one object with it. */
const MAX_DEATHS = 8;
const NEW_LINE = 10;
const NO_OBJECT = '0'.repeat(40);
/** How much is worth looking at while more comes. */
const LOOK_BYTES = 64 * 1024;

/**
 * Shows thousands of blobs to `visit`, in the order of their ids, through a Git process that does nothing else: many times
 * as quick as asking for each. Left out, never thrown for, is what is missing, no blob, larger than `maxBytes` or not to
 * be read. Rejects with what `visit` throws.
 */
export async function scanBlobs(
  git: GitProcess,
  oids: readonly string[],
  maxBytes: number,
  visit: BlobVisitor,
): Promise<void> {
  let deaths = 0;
  for (let next = 0; next < oids.length && deaths < MAX_DEATHS; ) {
    const scan = new BlobScan(git, oids, next, maxBytes, visit);
    const end = await scan.run();
    next = scan.next;
    if (end !== 'died') continue;
    deaths += 1;
    // Answers come in order: the first that there is none to is the one that Git died of.
    next += 1;
  }
}

/** One process and what it has said so far. */
class BlobScan {
  /** The first id that is not answered yet. */
  next: number;
  readonly #git: GitProcess;
  readonly #oids: readonly string[];
  readonly #maxBytes: number;
  readonly #visit: BlobVisitor;
  /** What has come and is not looked at yet: Git writes little at a time, and looking is cheaper the less often it is done. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** What there has to be before it is worth looking. */
  #wantedBytes = LOOK_BYTES;
  #skipBytes = 0;

  constructor(git: GitProcess, oids: readonly string[], first: number, maxBytes: number, visit: BlobVisitor) {
    this.next = first;
    this.#git = git;
    this.#oids = oids;
    this.#maxBytes = maxBytes;
    this.#visit = visit;
  }

  /** `skipped`: it stands before an object that is too large to be read past. */
  run(): Promise<'done' | 'skipped' | 'died'> {
    return new Promise((resolve, reject) => {
      const child = this.#git.spawn(['cat-file', '--batch', '--buffer']);
      let isOver = false;
      const settle = (finish: () => void): void => {
        if (isOver) return;
        isOver = true;
        clearTimeout(watchdog);
        endProcess(child);
        finish();
      };
      const look = (): void => {
        try {
          const isTooLarge = this.#look();
          if (isTooLarge) settle(() => resolve('skipped'));
          else if (this.next === this.#oids.length && this.#skipBytes === 0) settle(() => resolve('done'));
        } catch (thrown) {
          settle(() => reject(thrown));
        }
      };
      const watchdog = setTimeout(() => settle(() => resolve('died')), SILENCE_MS);
      child.stdout.on('data', (chunk: Buffer) => {
        if (isOver) return;
        watchdog.refresh();
        this.#waiting.push(chunk);
        this.#waitingBytes += chunk.length;
        if (this.#waitingBytes >= this.#wantedBytes) look();
      });
      child.stdout.on('end', () => {
        if (!isOver) look();
      });
      child.stderr.resume();
      child.stdin.on('error', () => {});
      child.on('error', () => settle(() => resolve('died')));
      child.on('close', () => settle(() => resolve('died')));
      child.stdin.end(this.#question(), 'latin1');
    });
  }

  #question(): string {
    // What is no id could be anything to Git; it is missing like any other.
    const ids = this.#oids.slice(this.next).map((oid) => (isObjectId(oid) ? oid : NO_OBJECT));
    return `${ids.join('\n')}\n`;
  }

  /** Answers whatever is complete; true where the next object is too large to be read past. */
  #look(): boolean {
    const bytes = Buffer.concat(this.#waiting);
    let at = 0;
    this.#wantedBytes = LOOK_BYTES;
    for (;;) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, bytes.length - at);
        this.#skipBytes -= skipped;
        at += skipped;
        if (this.#skipBytes > 0) break;
      }
      const end = bytes.indexOf(NEW_LINE, at);
      if (end < 0) break;
      const { isBlob, sizeBytes } = readHeader(bytes.toString('latin1', at, end));
      if (isBlob && sizeBytes <= this.#maxBytes) {
        const next = end + 1 + sizeBytes + 1;
        if (next > bytes.length) {
          this.#wantedBytes = Math.max(LOOK_BYTES, next - at);
          break;
        }
        const index = this.next++;
        this.#visit(bytes.subarray(end + 1, next - 1), index);
        at = next;
        continue;
      }
      this.next += 1;
      if (sizeBytes > SKIP_LIMIT_BYTES) return true;
      this.#skipBytes = sizeBytes + 1;
      at = end + 1;
    }
    const rest = bytes.subarray(at);
    this.#waiting = [rest];
    this.#waitingBytes = rest.length;
    return false;
  }
}

/** A missing object has neither content nor the line end behind it. */
function readHeader(header: string): { readonly isBlob: boolean; readonly sizeBytes: number } {
  const [, type, size] = header.split(' ');
  return { isBlob: type === 'blob', sizeBytes: size === undefined ? -1 : Number(size) };
}

function endProcess(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.kill('SIGKILL');
}
