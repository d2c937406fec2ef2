import type { Certificate } from '../api/certificate.ts';
import type { Catalogue, Declared, LintedFile } from '../api/lint/catalogue.ts';
import { type CrossFinding, type Finding, findingOf } from '../api/lint/finding.ts';
import { placed } from '../api/lint/lint-files.ts';
import { issuerOf } from '../api/lint/object-rules.ts';
import { SETTINGS_FILE } from '../api/manifest-paths.ts';
import type { CertificateRequestPolicy } from '../api/policy-spec.ts';
import { tenancyFault } from '../api/tenancy.ts';
import {
  type BrokenPolicy,
  judge,
  judgeAtOnce,
  type PolicySet,
  policySet,
  type Verdict,
} from '../policy/judge.ts';
import { requestOf } from '../policy/request.ts';
import { RulePatience } from '../policy/rule-patience.ts';
import { RuleRunner } from '../policy/rule-runner.ts';
import type { WorkTree } from './work-tree.ts';

/**
 * What the policies of a work tree come to: expressions that do not compile, and Certificates whose request none of
 * them would approve. Which earlier revision of a broken policy is in force only the daemon knows.
 */
export async function lintPolicies(
  { files, settings }: Pick<WorkTree, 'files' | 'settings'>,
  objects: Catalogue,
): Promise<readonly Finding[]> {
  const manifests = files.filter(({ path }) => path !== SETTINGS_FILE);
  const hidden = manifests.flatMap((file) => unusable(file, settings));
  if (objects.policies.length === 0 && hidden.length === 0) return [];
  const runner = new RuleRunner();
  try {
    const checked = await Promise.all(objects.policies.map((policy) => checkPolicy(policy, runner)));
    const usable = checked.flatMap(({ policy, broken }) => (broken === undefined ? [policy] : []));
    const broken = checked.flatMap((one) => (one.broken === undefined ? [] : [one.broken]));
    const set = policySet(usable, [...broken, ...hidden]);
    const patience = new RulePatience(runner);
    const crossing: CrossFinding[] = [];
    for (const certificate of objects.certificates) {
      const found = await judgeCertificate(certificate, objects, set, patience);
      if (found !== undefined) crossing.push(found);
    }
    const byPath = new Map(files.map((file) => [file.path, file]));
    return [...checked.flatMap(({ findings }) => findings), ...placed(crossing, byPath)];
  } finally {
    await runner.close();
  }
}

/** Policies of a file that are there and cannot be read, as far as the rules let it declare any. */
function unusable(
  { path, manifests }: LintedFile,
  { tenancy }: WorkTree['settings'],
): readonly BrokenPolicy[] {
  const inForce = { repository: tenancy, floor: [] };
  if (tenancyFault(inForce, path, 'CertificateRequestPolicy', '') !== undefined) return [];
  const wrong = manifests.problems.filter(
    ({ kind, severity, rule }) =>
      severity === 'error' && kind === 'CertificateRequestPolicy' && rule !== 'tenancy',
  );
  const errors = new Map(wrong.map((problem) => [problem.name?.name ?? path, problem]));
  const told = [...errors].map(([name, { position, message }]) => {
    return { name, why: `${path}:${position.line}:${position.column}: ${message}` };
  });
  const isHiding = manifests.hidesPolicies === true && told.length === 0;
  return isHiding ? [{ name: path, why: `${path}: it cannot be read` }] : told;
}

interface CheckedPolicy {
  readonly policy: CertificateRequestPolicy;
  readonly broken?: BrokenPolicy | undefined;
  readonly findings: readonly Finding[];
}

async function checkPolicy(
  { object: policy, file, document }: Declared<CertificateRequestPolicy>,
  runner: RuleRunner,
): Promise<CheckedPolicy> {
  const { kind, name, rules, unserved } = policy;
  const { faults } = await runner.check(rules.map(({ rule }) => rule));
  const findings = rules.flatMap(({ field, line, column }, index): Finding[] => {
    const fault = faults[index];
    if (fault === undefined) return [];
    const message = `${field}: the expression does not compile: ${fault.message}`;
    const position = { line, column };
    const rule = 'policy-expression';
    return [findingOf(file, { severity: 'error', rule, position, kind, name, field, message, document })];
  });
  const [first] = findings;
  const [field] = unserved;
  const why =
    first === undefined
      ? field && `${file}:${field.line}:${field.column}: ${field.field} is not served`
      : `${file}:${first.line}:${first.column}: ${first.message}`;
  if (why === undefined) return { policy, findings };
  return { policy, findings, broken: { name: name.name, selector: policy.spec.selector, why } };
}

async function judgeCertificate(
  certificate: Declared<Certificate>,
  objects: Catalogue,
  set: PolicySet,
  runner: RulePatience,
): Promise<CrossFinding | undefined> {
  const { object, file, document } = certificate;
  const isAcme = issuerOf(object, objects)?.object.spec.type === 'acme';
  const request = requestOf(object, { revision: 1, isAcme });
  // Most policies ask no expression: then there is nothing to wait for.
  const verdict = judgeAtOnce(set, () => request) ?? (await judge(set, request, runner)).verdict;
  if (verdict.kind === 'approved') return undefined;
  return {
    severity: 'error',
    rule: verdict.kind === 'denied' ? 'policy-denied' : 'policy-unapproved',
    ...{ file, document, kind: object.kind, name: object.name },
    field: fieldOf(verdict),
    message: verdict.message,
  };
}

/** The field that the first thing said against the request is about; the issuer where nothing is said against it. */
function fieldOf({ refusals }: Exclude<Verdict, { kind: 'approved' }>): readonly string[] {
  return ['spec', refusals[0]?.violations[0]?.about ?? 'issuerRef'];
}
