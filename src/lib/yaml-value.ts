import {
  type Alias,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  type YAMLMap,
} from 'yaml';
import type { ComposedYaml } from './yaml-compose.ts';
import type { YamlLimits, YamlPath, YamlProblem, YamlRule } from './yaml-problem.ts';

/** A document as plain data, with what was wrong with it and which node every alias stands for. */
export interface YamlValue {
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  readonly aliased: ReadonlyMap<Alias, Node>;
}

/** Whether a key is `<<`, which takes over another map's members (YAML 1.1 merge key). */
export function isMergeKey(key: unknown): boolean {
  return (
    isScalar(key) &&
    ((typeof key.value === 'symbol' && key.value.description === '<<') ||
      (key.value === '<<' && key.type === 'PLAIN'))
  );
}

/** A key as Kubernetes' JSON has it: always a string. Undefined for keys that are no scalars. */
export function keyText(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined;
}

/**
 * Turns a syntax tree into plain data in one pass: aliases resolved and counted, merge keys applied,
 * duplicate keys found with Sets (the library's own check is quadratic).
 */
export function yamlValue(
  composed: ComposedYaml,
  limits: YamlLimits,
  mappings: 'object' | 'map' = 'object',
): YamlValue {
  const conversion = new Conversion(composed, limits, mappings);
  const value = composed.root === undefined ? null : conversion.value(composed.root, []);
  return { value, problems: conversion.problems, aliased: conversion.aliased };
}

class Conversion {
  readonly problems: YamlProblem[] = [];
  readonly aliased = new Map<Alias, Node>();
  readonly #composed: ComposedYaml;
  readonly #limits: YamlLimits;
  readonly #mappings: 'object' | 'map';
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  #aliases = 0;
  #expanded = 0;
  #insideAlias = 0;

  constructor(composed: ComposedYaml, limits: YamlLimits, mappings: 'object' | 'map') {
    this.#composed = composed;
    this.#limits = limits;
    this.#mappings = mappings;
  }

  value(node: ParsedNode | Node | null, path: YamlPath): unknown {
    if (node === null) return null;
    if (isAlias(node)) return this.#throughAlias(node, path, (target) => this.value(target, path));
    this.#anchor(node);
    if (this.#insideAlias > 0 && ++this.#expanded > this.#limits.maxExpandedNodes) {
      if (this.#expanded === this.#limits.maxExpandedNodes + 1) {
        this.#problem('yaml-too-many-aliases', node, path, 'aliases blow this document up');
      }
      return null;
    }
    if (isScalar(node)) return typeof node.value === 'symbol' ? node.value.description : node.value;
    if (isSeq(node))
      return this.#within(node, () => node.items.map((item, i) => this.#item(item, [...path, i])));
    if (isMap(node)) return this.#within(node, () => this.#map(node, path));
    return null;
  }

  #within<T>(node: Node, read: () => T): T {
    this.#open.add(node);
    const value = read();
    this.#open.delete(node);
    return value;
  }

  #item(item: unknown, path: YamlPath): unknown {
    // `[a: 1]` is a list with a map of one pair; the composer makes it a map already.
    return isPair(item) ? null : this.value(item as Node | null, path);
  }

  #map(node: YAMLMap, path: YamlPath): unknown {
    const members = new Map<string, unknown>();
    const merged = new Map<string, unknown>();
    const seen = new Set<string>();
    for (const pair of node.items) {
      const keyNode = pair.key as Node | null;
      if (keyNode !== null && !isAlias(keyNode)) this.#anchor(keyNode);
      const scalar = isAlias(keyNode) ? this.#throughAlias(keyNode, path, (target) => target) : keyNode;
      const isMerge = isMergeKey(scalar);
      const key = isMerge ? '<<' : keyText(scalar);
      if (key === undefined) {
        this.#problem('yaml-syntax', keyNode ?? node, path, 'a key must be a plain string');
        continue;
      }
      if (seen.has(key)) {
        this.#problem(
          'duplicate-key',
          keyNode ?? node,
          [...path, key],
          `the key "${shorten(key)}" stands here twice`,
        );
        continue;
      }
      seen.add(key);
      if (isMerge) this.#merge(pair.value as Node | null, path, merged);
      else members.set(key, this.value(pair.value as Node | null, [...path, key]));
    }
    for (const [key, value] of merged) if (!members.has(key)) members.set(key, value);
    return this.#mappings === 'map' ? members : plainObject(members);
  }

  #merge(node: Node | null, path: YamlPath, into: Map<string, unknown>): void {
    const sources = isSeq(node) ? (node.items as (Node | null)[]) : [node];
    for (const source of sources) {
      const value = this.value(source, [...path, '<<']);
      const members = value instanceof Map ? value : isPlainObject(value) ? Object.entries(value) : undefined;
      if (members === undefined) {
        this.#problem('yaml-syntax', source ?? this.#composed.root, path, 'only a map can be merged by <<');
        continue;
      }
      for (const [key, member] of members) if (!into.has(key)) into.set(key, member);
    }
  }

  #throughAlias<T>(alias: Alias, path: YamlPath, read: (target: Node) => T): T | null {
    const target = this.#anchors.get(alias.source);
    if (target === undefined) {
      this.#problem('yaml-syntax', alias, path, `nothing before this is named &${shorten(alias.source)}`);
      return null;
    }
    if (this.#open.has(target)) {
      this.#problem('yaml-syntax', alias, path, 'a value cannot contain itself');
      return null;
    }
    // Walked again inside another alias it is the same node of the text, already counted.
    if (!this.aliased.has(alias)) {
      this.aliased.set(alias, target);
      if (++this.#aliases > this.#limits.maxAliases) {
        if (this.#aliases === this.#limits.maxAliases + 1) {
          const message = `more than ${this.#limits.maxAliases} aliases in one document`;
          this.#problem('yaml-too-many-aliases', alias, path, message);
        }
        return null;
      }
    }
    if (this.#expanded > this.#limits.maxExpandedNodes) return null;
    this.#insideAlias++;
    const value = read(target);
    this.#insideAlias--;
    return value;
  }

  #anchor(node: Node): void {
    if (this.#insideAlias > 0 || !('anchor' in node) || typeof node.anchor !== 'string') return;
    this.#anchors.set(node.anchor, node);
  }

  #problem(rule: YamlRule, node: Node | null | undefined, path: YamlPath, message: string): void {
    if (this.problems.length >= this.#limits.maxProblems) return;
    const position = this.#composed.positionAt(node?.range?.[0] ?? 0);
    this.problems.push({ rule, position, path, message });
  }
}

function plainObject(members: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, value] of members) {
    // Assigning `__proto__` would change the prototype instead of making a member.
    if (key !== '__proto__') object[key] = value;
    else Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text of strangers in a message: one line, bounded. */
function shorten(text: string): string {
  const line = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
