import { join } from 'node:path';
import type { Finding } from '../api/lint/finding.ts';
import { type CreationRule, parseSopsRules } from '../secrets/sops/rules.ts';
import { SopsError } from '../secrets/sops/sops-error.ts';
import { readPlainFile } from './plain-file.ts';
import type { WorkTree } from './work-tree.ts';

const SOPS_RULES_FILE = '.sops.yaml';
const MAX_BYTES = 1 << 20;
/** Values of these stand in clear in every manifest; a rule that selects one of them would hide it. */
const CLEAR_FIELDS = ['apiVersion', 'kind', 'metadata', 'spec'];

/** What is wrong with `.sops.yaml`: nothing where there is none, for a tree need not hold Secrets. */
export async function lintSopsRules({ root, files }: WorkTree): Promise<readonly Finding[]> {
  const file = await readPlainFile(join(root, SOPS_RULES_FILE), MAX_BYTES);
  if (file.kind === 'absent') return [];
  if (file.kind === 'unusable') {
    const message = `it is no ordinary file of at most ${MAX_BYTES} bytes: nothing can be sealed by it`;
    return [finding('error', 1, 'sops-rules-unreadable', message)];
  }
  try {
    const { rules } = parseSopsRules(file.text);
    const manifests = files
      .filter(({ manifests }) => manifests.objects.some(({ object }) => object.kind !== 'Secret'))
      .map(({ path }) => path);
    return rules.flatMap((rule) => lintRule(rule, rules, manifests));
  } catch (thrown) {
    if (!(thrown instanceof SopsError)) throw thrown;
    const { line } = thrown.data;
    return [
      finding(
        'error',
        typeof line === 'number' && line > 0 ? line : 1,
        'sops-rules-unreadable',
        thrown.explanation.why ?? '',
      ),
    ];
  }
}

function lintRule(
  rule: CreationRule,
  rules: readonly CreationRule[],
  manifests: readonly string[],
): readonly Finding[] {
  const { line, unsupported, recipients, selection } = rule;
  const found: Finding[] = [];
  if (unsupported !== undefined) {
    found.push(
      finding('warning', line, 'sops-rule-unsupported', `certops seals nothing by this rule: ${unsupported}`),
    );
  } else if (recipients.length === 0) {
    found.push(
      finding(
        'warning',
        line,
        'sops-no-recipient',
        'certops seals nothing by this rule: it names no recipient',
      ),
    );
  }
  const hides = CLEAR_FIELDS.some((field) => selection?.([field, 'name']) === true);
  // The first rule that matches a path is the one that holds for it.
  const manifest = manifests.find(
    (path) => rules.find(({ pathRegex }) => pathRegex?.test(path) ?? true) === rule,
  );
  if (hides && manifest !== undefined) {
    found.push(
      finding(
        'warning',
        line,
        'sops-encrypts-manifests',
        `sops would encrypt manifests such as ${manifest} by this rule, and certops could not read them; set encrypted_regex: ^(data|stringData)$, or narrow path_regex`,
      ),
    );
  }
  return found;
}

function finding(severity: Finding['severity'], line: number, rule: string, message: string): Finding {
  return {
    ...{ severity, file: SOPS_RULES_FILE, line, column: 1 },
    ...{ kind: '', namespace: '', name: '', path: '', rule, message },
  };
}
