import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseAllDocuments, Scalar } from 'yaml';
import { type GoScalar, resolveGoScalar } from './go-scalar.ts';

/** A YAML document as a Go program sees it: order kept, leaves typed by yaml.v3's rules, comments left out. */
export type GoYaml =
  | { readonly kind: 'map'; readonly entries: readonly GoYamlEntry[]; readonly line: number }
  | { readonly kind: 'list'; readonly items: readonly GoYaml[]; readonly line: number }
  | { readonly kind: 'leaf'; readonly scalar: GoScalar; readonly line: number };

export interface GoYamlEntry {
  readonly key: string;
  readonly value: GoYaml;
}

/** The text is no YAML that can be taken at its word. `message` quotes nothing of the text. */
export class GoYamlError extends Error {
  /** From 1; 0 where no line is to blame. */
  readonly line: number;

  constructor(why: string, line: number) {
    super(why);
    this.line = line;
  }
}

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 200;
const MAX_NODES = 20_000;
/** How often aliases are followed: an alias bomb ends here. */
const MAX_ALIASES = 500;
/** Brackets left open at one time; what has more costs the YAML library seconds before it gives up. */
const MAX_OPEN_BRACKETS = 1000;

export interface GoYamlOptions {
  /** Whether aliases are followed (people share keys in `.sops.yaml` by them) or refused. */
  readonly aliases?: boolean;
}

interface Reading {
  readonly document: Document;
  readonly aliases: boolean;
  readonly lineOf: (offset: number) => number;
  nodes: number;
  followed: number;
}

/**
 * Reads every document of `text`. Stricter than Go: over 1 MiB, 200 levels or 20,000 nodes, tags, keys that are no
 * strings, merge keys, duplicate keys and (unless asked for) aliases are refused.
 *
 * @throws GoYamlError
 */
export function readGoYaml(text: string, options: GoYamlOptions = {}): readonly GoYaml[] {
  if (Buffer.byteLength(text) > MAX_BYTES) throw new GoYamlError('the file is larger than 1 MiB', 0);
  if (isNestedBeyondReason(text)) throw new GoYamlError('nested too deeply', 0);
  const lineOf = lineCounter(text);
  // Only scalars of the failsafe schema, so that types come from `resolveGoScalar`; the library's own check for
  // duplicate keys is quadratic.
  const documents = guarded(() =>
    parseAllDocuments(text, {
      schema: 'failsafe',
      version: '1.2',
      uniqueKeys: false,
      strict: true,
      logLevel: 'silent',
    }),
  );
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    const [problem] = document.errors;
    if (problem !== undefined)
      throw new GoYamlError(`not valid YAML (${problem.code})`, lineOf(problem.pos[0]));
    const reading: Reading = { document, aliases: options.aliases ?? false, lineOf, nodes: 0, followed: 0 };
    return guarded(() => convert(document.contents, reading, 0));
  });
}

/** A look at the raw text before anything is parsed: brackets without end, and `- - - …` on one line. */
function isNestedBeyondReason(text: string): boolean {
  let open = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open = Math.max(0, open + (bracket === '[' || bracket === '{' ? 1 : -1));
    if (open > MAX_OPEN_BRACKETS) return true;
  }
  return new RegExp(`(?:[-?:][ \\t]+){${MAX_DEPTH}}`).test(text);
}

/** Libraries recurse: what is nested too deeply ends in a RangeError. */
function guarded<T>(act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    if (thrown instanceof GoYamlError) throw thrown;
    throw new GoYamlError('not readable as YAML', 0);
  }
}

function convert(node: Node | null, reading: Reading, depth: number): GoYaml {
  const line = reading.lineOf(node?.range?.[0] ?? 0);
  if (depth > MAX_DEPTH) throw new GoYamlError('nested too deeply', line);
  if (++reading.nodes > MAX_NODES) throw new GoYamlError('too large', line);
  if (node === null) return { kind: 'leaf', scalar: { type: 'null' }, line };
  if (isAlias(node)) {
    if (++reading.followed > MAX_ALIASES) throw new GoYamlError('too many aliases', line);
    const target = reading.aliases ? node.resolve(reading.document) : undefined;
    if (target === undefined) throw new GoYamlError('aliases are not allowed here, or name nothing', line);
    return convert(target, reading, depth + 1);
  }
  if (node.tag !== undefined) throw new GoYamlError('YAML tags are not allowed here', line);
  if (isSeq<Node | null>(node)) {
    return { kind: 'list', items: node.items.map((item) => convert(item, reading, depth + 1)), line };
  }
  if (isMap<Node, Node | null>(node)) {
    const seen = new Set<string>();
    const entries = node.items.map(({ key, value }) => {
      const name = convert(key, reading, depth + 1);
      if (name.kind !== 'leaf' || name.scalar.type !== 'str') {
        throw new GoYamlError('a key is not a string', name.line);
      }
      if (name.scalar.value === '<<' && isPlain(key)) {
        throw new GoYamlError('merge keys are not allowed here', name.line);
      }
      if (seen.has(name.scalar.value)) throw new GoYamlError('a key occurs twice', name.line);
      seen.add(name.scalar.value);
      return { key: name.scalar.value, value: convert(value, reading, depth + 1) };
    });
    return { kind: 'map', entries, line };
  }
  if (!isScalar(node)) throw new GoYamlError('not readable as YAML', line);
  // An absent value parses to null, everything else to its text.
  const value = typeof node.value === 'string' ? node.value : '';
  return { kind: 'leaf', scalar: isPlain(node) ? resolveGoScalar(value) : { type: 'str', value }, line };
}

function isPlain(node: Node): boolean {
  return isScalar(node) && (node.type === Scalar.PLAIN || node.type === undefined);
}

function lineCounter(text: string): (offset: number) => number {
  let starts: number[] | undefined;
  return (offset) => {
    if (starts === undefined) {
      starts = [0];
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    }
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
