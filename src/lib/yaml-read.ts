import { isAlias, isMap, isSeq, type Node, type YAMLMap } from 'yaml';
import { type ComposedYaml, composeYaml, KUBERNETES_YAML } from './yaml-compose.ts';
import { readPlainDocument } from './yaml-plain.ts';
import {
  MANIFEST_LIMITS,
  type YamlLimits,
  type YamlPath,
  type YamlPosition,
  type YamlProblem,
} from './yaml-problem.ts';
import { positionIn, splitYaml, type YamlChunk } from './yaml-split.ts';
import { decodeYaml, problemsOfText } from './yaml-text.ts';
import { isMergeKey, keyText, type YamlValue, yamlValue } from './yaml-value.ts';

/** One document of a file. */
export interface YamlDocument {
  /** From 0, counting every document of the file, read or not. */
  readonly index: number;
  /** Where its content begins. */
  readonly position: YamlPosition;
  readonly text: string;
  /** Plain data; the part that could be made out where `problems` is not empty. */
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  /**
   * Where a value stands. A missing value is at its nearest ancestor; a block of lines at the key that
   * holds it; with `key`, the token of that key in the map at `path`. Aliases and merge keys are followed.
   */
  locate(path: YamlPath, key?: string): YamlPosition;
  /** The place of an offset within `text`. */
  positionAt(offset: number): YamlPosition;
}

/** A file of YAML documents. Problems of the whole file leave no documents. */
export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly YamlProblem[];
}

export interface YamlReadOptions {
  /** Documents whose text this refuses are skipped without being parsed. */
  readonly isWanted?: (text: string) => boolean;
  readonly limits?: YamlLimits;
}

/**
 * Reads manifests as Kubernetes reads them: YAML 1.1 scalars without timestamps and sexagesimals, merge
 * keys, byte order mark and CRLF accepted, several documents to a file. Never throws for what the bytes
 * hold; caps are checked before anything is parsed, and one broken document does not stop the others.
 */
export function readYaml(bytes: Uint8Array, options: YamlReadOptions = {}): YamlFile {
  const limits = options.limits ?? MANIFEST_LIMITS;
  if (bytes.byteLength > limits.maxBytes) {
    const message = `the file has ${bytes.byteLength} bytes; at most ${limits.maxBytes} are read`;
    return refused({ rule: 'yaml-too-large', position: START, path: [], message });
  }
  const decoded = decodeYaml(bytes);
  if ('problem' in decoded) return refused(decoded.problem);
  const chunks = splitYaml(decoded.text);
  if (chunks.length > limits.maxDocuments) {
    const position = { line: (chunks[limits.maxDocuments]?.linesBefore ?? 0) + 1, column: 1 };
    const message = `the file has ${chunks.length} documents; at most ${limits.maxDocuments} are read`;
    return refused({ rule: 'yaml-too-many-documents', position, path: [], message });
  }
  const conflicted = problemsOfText(chunks, decoded);
  const documents: YamlDocument[] = [];
  for (const chunk of chunks) {
    const problem = conflicted.get(chunk.index);
    if (problem !== undefined) documents.push(unparsed(chunk, problem));
    else if (options.isWanted?.(chunk.text) ?? true) documents.push(readDocument(chunk, limits));
  }
  return { documents, problems: [] };
}

const START: YamlPosition = { line: 1, column: 1 };

function refused(problem: YamlProblem): YamlFile {
  return { documents: [], problems: [problem] };
}

function unparsed(chunk: YamlChunk, problem: YamlProblem): YamlDocument {
  const position = positionIn(chunk, 0);
  return {
    index: chunk.index,
    position,
    text: chunk.text,
    value: null,
    problems: [problem],
    locate: () => position,
    positionAt: (offset) => positionIn(chunk, offset),
  };
}

/** The library is asked when the text is not simple, or when somebody wants to know where something stands. */
function readDocument(chunk: YamlChunk, limits: YamlLimits): YamlDocument {
  const plain = readPlainDocument(chunk.text);
  if (plain === undefined) return composedDocument(chunk, limits);
  let composed: YamlDocument | undefined;
  const whole = (): YamlDocument => {
    composed ??= composedDocument(chunk, limits);
    return composed;
  };
  return {
    index: chunk.index,
    position: positionIn(chunk, plain.offset),
    text: chunk.text,
    value: plain.value,
    problems: [],
    locate: (path, key) => whole().locate(path, key),
    positionAt: (offset) => positionIn(chunk, offset),
  };
}

function composedDocument(chunk: YamlChunk, limits: YamlLimits): YamlDocument {
  const composed = composeYaml(chunk, limits, KUBERNETES_YAML);
  const converted = yamlValue(composed, limits);
  return {
    index: chunk.index,
    position: composed.positionAt(composed.root?.range[0] ?? 0),
    text: chunk.text,
    value: converted.value,
    problems: [...composed.problems, ...converted.problems].slice(0, limits.maxProblems),
    locate: (path, key) => locate(composed, converted, path, key),
    positionAt: composed.positionAt,
  };
}

/** What stands at one step of a path: the key's token and the value, either of which may be absent. */
interface Place {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
}

function locate(composed: ComposedYaml, converted: YamlValue, path: YamlPath, key?: string): YamlPosition {
  const at = (node: Node | undefined): YamlPosition => composed.positionAt(node?.range?.[0] ?? 0);
  let place: Place = { key: undefined, value: composed.root };
  for (const step of path) {
    const next = placeBelow(place.value, step, converted);
    // Missing: the nearest ancestor, by the key that holds it where there is one.
    if (next === undefined) return at(place.key ?? place.value);
    place = next;
  }
  if (key !== undefined) {
    const member = placeBelow(place.value, key, converted);
    if (member?.key !== undefined) return at(member.key);
  }
  const { value } = place;
  const isBlock = (isMap(value) || isSeq(value)) && value.flow !== true;
  return at(isBlock ? (place.key ?? value) : (value ?? place.key));
}

function placeBelow(node: Node | undefined, step: string | number, converted: YamlValue): Place | undefined {
  const parent = isAlias(node) ? converted.aliased.get(node) : node;
  if (isSeq(parent)) {
    const item = typeof step === 'number' ? parent.items[step] : undefined;
    // The composer fills lists with nodes; only hand-made documents hold anything else.
    return item === undefined || item === null ? undefined : { key: undefined, value: item as Node };
  }
  return isMap(parent) ? memberOf(parent, String(step), converted) : undefined;
}

function memberOf(map: YAMLMap, name: string, converted: YamlValue): Place | undefined {
  for (const pair of map.items) {
    const key = pair.key as Node;
    const scalar = isAlias(key) ? converted.aliased.get(key) : key;
    if (!isMergeKey(scalar) && keyText(scalar) === name) {
      return { key, value: (pair.value as Node | null) ?? undefined };
    }
  }
  for (const pair of map.items) {
    if (!isMergeKey(pair.key)) continue;
    const value = pair.value as Node | null;
    for (const source of isSeq(value) ? (value.items as Node[]) : [value]) {
      const target = isAlias(source) ? converted.aliased.get(source) : source;
      const place = isMap(target) ? memberOf(target, name, converted) : undefined;
      if (place !== undefined) return place;
    }
  }
  return undefined;
}
