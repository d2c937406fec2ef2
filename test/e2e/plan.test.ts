import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type FinishedProcess, runProcess, runSuccessfully } from '../support/process.ts';
import { makeScratch, type Scratch } from '../support/scratch.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

function certificate(name: string, dnsName = `${name}.example.com`): string {
  return `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: ${name}, namespace: web}
spec: {secretName: ${name}-tls, dnsNames: [${dnsName}], issuerRef: {name: own}}
`;
}

const ISSUER =
  'apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: own, namespace: web}\nspec: {selfSigned: {}}\n';

const POLICY = `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata: {name: web}
spec:
  selector: {namespace: {}}
  allowed:
    usages: [digital signature, key encipherment]
    dnsNames: {values: ['*.example.com']}
`;

interface Clone {
  readonly scratch: Scratch;
  git(...args: readonly string[]): Promise<string>;
  /** Runs `certops plan` in the clone, in a home without any identity. */
  plan(...args: readonly string[]): Promise<FinishedProcess>;
}

async function startClone(name: string, context: TestContext): Promise<Clone> {
  const scratch = makeScratch(name, context);
  const env = { PATH: process.env.PATH, HOME: scratch.folder('home') };
  const cwd = scratch.folder('clone');
  const git = (...args: readonly string[]) =>
    runSuccessfully('git', ['-c', 'user.name=p', '-c', 'user.email=p@example.com', ...args], { cwd, env });
  await git('init', '--quiet', '--initial-branch=main');
  scratch.write('clone/issuer.yaml', ISSUER);
  scratch.write('clone/policy.yaml', POLICY);
  for (const one of ['www', 'shop']) scratch.write(`clone/${one}.yaml`, certificate(one));
  await git('add', '--all');
  await git('commit', '--quiet', '--message=first');
  return {
    scratch,
    git,
    plan: (...args) =>
      runProcess(process.execPath, [PROGRAM, 'plan', ...args], { cwd, env, timeoutMs: 60_000 }),
  };
}

interface PlanJson {
  readonly id: string;
  readonly changes: readonly { readonly action: string; readonly name: string }[];
}

function read({ stdout, stderr }: FinishedProcess): {
  readonly id: string;
  readonly told: readonly string[];
} {
  assert.equal(stderr, '');
  // What the test asserts about is asserted member by member.
  const { id, changes } = JSON.parse(stdout) as PlanJson;
  return { id, told: changes.map(({ action, name }) => `${action} ${name}`) };
}

test('a work tree is planned with what is not committed, and without any identity', async (context) => {
  const { scratch, git, plan } = await startClone('plan-work-tree', context);
  const untouched = await plan('-o', 'json');
  scratch.write('clone/new.yaml', certificate('new'));
  scratch.write('clone/www.yaml', `# a remark\n${certificate('www')}`);
  rmSync(scratch.path('clone/shop.yaml'));
  symlinkSync('new.yaml', scratch.path('clone/link.yaml'));
  const before = await git('status', '--porcelain');

  const text = await plan();
  const json = await plan('-o', 'json');
  const markdown = await plan('-o', 'markdown');

  assert.deepEqual(read(untouched).told, []);
  assert.deepEqual(read(json).told, ['remove shop', 'issue new']);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /^Plan [0-9a-f]{16}: 1 to remove, 1 to issue\n/);
  assert.match(text.stdout, /^ {2}\+ issue {3}web\/new {2}DoesNotExist {2}new\.yaml:1$/m);
  assert.match(markdown.stdout, /^- `\+` \*\*issue\*\* `Certificate` `web\/new`/m);
  assert.equal(await git('status', '--porcelain'), before, 'nothing is written');
});

test('two refs are planned from where they parted, and the work tree does not matter', async (context) => {
  const { scratch, git, plan } = await startClone('plan-refs', context);
  await git('switch', '--quiet', '--create', 'change');
  scratch.write('clone/new.yaml', certificate('new'));
  await git('add', '--all');
  await git('commit', '--quiet', '--message=change');
  await git('switch', '--quiet', 'main');
  const first = await plan('--head', 'change', '-o', 'json');
  scratch.write('clone/other.yaml', certificate('other'));
  await git('add', '--all');
  await git('commit', '--quiet', '--message=other');
  scratch.write('clone/loose.yaml', certificate('loose'));

  const later = await plan('--base', 'main', '--head', 'change', '-o', 'json');
  await git('switch', '--quiet', '--detach', 'change');
  rmSync(scratch.path('clone/loose.yaml'));
  const detached = await plan('--base', 'main', '-o', 'json');

  assert.deepEqual(read(first).told, ['issue new']);
  assert.deepEqual(read(later).told, ['issue new'], 'what only main has is not taken away');
  assert.deepEqual(read(detached).told, ['issue new']);
  assert.equal(read(later).id, read(first).id, 'the same after commits of others');
});

test('invalid and denied end with 1, what cannot be planned with 2', async (context) => {
  const { scratch, plan } = await startClone('plan-codes', context);
  scratch.write('clone/new.yaml', certificate('new', 'new.other.org'));
  const denied = await plan();
  scratch.write('clone/new.yaml', certificate('new', 'a_b.example.com'));
  const invalid = await plan();
  scratch.write('clone/policy.yaml', '# no policy any more\n');
  scratch.write('clone/new.yaml', certificate('new', 'new.other.org'));
  const smuggled = await plan();
  const impossible = [
    await plan('--base', 'nowhere'),
    await plan('--head', '--upload-pack=x'),
    await plan('--at', 'tomorrow'),
    await plan('--repo', scratch.folder('empty')),
    await plan('-o', 'yaml'),
  ];

  assert.equal(denied.code, 1);
  assert.match(denied.stdout, /denied .*web\/new {2}Denied/);
  assert.match(denied.stdout, /policy {6}web, spec\.allowed\.dnsNames\.values, policy\.yaml/);
  assert.equal(invalid.code, 1);
  assert.match(invalid.stdout, /invalid .*new\.yaml:4\n.*underscores/);
  assert.equal(smuggled.code, 1, 'policies are those of the base');
  assert.deepEqual(
    impossible.map(({ code, stdout }) => [code, stdout]),
    impossible.map(() => [2, '']),
  );
  assert.match(impossible[0]?.stderr ?? '', /"nowhere" names no commit/);
});
