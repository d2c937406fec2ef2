import { stringify } from 'yaml';
import { CertopsError } from './errors.ts';
import { composeYaml, WRITTEN_YAML } from './yaml-compose.ts';
import { emitPlainYaml } from './yaml-emit.ts';
import { readPlainDocument } from './yaml-plain.ts';
import type { YamlLimits } from './yaml-problem.ts';
import { splitYaml } from './yaml-split.ts';
import { yamlValue } from './yaml-value.ts';

export interface YamlWriteOptions {
  /** Lines of a comment at the top, without the `#`. */
  readonly comment?: string | undefined;
}

/**
 * Writes documents as YAML, the same bytes for the same values: keys in the order of the objects (or Maps),
 * indent 2, no folded lines, everything quoted that YAML 1.1 (Kubernetes) or Go would read as another
 * type. Several documents are joined by `---`. `undefined` members are left out.
 */
export function writeYaml(documents: readonly unknown[], options: YamlWriteOptions = {}): string {
  const comment =
    options.comment === undefined
      ? ''
      : options.comment.replace(/^/gm, '# ').replace(/ +$/gm, '').concat('\n');
  const texts = documents.map(
    (document) =>
      emitPlainYaml(document) ??
      stringify(document, {
        compat: 'yaml-1.1',
        lineWidth: 0,
        indent: 2,
        // An object that occurs twice is written twice: SOPS and people have no use for anchors.
        aliasDuplicateObjects: false,
      }),
  );
  return comment + texts.join('---\n');
}

// What certops writes is larger than what people write (recipients, chains), never deep, never aliased.
const LIMITS: YamlLimits = {
  maxBytes: 8 << 20,
  maxDocuments: 1000,
  maxDepth: 100,
  maxWords: 1_000_000,
  maxAliases: 0,
  maxExpandedNodes: 0,
  maxProblems: 1,
};

/**
 * Reads documents that certops itself wrote (YAML 1.2, no aliases, no tags), mappings as plain objects.
 * Throws CertopsError `yaml.malformed` at the first thing that is wrong, duplicate keys included.
 */
export function readPlainYaml(text: string): unknown[] {
  return readStrictly(text, 'object');
}

/**
 * Like `readPlainYaml`, with every mapping as a `Map`, whose order is the document's even where keys look
 * like numbers: what the MAC of a SOPS document is taken over.
 */
export function readOrderedYaml(text: string): unknown[] {
  return readStrictly(text, 'map');
}

function readStrictly(text: string, mappings: 'object' | 'map'): unknown[] {
  if (text.length > LIMITS.maxBytes) throw malformed('It is larger than anything certops writes');
  const chunks = splitYaml(text);
  if (chunks.length > LIMITS.maxDocuments) throw malformed('It has more documents than certops writes');
  return chunks.map((chunk) => {
    // Most of what certops writes is of the simple kind, which takes a tenth of the time.
    const plain = mappings === 'object' ? readPlainDocument(chunk.text) : undefined;
    if (plain !== undefined) return plain.value;
    const composed = composeYaml(chunk, LIMITS, WRITTEN_YAML);
    const converted = composed.root === undefined ? undefined : yamlValue(composed, LIMITS, mappings);
    const problem = composed.problems[0] ?? converted?.problems[0];
    if (problem !== undefined) {
      const { line, column } = problem.position;
      throw malformed(`Line ${line}, column ${column}: ${problem.message}`, {
        rule: problem.rule,
        line,
        column,
      });
    }
    return converted?.value ?? null;
  });
}

function malformed(why: string, data: Readonly<Record<string, string | number>> = {}): CertopsError {
  return new CertopsError(
    'yaml.malformed',
    { what: 'A document is not the YAML that certops writes', why },
    { retry: { when: 'never' }, data },
  );
}
