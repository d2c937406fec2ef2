import { Composer, type CST, type Document, Lexer, LineCounter, type ParsedNode, Parser } from 'yaml';
import type { YamlLimits, YamlPosition, YamlProblem, YamlRule } from './yaml-problem.ts';
import type { YamlChunk } from './yaml-split.ts';

/** A document's syntax tree, and what was wrong with its text. `root` is absent where nothing stands. */
export interface ComposedYaml {
  readonly root: ParsedNode | undefined;
  readonly problems: readonly YamlProblem[];
  positionAt(offset: number): YamlPosition;
}

type ComposerOptions = NonNullable<ConstructorParameters<typeof Composer>[0]>;
type Tags = NonNullable<Exclude<ComposerOptions['customTags'], (...args: never[]) => unknown>>;

const NOT_IN_KUBERNETES = new Set(['timestamp', 'binary', 'set', 'omap', 'pairs']);

/** Numbers with a point or an exponent have a digit before it or behind: `.` and `-.` are texts. */
const HAS_DIGITS = '^(?=[-+]?\\.?[0-9])';

/**
 * The YAML of Kubernetes (sigs.k8s.io/yaml over go-yaml v2): YAML 1.1 scalars and merge keys, but no
 * timestamps, no sexagesimal numbers and none of the exotic collections.
 */
export const KUBERNETES_YAML: ComposerOptions = {
  version: '1.1',
  schema: 'yaml-1.1',
  merge: true,
  resolveKnownTags: false,
  customTags: (tags) => {
    const known = tags.filter((tag) => {
      if (typeof tag === 'string') return !NOT_IN_KUBERNETES.has(tag);
      if ('format' in tag && tag.format === 'TIME') return false;
      return !NOT_IN_KUBERNETES.has(tag.tag.replace('tag:yaml.org,2002:', ''));
    });
    return known.map((tag) => {
      const isFloat = typeof tag !== 'string' && 'test' in tag && tag.tag === 'tag:yaml.org,2002:float';
      const isNumeric = isFloat && (tag.test?.test('1.5') === true || tag.test?.test('1e5') === true);
      return isNumeric ? { ...tag, test: new RegExp(HAS_DIGITS + tag.test?.source) } : tag;
    }) as Tags;
  },
};

/** The YAML that certops writes: plain YAML 1.2. */
export const WRITTEN_YAML: ComposerOptions = { version: '1.2', schema: 'core', resolveKnownTags: false };

/**
 * Parses one document. Never throws for what the text holds. Depth and number of words are
 * measured before the recursive part of the library sees anything.
 */
export function composeYaml(chunk: YamlChunk, limits: YamlLimits, options: ComposerOptions): ComposedYaml {
  const lineCounter = new LineCounter();
  const positionAt = (offset: number): YamlPosition => {
    const { line, col } = lineCounter.linePos(Math.min(offset, chunk.text.length));
    // Before the first token the counter answers 0.
    return { line: Math.max(line, 1) + chunk.linesBefore, column: Math.max(col, 1) };
  };
  const parsed = parseTokens(chunk.text, limits, lineCounter);
  if ('refusal' in parsed) {
    const { rule, offset, message } = parsed.refusal;
    return {
      root: undefined,
      problems: [{ rule, position: positionAt(offset), path: [], message }],
      positionAt,
    };
  }

  const composer = new Composer({ ...options, uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  const documents: Document.Parsed[] = [...composer.compose(parsed.tokens, false, chunk.text.length)];
  const problems: YamlProblem[] = [];
  for (const document of documents) {
    for (const error of document.errors.slice(0, limits.maxProblems)) {
      const message =
        error.code === 'TAB_AS_INDENT' ? 'a tab stands where spaces must indent' : oneLine(error.message);
      problems.push({ rule: 'yaml-syntax', position: positionAt(error.pos[0]), path: [], message });
    }
    for (const warning of document.warnings.slice(0, limits.maxProblems)) {
      if (warning.code !== 'TAG_RESOLVE_FAILED') continue;
      const message = 'a tag stands here that Kubernetes does not know; write the plain value';
      problems.push({ rule: 'yaml-tag', position: positionAt(warning.pos[0]), path: [], message });
    }
  }
  const [first, second] = documents;
  if (second?.contents) {
    const message = 'a second document begins here without a line of three dashes';
    problems.push({ rule: 'yaml-syntax', position: positionAt(second.range[0]), path: [], message });
  }
  return { root: first?.contents ?? undefined, problems, positionAt };
}

type Parsed =
  | { readonly tokens: readonly CST.Token[] }
  | { readonly refusal: { readonly rule: YamlRule; readonly offset: number; readonly message: string } };

/**
 * The flat half of parsing, word by word, so that a text that is too deep or too busy is left at once:
 * the other half is recursive, and costs more for each word.
 */
function parseTokens(text: string, limits: YamlLimits, lineCounter: LineCounter): Parsed {
  lineCounter.addNewLine(0);
  const parser = new Parser(lineCounter.addNewLine);
  const tokens: CST.Token[] = [];
  let words = 0;
  for (const word of new Lexer().lex(text)) {
    for (const token of parser.next(word)) tokens.push(token);
    // The stack holds the document, the open collections and perhaps a scalar.
    if (parser.stack.length > limits.maxDepth + 2) {
      const message = `more than ${limits.maxDepth} maps and lists stand inside one another`;
      return { refusal: { rule: 'yaml-too-deep', offset: parser.offset, message } };
    }
    if (++words > limits.maxWords) {
      const message = 'the document has too many words, marks and line breaks to be read';
      return { refusal: { rule: 'yaml-too-large', offset: parser.offset, message } };
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return { tokens };
}

/** The library's words: one line, bounded. Where it quotes what stands there, that is left out: it may be a password. */
function oneLine(message: string): string {
  const told = message.replace(/^(Unexpected [\w-]+ token in YAML stream): .*$/s, '$1');
  const line = told.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}
