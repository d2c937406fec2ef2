/** A place in a text; line and column count from 1, columns in UTF-16 code units. */
export interface YamlPosition {
  readonly line: number;
  readonly column: number;
}

/** What can be wrong with YAML itself, before anybody asks what it means. */
export type YamlRule =
  | 'yaml-syntax'
  | 'yaml-encoding'
  | 'yaml-tag'
  | 'yaml-too-large'
  | 'yaml-too-deep'
  | 'yaml-too-many-documents'
  | 'yaml-too-many-aliases'
  | 'merge-conflict'
  | 'duplicate-key';

/** One thing wrong with a YAML text, for people. */
export interface YamlProblem {
  readonly rule: YamlRule;
  readonly position: YamlPosition;
  /** Where in the value it is, as far as that is known; empty for the document. */
  readonly path: YamlPath;
  readonly message: string;
}

/** Keys and indices from the root of a document to a value. */
export type YamlPath = readonly (string | number)[];

/** The caps that bound what one hostile text can cost. */
export interface YamlLimits {
  readonly maxBytes: number;
  readonly maxDocuments: number;
  /** Levels of maps and lists inside one another. */
  readonly maxDepth: number;
  /** Words, marks, spaces and line breaks of one document, as the lexer counts them. */
  readonly maxWords: number;
  /** Alias nodes (`*x`) written in one document. */
  readonly maxAliases: number;
  /** Values that aliases and merge keys may add to one document when they are replaced by what they name. */
  readonly maxExpandedNodes: number;
  /** Problems told of one document; the rest would only repeat. */
  readonly maxProblems: number;
}

export const MANIFEST_LIMITS: YamlLimits = {
  maxBytes: 1 << 20,
  maxDocuments: 1000,
  maxDepth: 100,
  maxWords: 250_000,
  maxAliases: 100,
  maxExpandedNodes: 10_000,
  maxProblems: 50,
};
