import { DeadlineWorker } from '../lib/deadline-worker.ts';
import { CertopsError } from '../lib/errors.ts';
import type { YamlProblem } from '../lib/yaml-problem.ts';
import { readYaml, type YamlDocument } from '../lib/yaml-read.ts';
import { CLEAR_KEY_MESSAGE, clearKeyOffset, clearKeyPath } from './clear-keys.ts';
import { formatFieldPath } from './field-error.ts';
import type { ManifestFile, ManifestProblem, PlacedObject, Position } from './manifest.ts';
import { type Identity, identify } from './manifest-identity.ts';
import { treatmentOf } from './manifest-kinds.ts';
import {
  bytesMentionPolicies,
  bytesMentionUs,
  bytesSayNearlyOurs,
  isPlainlyForeign,
  saysNearlyOurs,
  textMentionsUs,
} from './mention.ts';
import { NOTHING, type ReadDocument, readObject } from './read-document.ts';
import { readOldObject } from './read-old-document.ts';

/**
 * Whether a blob mentions anything that certops reads, by searching its bytes: only then is it worth
 * parsing. True proves nothing; false proves that no document in it is ours.
 */
export function mayDeclareManifests(bytes: Uint8Array): boolean {
  return bytesMentionUs(bytes);
}

/**
 * Whether `certops lint` has to look into a file: like `mayDeclareManifests`, and where a group is nearly one
 * that certops reads.
 */
export function mayConcernLint(bytes: Uint8Array): boolean {
  return bytesMentionUs(bytes) || bytesSayNearlyOurs(bytes);
}

/**
 * Reads every manifest in one file. Never throws: what is wrong is in `problems`. Synchronous and bounded
 * by caps, not by time: for files of strangers use `readManifestFileBounded`.
 */
export function readManifestFile(bytes: Uint8Array): ManifestFile {
  const file = readYaml(bytes, {
    isWanted: (text) => !isPlainlyForeign(text) && (textMentionsUs(text) || saysNearlyOurs(text)),
  });
  if (file.problems.length > 0) {
    return unreadable(
      bytes,
      file.problems.map((problem) => fileProblem(problem)),
    );
  }
  const objects: PlacedObject[] = [];
  const problems: ManifestProblem[] = [];
  let isReadable = true;
  for (const document of file.documents) {
    const read = readDocument(document);
    if (read.object !== undefined) objects.push(read.object);
    problems.push(...read.problems);
    isReadable &&= read.isReadable;
  }
  return { objects, problems, isReadable, ...hiding(bytes, isReadable) };
}

const INLINE_BYTES = 64 * 1024;
// Measured: about 20 µs for each mark, so that nothing read in place holds the event loop over 50 ms.
const INLINE_MARKS = 2000;
const TIMEOUT_MS = 2000;
const MAX_HEAP_MIB = 512;

/**
 * The one thread for large files. A property of the process like the thread pool, not of any caller: it
 * starts at the first large file, holds nothing between two, and never keeps the process alive.
 */
const largeFiles = new DeadlineWorker<Uint8Array, ManifestFile>(
  // From src/ under a loader it is TypeScript, from dist/ JavaScript.
  new URL(import.meta.url.endsWith('.ts') ? './manifest-worker.ts' : './manifest-worker.js', import.meta.url),
  { timeoutMs: TIMEOUT_MS, maxHeapMiB: MAX_HEAP_MIB },
);

/**
 * Like `readManifestFile`, and never holds the event loop for long: files over 64 KiB, and smaller ones that
 * are dense with YAML, are read in a worker thread with a deadline of 2 s, past which the file is unreadable
 * with a `yaml-too-slow` problem. (That one is about the machine too: do not remember it for the blob.)
 * Rejects only with the signal's reason.
 */
export async function readManifestFileBounded(
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<ManifestFile> {
  signal?.throwIfAborted();
  if (isQuicklyRead(bytes)) return readManifestFile(bytes);
  try {
    // A copy of its own: cloning a view would clone the whole buffer behind it.
    return await largeFiles.ask(new Uint8Array(bytes), signal);
  } catch (thrown) {
    if (!(thrown instanceof CertopsError)) throw thrown;
    const isSlow = thrown.code === 'worker.too-slow';
    const message = isSlow
      ? `the file could not be read within ${TIMEOUT_MS / 1000} s; split it or make it simpler`
      : 'the file could not be read within the memory that one file may take; split it or make it simpler';
    const rule = isSlow ? 'yaml-too-slow' : 'yaml-too-costly';
    return unreadable(bytes, [{ severity: 'error', rule, position: START, field: '', message, document: 0 }]);
  }
}

const MARKS = new Set(Buffer.from('\n[]{},:-?&*!'));

/** Whether a file is small and has few of the marks that YAML is made of, so that reading it in place is quick. */
export function isQuicklyRead(bytes: Uint8Array): boolean {
  if (bytes.byteLength <= INLINE_MARKS) return true;
  if (bytes.byteLength > INLINE_BYTES) return false;
  let marks = 0;
  for (const byte of bytes) if (MARKS.has(byte) && ++marks > INLINE_MARKS) return false;
  return true;
}

const START: Position = { line: 1, column: 1 };

function unreadable(bytes: Uint8Array, problems: readonly ManifestProblem[]): ManifestFile {
  return { objects: [], problems, isReadable: false, ...hiding(bytes, false) };
}

function hiding(bytes: Uint8Array, isReadable: boolean): Pick<ManifestFile, 'hidesPolicies'> {
  return !isReadable && bytesMentionPolicies(bytes) ? { hidesPolicies: true } : {};
}

function fileProblem({ rule, position, message }: YamlProblem): ManifestProblem {
  return { severity: 'error', rule, position, field: '', message, document: 0 };
}

function readDocument(document: YamlDocument): ReadDocument {
  const identity = identify(document.value, document.text);
  const treatment = treatmentOf(identity, document.value);
  // Broken text that does not say what it is could be anything, and has to be told.
  const isUnknown = identity.apiVersion === undefined && document.problems.length > 0;
  if (treatment.do === 'skip' && !isUnknown) return NOTHING;

  // First, and then alone: no other message may quote what is near a key.
  const clearKey = clearKeyIn(document, identity);
  if (clearKey !== undefined) return { problems: [clearKey], isReadable: identity.name !== undefined };
  if (treatment.do === 'look-for-keys') return NOTHING;
  if (document.problems.length > 0) return brokenDocument(document, identity);
  if (treatment.do === 'read') return readObject(document, treatment.kind);
  if (treatment.do === 'convert') return readOldObject(document, identity, treatment.kind, treatment.version);
  if (treatment.do !== 'tell') return NOTHING;
  const { severity, rule, field, message } = treatment;
  const position = document.locate([field]);
  const problem = {
    severity,
    rule,
    position,
    ...identified(identity),
    field,
    message,
    document: document.index,
  };
  return { problems: [problem], isReadable: true };
}

function brokenDocument(document: YamlDocument, identity: Identity): ReadDocument {
  const problems = document.problems.map(({ rule, position, path, message }): ManifestProblem => {
    const field = formatFieldPath(path);
    return {
      severity: 'error',
      rule,
      position,
      ...identified(identity),
      field,
      message: field === '' ? message : `${field}: ${message}`,
      document: document.index,
    };
  });
  // A key given twice leaves no doubt which object is meant, unless it is part of its name.
  const isNamed =
    identity.name !== undefined &&
    document.problems.every(
      ({ rule, path }) => rule === 'duplicate-key' && path.length > 1 && path[0] !== 'metadata',
    );
  return { problems, isReadable: isNamed };
}

function clearKeyIn(document: YamlDocument, identity: Identity): ManifestProblem | undefined {
  const path = clearKeyPath(document.value);
  const offset = path === undefined ? clearKeyOffset(document.text) : -1;
  if (path === undefined && offset === -1) return undefined;
  const field = formatFieldPath(path ?? []);
  return {
    severity: 'error',
    rule: 'clear-private-key',
    position: path === undefined ? document.positionAt(offset) : document.locate(path),
    ...identified(identity),
    field,
    message: field === '' ? CLEAR_KEY_MESSAGE : `${field}: ${CLEAR_KEY_MESSAGE}`,
    document: document.index,
  };
}

function identified({ kind, name }: Identity): Pick<ManifestProblem, 'kind' | 'name'> {
  return { kind, name };
}
