import { type GoYaml, GoYamlError, readGoYaml } from '../../lib/go-yaml.ts';
import { compileLinearRegex, type LinearRegex, RegexSyntaxError } from '../../lib/linear-regex.ts';
import { isX25519Recipient } from './bech32.ts';
import { type PathSelection, pathSelection } from './selection.ts';
import { SopsError } from './sops-error.ts';

/** How to seal one file. */
export interface SealingRule {
  /** age X25519 recipients, validated, without duplicates, in the order of the file; may be empty (nothing is sealed). */
  readonly recipients: readonly string[];
  /** Position of the rule in `creation_rules`, from 0. */
  readonly index: number;
  /** Line of the rule in `.sops.yaml`, from 1. */
  readonly line: number;
  /** SOPS `mac_only_encrypted`: what stands in clear is not covered by the MAC. */
  readonly macOnlyEncrypted: boolean;
}

/** A parsed `.sops.yaml`, for `matchRule`. */
export interface SopsRules {
  readonly rules: readonly CreationRule[];
}

/** One entry of `creation_rules`. */
export interface CreationRule extends SealingRule {
  /** `path_regex` as it is written; empty where there is none, which matches every path. */
  readonly pattern: string;
  /** Undefined matches every path. */
  readonly pathRegex: LinearRegex | undefined;
  /** What `sops encrypt` would encrypt by it, by the keys on a value's path. */
  readonly selection: PathSelection | undefined;
  /** Why we cannot seal by it, undefined where we can; it only matters for the rule that matches. */
  readonly unsupported: string | undefined;
}

type GoYamlMap = GoYaml & { readonly kind: 'map' };

/** Fields of a rule that say with what else than age to seal. */
const OTHER_KEYS = [
  'kms',
  'aws_profile',
  'pgp',
  'gcp_kms',
  'hckms',
  'azure_keyvault',
  'hc_vault_transit_uri',
];

/**
 * Reads `.sops.yaml` (getsops/sops `config.go`: `creation_rules`; a field that SOPS does not know is left alone).
 *
 * @throws SopsError `sops.rules-unreadable`, naming the line.
 */
export function parseSopsRules(text: string): SopsRules {
  const root = readRoot(text);
  const list = root.entries.find((entry) => entry.key === 'creation_rules')?.value;
  if (list?.kind !== 'list') throw unreadable(list?.line ?? 1, 'creation_rules is no list of rules');
  return { rules: list.items.map(readRule) };
}

/**
 * The first rule whose `path_regex` matches, anywhere in the path as in Go; one without `path_regex` matches all.
 *
 * @param path relative to `.sops.yaml`, with `/`.
 * @throws SopsError `sops.rule-unsupported` when that rule asks for more than age X25519 recipients.
 */
export function matchRule(rules: SopsRules, path: string): CreationRule | undefined {
  const rule = rules.rules.find((candidate) => candidate.pathRegex?.test(path) ?? true);
  if (rule?.unsupported === undefined) return rule;
  throw new SopsError(
    'sops.rule-unsupported',
    {
      what: `certops cannot seal ${path} by rule ${rule.index + 1} of .sops.yaml (line ${rule.line})`,
      why: rule.unsupported,
      next: 'Put a rule with age recipients (age1…) alone for this path before it',
    },
    { path, line: rule.line },
  );
}

function readRoot(text: string): GoYamlMap {
  try {
    const [root, second] = readGoYaml(text, { aliases: true });
    if (root?.kind !== 'map') throw unreadable(1, 'it is no YAML map');
    if (second !== undefined) throw unreadable(second.line, 'it has more than one document');
    return root;
  } catch (thrown) {
    if (!(thrown instanceof GoYamlError)) throw thrown;
    throw unreadable(thrown.line, thrown.message);
  }
}

function readRule(node: GoYaml, index: number): CreationRule {
  if (node.kind !== 'map') throw unreadable(node.line, `rule ${index + 1} is no map`);
  const fields = new Map(node.entries.map((entry) => [entry.key, entry.value]));
  const others = OTHER_KEYS.filter((name) => isPresent(fields.get(name)));
  const groups = fields.get('key_groups');
  const inGroup = isPresent(groups) ? readKeyGroups(groups) : { recipients: [], unsupported: undefined };
  // As in SOPS: with key groups, the rule's own keys are not looked at.
  const wanted = isPresent(groups) ? inGroup.recipients : readRecipients(fields.get('age'));
  const recipients = [...new Set(wanted)];
  const pathRegex = fields.get('path_regex');
  const foreign = recipients.filter((recipient) => !isX25519Recipient(recipient));
  const unsupported =
    inGroup.unsupported ??
    (others.length > 0 ? `It names ${others.join(', ')}, and certops seals to age alone` : undefined) ??
    (isPresent(fields.get('shamir_threshold')) ? 'It asks for shamir_threshold' : undefined) ??
    (foreign.length > 0
      ? `These recipients are no age X25519 recipients: ${foreign.map((text) => text.slice(0, 80)).join(', ')}`
      : undefined);
  return {
    recipients,
    index,
    line: node.line,
    macOnlyEncrypted: readFlag(fields.get('mac_only_encrypted')),
    pattern: isPresent(pathRegex) ? textOf(pathRegex, 'path_regex') : '',
    pathRegex: readPathRegex(pathRegex),
    selection: readSelection(fields),
    unsupported,
  };
}

function readPathRegex(node: GoYaml | undefined): LinearRegex | undefined {
  if (!isPresent(node)) return undefined;
  const pattern = textOf(node, 'path_regex');
  try {
    return compileLinearRegex(pattern);
  } catch (thrown) {
    if (!(thrown instanceof RegexSyntaxError)) throw thrown;
    throw unreadable(node?.line ?? 0, `path_regex cannot be used: ${thrown.message}`);
  }
}

/** Undefined for what we do not read; it never stands in the way of sealing, which has its own selection. */
function readSelection(fields: ReadonlyMap<unknown, GoYaml>): PathSelection | undefined {
  try {
    return pathSelection((name) => {
      const node = fields.get(name);
      return isPresent(node) ? textOf(node, name) : undefined;
    }, '.sops.yaml');
  } catch (thrown) {
    if (thrown instanceof SopsError) return undefined;
    throw thrown;
  }
}

/** One group of age recipients alone is the same as `age:`; anything else is refused where it matters. */
function readKeyGroups(node: GoYaml | undefined): {
  readonly recipients: readonly string[];
  readonly unsupported: string | undefined;
} {
  const refused = {
    recipients: [],
    unsupported: 'It uses key_groups for more than one group of age recipients',
  };
  if (node?.kind !== 'list') throw unreadable(node?.line ?? 0, 'key_groups is no list');
  const [group, second] = node.items;
  if (group?.kind !== 'map' || second !== undefined) return refused;
  if (group.entries.some((entry) => entry.key !== 'age' && isPresent(entry.value))) return refused;
  const age = group.entries.find((entry) => entry.key === 'age')?.value;
  return { recipients: readRecipients(age), unsupported: undefined };
}

/** `age:` is one text with commas, or a list of texts. */
function readRecipients(node: GoYaml | undefined): readonly string[] {
  if (node === undefined || (node.kind === 'leaf' && node.scalar.type === 'null')) return [];
  const texts = node.kind === 'list' ? node.items.map((item) => textOf(item, 'age')) : [textOf(node, 'age')];
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

function readFlag(node: GoYaml | undefined): boolean {
  if (node === undefined || (node.kind === 'leaf' && node.scalar.type === 'null')) return false;
  if (node.kind === 'leaf' && node.scalar.type === 'bool') return node.scalar.value;
  throw unreadable(node.line, 'mac_only_encrypted is neither true nor false');
}

function textOf(node: GoYaml | undefined, field: string): string {
  if (node?.kind === 'leaf' && node.scalar.type === 'str') return node.scalar.value;
  throw unreadable(node?.line ?? 0, `${field} is no text`);
}

/** SOPS counts an empty value as an absent one. */
function isPresent(node: GoYaml | undefined): boolean {
  if (node === undefined) return false;
  if (node.kind === 'list') return node.items.length > 0;
  if (node.kind === 'map') return node.entries.length > 0;
  const { scalar } = node;
  if (scalar.type === 'str') return scalar.value !== '';
  return !(scalar.type === 'null' || (scalar.type === 'int' && scalar.value === '0'));
}

function unreadable(line: number, why: string): SopsError {
  const place = line > 0 ? `.sops.yaml, line ${line}` : '.sops.yaml';
  return new SopsError(
    'sops.rules-unreadable',
    {
      what: 'Nothing can be sealed, because .sops.yaml cannot be read',
      why: `${place}: ${why}`,
      next: 'Mend .sops.yaml; sops itself tells more when it encrypts a file there',
    },
    { line },
  );
}
