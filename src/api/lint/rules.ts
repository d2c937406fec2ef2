/** Every rule that a finding can name, and what it says in general. */
export const LINT_RULES = {
  'yaml-syntax': 'The text is not YAML, or not the YAML that Kubernetes reads.',
  'yaml-encoding': 'The file is not UTF-8.',
  'yaml-tag': 'A tag stands where Kubernetes knows none.',
  'yaml-too-large': 'The file or document is larger than what is read.',
  'yaml-too-deep': 'Maps and lists stand inside one another too deeply.',
  'yaml-too-many-documents': 'The file has more documents than what is read.',
  'yaml-too-many-aliases': 'Aliases make the document larger than what is read.',
  'yaml-too-slow': 'The file takes longer to read than one file may.',
  'yaml-too-costly': 'The file takes more memory to read than one file may.',
  'merge-conflict': 'Git left a merge conflict.',
  'duplicate-key': 'A key stands twice in one map.',
  'clear-private-key': 'A private key stands in clear: it is burnt.',
  'unknown-api-version': 'The group is one that is read, the version is none of its versions.',
  'unknown-kind': 'The group is one that is read, the kind is none of its kinds.',
  'unknown-field': 'Nothing reads this field.',
  required: 'A field is missing.',
  'invalid-value': 'A value is not one that the field can have.',
  'not-served': 'The field is valid, and this version of certops does not act on it yet.',
  'no-effect': 'The field is valid and means nothing outside of a cluster.',
  'near-miss': 'A group, kind or annotation is nearly one that is read.',
  'list-skipped': 'The items of a List are not read.',
  'deprecated-api-version': 'The manifest is of an API version before v1; it is converted when it is read.',
  'deprecated-field': 'The field is one that people should leave.',
  'misplaced-object': 'The object stands in a file where it is not read.',
  'duplicate-object': 'Two documents declare the same object.',
  'duplicate-secret-name': 'Two Certificates ask for the same Secret.',
  'secret-not-owned': 'A Certificate asks for a Secret that people wrote.',
  'secret-of-issuer': 'A Certificate asks for the Secret of the CA that is to sign it.',
  'issuer-not-found': 'No manifest declares the issuer.',
  'ca-secret-not-found': 'Nothing makes the Secret of a CA issuer.',
  'ca-secret-not-a-ca': 'The Certificate that makes the Secret of a CA issuer is no CA.',
  'no-solver': 'The ACME issuer has no solver for a name.',
  'wildcard-needs-dns01': 'A wildcard has no DNS-01 solver.',
  'ip-needs-http01': 'An IP address has no HTTP-01 solver.',
  'acme-unsupported': 'The Certificate asks for what ACME CAs do not sign.',
  'ca-limits': 'The Certificate asks for more than the CA’s profile allows.',
} as const satisfies Readonly<Record<string, string>>;

/** The general sentence of a rule, for tools that list rules. */
export function ruleDescription(rule: string): string {
  const rules: Readonly<Record<string, string>> = LINT_RULES;
  return Object.hasOwn(rules, rule) ? (rules[rule] ?? rule) : rule;
}
