import { type GoYaml, GoYamlError, readGoYaml } from '../lib/go-yaml.ts';
import { compileLinearRegex, RegexSyntaxError } from '../lib/linear-regex.ts';
import { editDocument, withDocument } from '../lib/yaml-document-edit.ts';
import type { YamlEdit } from '../lib/yaml-edit.ts';
import { readYaml } from '../lib/yaml-read.ts';
import { writeYaml } from '../lib/yaml-write.ts';
import type { Remedy, RemedyInput, SourceFile } from './remedy.ts';
import { remedyOf } from './wording.ts';

const RULES_FILE = '.sops.yaml';
const ENCRYPTED = '^(data|stringData)$';

/**
 * Gives `.sops.yaml` what it lacks so that the Secret can be sealed to us: the file, a rule for its path, or recipients
 * in the rule that matches. Takes nothing away, and leaves rules alone that name other kinds of keys.
 */
export function repairSopsRule(input: RemedyInput): Remedy | undefined {
  const { ownRecipients, sealedPath } = input;
  const path = sealedPath ?? 'secrets/default/any.yaml';
  const areOurs = ownRecipients.length > 0 && ownRecipients.every((each) => /^age1[0-9a-z]{58}$/.test(each));
  if (!areOurs || !/^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(path)) return undefined;
  const repaired =
    input.sopsRules === undefined
      ? newRules(path, ownRecipients)
      : mended(input.sopsRules, path, ownRecipients);
  if (repaired === undefined || !sealsFor(repaired.file.text, path, ownRecipients)) return undefined;
  return remedyOf(
    'repair-sops-rule',
    [repaired.file],
    repaired.title,
    `${repaired.promise} Then certops can encrypt the Secrets below ${folderOf(path)}/ and goes on at once; nobody loses ` +
      'access to anything. This pull request closes when the first of them is there.',
  );
}

interface Repaired {
  readonly file: SourceFile;
  readonly title: string;
  readonly promise: string;
}

/** `secrets` of `secrets/web/www-tls.yaml`. */
function folderOf(path: string): string {
  const folders = path.split('/').slice(0, -2);
  return folders.length === 0 ? '.' : folders.join('/');
}

function ruleFor(path: string, recipients: readonly string[]): Readonly<Record<string, string>> {
  const folder = folderOf(path).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return { path_regex: `^${folder}/`, encrypted_regex: ENCRYPTED, age: recipients.join(',') };
}

function newRules(path: string, recipients: readonly string[]): Repaired {
  const text = writeYaml([{ creation_rules: [ruleFor(path, recipients)] }], {
    comment:
      'Who can open the Secrets in this repository. The first rule whose path_regex matches a file counts.',
  });
  return {
    file: { path: RULES_FILE, text },
    title: `make ${RULES_FILE}`,
    promise: `Merging makes ${RULES_FILE} with a rule that names the recipients of this daemon.`,
  };
}

function mended(rules: SourceFile, path: string, own: readonly string[]): Repaired | undefined {
  const read = readRules(rules.text);
  if (read === undefined) return undefined;
  const index = read.list === undefined ? -1 : firstMatch(read.list, path);
  if (index === undefined) return undefined;
  const rule = read.list?.[index];
  const edits = rule === undefined ? addRule(read.list, ruleFor(path, own)) : addRecipients(rule, index, own);
  const edited = edits && edit(rules, edits);
  if (edited === undefined) return undefined;
  return rule === undefined
    ? {
        file: edited,
        title: `add a rule to ${RULES_FILE}`,
        promise: `Merging adds a last rule to ${RULES_FILE} that names the recipients of this daemon.`,
      }
    : {
        file: edited,
        title: `add recipients to ${RULES_FILE}`,
        promise: `Merging adds the recipients of this daemon to rule ${index + 1} of ${RULES_FILE}.`,
      };
}

function edit(rules: SourceFile, edits: readonly YamlEdit[]): SourceFile | undefined {
  const [document, ...others] = readYaml(Buffer.from(rules.text, 'utf8')).documents;
  if (document === undefined || others.length > 0) return undefined;
  const changed = editDocument(document, edits);
  const text = changed === undefined ? undefined : withDocument(rules.text, document, changed);
  return text === undefined ? undefined : { path: rules.path, text };
}

function addRule(
  list: readonly GoYaml[] | undefined,
  rule: Readonly<Record<string, string>>,
): readonly YamlEdit[] {
  const path = ['creation_rules'];
  return [list === undefined ? { do: 'add', path, value: [rule] } : { do: 'append', path, value: rule }];
}

/** Undefined for a rule that says anything of keys but `age`, and for one that names us all. */
function addRecipients(rule: GoYaml, index: number, own: readonly string[]): readonly YamlEdit[] | undefined {
  const members = membersOf(rule);
  if (members === undefined || OTHER_KEYS.some((key) => isPresent(members.get(key)))) return undefined;
  const age = members.get('age');
  const named = recipientsIn(age);
  const missing = own.filter((recipient) => !named?.includes(recipient));
  if (named === undefined || missing.length === 0) return undefined;
  const path = ['creation_rules', index, 'age'];
  if (age?.kind === 'list' && age.items.length > 0) {
    return missing.map((value) => ({ do: 'append', path, value }));
  }
  const value = [...named, ...missing].join(',');
  const isText = age?.kind === 'leaf' && age.scalar.type === 'str';
  if (age?.kind === 'list') return [{ do: 'replace', path, key: 'age', value }];
  return [isText ? { do: 'set', path, value } : { do: 'add', path, value }];
}

// getsops/sops `config.go`: what else than `age` a rule may seal to.
const OTHER_KEYS: readonly string[] = [
  ...['kms', 'aws_profile', 'pgp', 'gcp_kms', 'hckms', 'azure_keyvault', 'hc_vault_transit_uri'],
  ...['key_groups', 'shamir_threshold'],
];

interface Rules {
  /** Undefined where there are none yet. */
  readonly list: readonly GoYaml[] | undefined;
}

/** Undefined where the file cannot be read: what is in it is not to be guessed. */
function readRules(text: string): Rules | undefined {
  try {
    const [root, ...others] = readGoYaml(text, { aliases: true });
    if (root?.kind !== 'map' || others.length > 0) return undefined;
    const list = root.entries.find(({ key }) => key === 'creation_rules')?.value;
    if (!isPresent(list)) return list?.kind === 'list' ? undefined : { list: undefined };
    return list?.kind === 'list' ? { list: list.items } : undefined;
  } catch (thrown) {
    if (thrown instanceof GoYamlError) return undefined;
    throw thrown;
  }
}

/** Position of the first rule for a path, -1 for none; undefined where a rule before it cannot be understood. */
function firstMatch(list: readonly GoYaml[], path: string): number | undefined {
  for (const [index, rule] of list.entries()) {
    const pattern = membersOf(rule)?.get('path_regex');
    if (membersOf(rule) === undefined) return undefined;
    if (!isPresent(pattern)) return index;
    if (pattern?.kind !== 'leaf' || pattern.scalar.type !== 'str') return undefined;
    const isMatch = matches(pattern.scalar.value, path);
    if (isMatch === undefined) return undefined;
    if (isMatch) return index;
  }
  return -1;
}

function matches(pattern: string, path: string): boolean | undefined {
  try {
    return compileLinearRegex(pattern).test(path);
  } catch (thrown) {
    if (thrown instanceof RegexSyntaxError) return undefined;
    throw thrown;
  }
}

function sealsFor(text: string, path: string, own: readonly string[]): boolean {
  const rules = readRules(text)?.list;
  const index = rules === undefined ? undefined : firstMatch(rules, path);
  const rule = index === undefined ? undefined : rules?.[index];
  const named = rule && recipientsIn(membersOf(rule)?.get('age'));
  return named !== undefined && own.every((recipient) => named.includes(recipient));
}

function membersOf(node: GoYaml): ReadonlyMap<string, GoYaml> | undefined {
  return node.kind === 'map' ? new Map(node.entries.map(({ key, value }) => [key, value])) : undefined;
}

/** `age:` is one text with commas, or a list of texts; undefined for anything else. */
function recipientsIn(age: GoYaml | undefined): readonly string[] | undefined {
  if (!isPresent(age) || age === undefined) return [];
  const leaves = age.kind === 'list' ? age.items : [age];
  const texts = leaves.flatMap((leaf) =>
    leaf.kind === 'leaf' && leaf.scalar.type === 'str' ? [leaf.scalar.value] : [],
  );
  if (texts.length < leaves.length) return undefined;
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

/** SOPS counts an empty value as an absent one. */
function isPresent(node: GoYaml | undefined): boolean {
  if (node === undefined) return false;
  if (node.kind === 'list') return node.items.length > 0;
  if (node.kind === 'map') return node.entries.length > 0;
  return node.scalar.type === 'str' ? node.scalar.value !== '' : node.scalar.type !== 'null';
}
