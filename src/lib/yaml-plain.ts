/**
 * The part of YAML that most manifests are written in: block maps and lists, one-line scalars that leave no
 * doubt what they are, one-line flow collections. It is read here in a tenth of the time that the library
 * takes; whatever is the least out of the ordinary is left to the library, which says what is wrong with it.
 */
export interface PlainYaml {
  readonly value: unknown;
  /** Where the first key stands. */
  readonly offset: number;
}

const MAX_CHARACTERS = 16_384;
const MAX_DEPTH = 20;

/** Reads a document of the simple kind; undefined for every other, right or wrong. */
export function readPlainDocument(text: string): PlainYaml | undefined {
  // Tabs, carriage returns, control characters and all beyond ASCII are for the library.
  if (text.length > MAX_CHARACTERS || /[^\n\x20-\x7e]/.test(text)) return undefined;
  const lines = linesOf(text);
  const [first] = lines ?? [];
  if (lines === undefined || first === undefined) return undefined;
  const reader = new PlainReader(lines);
  const value = reader.read(first.indent);
  return value === undefined ? undefined : { value, offset: first.offset };
}

interface Line {
  readonly indent: number;
  readonly content: string;
  /** Of the content within the text. */
  readonly offset: number;
}

/** The lines that mean something; undefined where a marker or directive does. */
function linesOf(text: string): Line[] | undefined {
  const lines: Line[] = [];
  let isBegun = false;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? text.length : newline;
    let start = at;
    while (text[start] === ' ') start++;
    let stop = end;
    while (stop > start && text[stop - 1] === ' ') stop--;
    at = end + 1;
    if (start >= stop || text[start] === '#') continue;
    const content = text.slice(start, stop);
    const indent = start - (text.lastIndexOf('\n', start - 1) + 1);
    if (indent === 0 && (content.startsWith('---') || content.startsWith('...') || content.startsWith('%'))) {
      if (content !== '---' || isBegun || lines.length > 0) return undefined;
      isBegun = true;
      continue;
    }
    lines.push({ indent, content, offset: start });
  }
  return lines;
}

/** Thrown inside and caught at once: the document is not of the simple kind. */
class NotPlain extends Error {}

const KEY = /^([A-Za-z][A-Za-z0-9_./-]*):(?: +(?! )(.*))?$/;
const DOUBLE_QUOTED = /^"([^"\\]*)"(?: +#.*)?$/;
const SINGLE_QUOTED = /^'([^']*)'(?: +#.*)?$/;

class PlainReader {
  readonly #lines: Line[];
  #at = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  /** The whole document as a map; undefined where it is not of the simple kind. */
  read(indent: number): unknown {
    try {
      const value = this.#map(indent, 0);
      return this.#at === this.#lines.length ? value : undefined;
    } catch (thrown) {
      if (thrown instanceof NotPlain) return undefined;
      throw thrown;
    }
  }

  #map(indent: number, depth: number): Record<string, unknown> {
    if (depth > MAX_DEPTH) throw new NotPlain();
    const members: Record<string, unknown> = {};
    for (let line = this.#lines[this.#at]; line !== undefined; line = this.#lines[this.#at]) {
      if (line.indent < indent) break;
      const [, key, rest = ''] = line.indent === indent ? (KEY.exec(line.content) ?? []) : [];
      if (key === undefined || isWord(key) || Object.hasOwn(members, key)) throw new NotPlain();
      this.#at++;
      members[key] = this.#memberValue(rest, indent, depth);
    }
    return members;
  }

  #memberValue(rest: string, indent: number, depth: number): unknown {
    const next = this.#lines[this.#at];
    if (rest !== '' && !rest.startsWith('#')) {
      // What is indented further would go on with the scalar.
      if (next !== undefined && next.indent > indent) throw new NotPlain();
      return inlineValue(rest, depth);
    }
    if (next === undefined || next.indent < indent) return null;
    const isList = next.content.startsWith('- ');
    if (next.indent === indent) return isList ? this.#list(indent, depth + 1) : null;
    return isList ? this.#list(next.indent, depth + 1) : this.#map(next.indent, depth + 1);
  }

  #list(indent: number, depth: number): unknown[] {
    if (depth > MAX_DEPTH) throw new NotPlain();
    const items: unknown[] = [];
    for (let line = this.#lines[this.#at]; line !== undefined; line = this.#lines[this.#at]) {
      if (line.indent < indent || (line.indent === indent && !line.content.startsWith('-'))) break;
      if (line.indent > indent || !line.content.startsWith('- ')) throw new NotPlain();
      items.push(this.#item(line, indent, depth));
    }
    return items;
  }

  #item({ content, offset }: Line, indent: number, depth: number): unknown {
    const rest = content.slice(1).trimStart();
    const shift = content.length - rest.length;
    if (KEY.test(rest)) {
      // The first member stands on the line of the dash, the others below it.
      this.#lines[this.#at] = { indent: indent + shift, content: rest, offset: offset + shift };
      return this.#map(indent + shift, depth + 1);
    }
    this.#at++;
    const next = this.#lines[this.#at];
    if (rest.startsWith('#') || (next !== undefined && next.indent > indent)) throw new NotPlain();
    return inlineValue(rest, depth);
  }
}

/** A value on one line of a block, with or without a comment after it. */
function inlineValue(text: string, depth: number): unknown {
  const [first] = text;
  if (first === '"' || first === "'") {
    const [, inner] = (first === '"' ? DOUBLE_QUOTED : SINGLE_QUOTED).exec(text) ?? [];
    if (inner === undefined) throw new NotPlain();
    return inner;
  }
  if (first === '[' || first === '{') return new FlowReader(text, depth).read();
  const comment = text.indexOf(' #');
  return scalar(comment === -1 ? text : text.slice(0, comment).trimEnd());
}

// A letter first, and nothing that could end it, begin something else or be a number.
const TEXT = /^[A-Za-z/](?:[A-Za-z0-9 ._/@+=~-]|:(?=[A-Za-z0-9/.]))*$/;
const WHOLE = /^(?:0|[1-9][0-9]{0,14})$/;
// Durations, addresses, networks: numbers with too many parts to be one.
const NO_NUMBER = /^(?:(?:[0-9]+[hms])+|[0-9]+(?:\.[0-9]+){3}(?:\/[0-9]+)?)$/;

/** A plain scalar that leaves no doubt (YAML 1.1, as Kubernetes reads it). */
function scalar(text: string): unknown {
  if (TEXT.test(text)) {
    if (text === 'true') return true;
    if (text === 'false') return false;
    if (!isWord(text)) return text;
  } else if (WHOLE.test(text)) return Number(text);
  else if (NO_NUMBER.test(text)) return text;
  throw new NotPlain();
}

/** Whether a text is a word that YAML 1.1 takes for a boolean or for nothing, in whatever case. */
function isWord(text: string): boolean {
  return text.length <= 5 && /^(?:y|yes|n|no|true|false|on|off|null)$/i.test(text);
}

const FLOW_KEY = /[A-Za-z][A-Za-z0-9_./-]*(?=: )/y;
const FLOW_TEXT = /[^,[\]{}"'#]+/y;
const FLOW_QUOTED = /"([^"\\]*)"|'([^']*)'/y;

/** One flow collection, alone on its line but for a comment. */
class FlowReader {
  readonly #text: string;
  readonly #depth: number;
  #at = 0;

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
  }

  read(): unknown {
    const value = this.#value(this.#depth + 1);
    if (!/^(?: +#.*)?$/.test(this.#text.slice(this.#at))) throw new NotPlain();
    return value;
  }

  #value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new NotPlain();
    const first = this.#text[this.#at];
    if (first === '[') return this.#list(depth);
    if (first === '{') return this.#map(depth);
    const quoted = this.#match(FLOW_QUOTED);
    if (quoted !== undefined) return quoted[1] ?? quoted[2];
    const [text = ''] = this.#match(FLOW_TEXT) ?? [];
    return scalar(text.trimEnd());
  }

  #list(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#at++;
    this.#spaces();
    if (this.#take(']')) return items;
    do {
      this.#spaces();
      items.push(this.#value(depth + 1));
      this.#spaces();
    } while (this.#take(','));
    if (!this.#take(']')) throw new NotPlain();
    return items;
  }

  #map(depth: number): Record<string, unknown> {
    const members: Record<string, unknown> = {};
    this.#at++;
    this.#spaces();
    if (this.#take('}')) return members;
    do {
      this.#spaces();
      const [key] = this.#match(FLOW_KEY) ?? [];
      if (key === undefined || isWord(key) || Object.hasOwn(members, key)) throw new NotPlain();
      this.#at++;
      this.#spaces();
      members[key] = this.#value(depth + 1);
      this.#spaces();
    } while (this.#take(','));
    if (!this.#take('}')) throw new NotPlain();
    return members;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    const sticky = new RegExp(pattern);
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text);
    if (found === null) return undefined;
    this.#at = sticky.lastIndex;
    return found;
  }

  #spaces(): void {
    while (this.#text[this.#at] === ' ') this.#at++;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }
}
