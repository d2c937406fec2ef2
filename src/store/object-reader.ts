import type { ChildProcess } from 'node:child_process';
import { mirrorDamaged, StoreError } from './errors.ts';
import type { GitProcess } from './git-process.ts';
import { isObjectId } from './tree.ts';

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';

export interface GitObject {
  readonly type: ObjectType;
  readonly sizeBytes: number;
  /** Empty when only facts were asked for. */
  readonly content: Buffer;
}

interface Request {
  readonly oid: string;
  readonly maxBytes: number;
  readonly resolve: (object: GitObject | null) => void;
  readonly reject: (reason: unknown) => void;
  retries: number;
}

/** More than this is not read past: the process is replaced instead. */
const SKIP_LIMIT_BYTES = 8 * 1024 * 1024;
const NO_CONTENT = Buffer.alloc(0);
const SILENCE_MS = 30_000;
const MAX_RETRIES = 1;

/**
 * Reads objects through one long-lived `git cat-file`. Requests are pipelined and answered in
 * order. A process that dies is replaced and what it owed is asked again, once.
 */
export class ObjectReader {
  readonly #git: GitProcess;
  readonly #mode: '--batch' | '--batch-check';
  readonly #requests: Request[] = [];
  #process: ChildProcess | null = null;
  /** Ids that the process is yet to be told: what is asked in one turn is written at once. */
  #unsent = '';
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Header of the object whose content is on its way. */
  #expected: { readonly type: ObjectType; readonly size: number } | null = null;
  #skipBytes = 0;
  #watchdog: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** `--batch` reads contents, `--batch-check` only type and size. */
  constructor(git: GitProcess, mode: '--batch' | '--batch-check' = '--batch') {
    this.#git = git;
    this.#mode = mode;
  }

  /**
   * The object, or null when the repository has none of that id. Throws `store.blob-too-large` above
   * `maxBytes`, `store.mirror-damaged` when Git cannot read it.
   */
  read(oid: string, maxBytes: number): Promise<GitObject | null> {
    if (!isObjectId(oid)) return Promise.resolve(null);
    if (this.#isClosed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#requests.push({ oid, maxBytes, resolve, reject, retries: 0 });
      this.#ensureProcess();
      if (this.#unsent === '') queueMicrotask(() => this.#send());
      this.#unsent += `${oid}\n`;
      this.#watch();
    });
  }

  #send(): void {
    const text = this.#unsent;
    this.#unsent = '';
    if (text !== '') this.#process?.stdin?.write(text, 'latin1');
  }

  /** Lets go of the packs that the process holds open; the next read starts a new one. */
  restart(): void {
    if (this.#requests.length === 0) this.#discardProcess();
  }

  /** Ends the process; what still waits is rejected with `reason`. */
  close(reason: StoreError = closed()): void {
    this.#isClosed = true;
    this.#discardProcess();
    for (const request of this.#requests.splice(0)) request.reject(reason);
  }

  #ensureProcess(): ChildProcess {
    if (this.#process !== null) return this.#process;
    const child = this.#git.spawn(['cat-file', this.#mode]);
    this.#process = child;
    child.stdout.on('data', (chunk: Buffer) => {
      if (this.#process === child) this.#receive(chunk);
    });
    child.stderr.resume();
    child.stdin.on('error', () => {});
    child.on('error', () => this.#onDeath(child));
    child.on('close', () => this.#onDeath(child));
    return child;
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (this.#step()) {
      // Everything that is complete is answered at once.
    }
    this.#watch();
  }

  /** Consumes one header or one content; false when more bytes are needed. */
  #step(): boolean {
    if (this.#skipBytes > 0) return this.#skip();
    if (this.#expected === null) return this.#readHeader();
    if (this.#buffered < this.#expected.size + 1) return false;
    const { type, size } = this.#expected;
    const bytes = this.#take(size + 1);
    this.#expected = null;
    this.#requests.shift()?.resolve({ type, sizeBytes: size, content: Buffer.from(bytes.subarray(0, size)) });
    return true;
  }

  #readHeader(): boolean {
    if (this.#buffered === 0) return false;
    const first = this.#joined();
    const end = first.indexOf(10);
    if (end < 0) return false;
    const [, type, size] = this.#take(end + 1)
      .toString('latin1', 0, end)
      .split(' ');
    const request = this.#requests[0];
    if (request === undefined) return false;
    if (type !== 'blob' && type !== 'tree' && type !== 'commit' && type !== 'tag') {
      this.#requests.shift()?.resolve(null);
      return true;
    }
    const sizeBytes = Number(size);
    if (this.#mode === '--batch-check') {
      this.#requests.shift()?.resolve({ type, sizeBytes, content: NO_CONTENT });
      return true;
    }
    if (sizeBytes <= request.maxBytes) {
      this.#expected = { type, size: sizeBytes };
      return true;
    }
    this.#requests.shift()?.reject(tooLarge(request.oid, sizeBytes, request.maxBytes));
    if (sizeBytes > SKIP_LIMIT_BYTES) {
      this.#replaceProcess();
      return false;
    }
    this.#skipBytes = sizeBytes + 1;
    return true;
  }

  #skip(): boolean {
    const bytes = Math.min(this.#skipBytes, this.#buffered);
    if (bytes === 0) return false;
    this.#take(bytes);
    this.#skipBytes -= bytes;
    return true;
  }

  #joined(): Buffer {
    const joined =
      this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  #take(bytes: number): Buffer {
    const joined = this.#joined();
    this.#buffered -= bytes;
    this.#chunks = this.#buffered === 0 ? [] : [joined.subarray(bytes)];
    return joined.subarray(0, bytes);
  }

  #onDeath(child: ChildProcess): void {
    if (this.#process !== child) return;
    // Answers come in order, so the first request is the one that Git died of.
    const [first] = this.#requests;
    if (first !== undefined) {
      first.retries += 1;
      if (first.retries > MAX_RETRIES)
        this.#requests.shift()?.reject(mirrorDamaged('Git gave up reading an object'));
    }
    this.#replaceProcess();
  }

  #replaceProcess(): void {
    this.#discardProcess();
    if (this.#requests.length === 0 || this.#isClosed) return;
    const { stdin } = this.#ensureProcess();
    stdin?.write(this.#requests.map((request) => `${request.oid}\n`).join(''), 'latin1');
    this.#watch();
  }

  #discardProcess(): void {
    const child = this.#process;
    this.#process = null;
    // Whoever asked is still among the requests, all of which the next process is told.
    this.#unsent = '';
    this.#chunks = [];
    this.#buffered = 0;
    this.#expected = null;
    this.#skipBytes = 0;
    if (this.#watchdog !== null) clearTimeout(this.#watchdog);
    this.#watchdog = null;
    child?.stdin?.end();
    child?.kill('SIGKILL');
  }

  #watch(): void {
    if (this.#requests.length === 0) {
      if (this.#watchdog !== null) clearTimeout(this.#watchdog);
      this.#watchdog = null;
    } else if (this.#watchdog === null) {
      this.#watchdog = setTimeout(() => {
        if (this.#process !== null) this.#onDeath(this.#process);
      }, SILENCE_MS);
    } else {
      this.#watchdog.refresh();
    }
  }
}

function tooLarge(oid: string, sizeBytes: number, maxBytes: number): StoreError {
  return new StoreError(
    'store.blob-too-large',
    {
      what: `A file is ${sizeBytes} bytes long, more than the ${maxBytes} that are read`,
      next: 'Make the file smaller, or exclude it in certops.yaml',
    },
    { retry: { when: 'never' }, data: { oid, sizeBytes, maxBytes } },
  );
}

function closed(): StoreError {
  return new StoreError('store.closed', { what: 'The store was closed while something was being read' });
}
