import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readPlainYaml } from '../../src/lib/yaml-write.ts';

const template = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../repo-template');

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly if?: string;
  readonly environment?: string;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

function read(file: string): string {
  return readFileSync(path.join(template, file), 'utf8');
}

/** A workflow as GitHub, Gitea and Forgejo read it. */
function workflowOf(file: string): Workflow {
  // What it looks like is what these tests are about.
  return readPlainYaml(read(file))[0] as Workflow;
}

const FOLDERS = ['dot-github/workflows', 'dot-gitea/workflows'];
const workflows = FOLDERS.flatMap((folder) =>
  readdirSync(path.join(template, folder)).map((name) => `${folder}/${name}`),
);
const reviews = workflows.filter((file) => file.endsWith('/certops.yml'));
const runs = workflows.filter((file) => file.endsWith('/certops-run.yml.off'));

function stepsOf(file: string): readonly Step[] {
  return Object.values(workflowOf(file).jobs).flatMap(({ steps }) => steps);
}

test('each forge with workflows has one that reviews, and one that runs, which is off', () => {
  assert.equal(reviews.length, 2);
  assert.equal(runs.length, 2);
  assert.equal(workflows.length, 4);
});

for (const file of workflows) {
  test(`${file}: actions are pinned by their whole commit id, with the version beside it`, () => {
    const uses = read(file)
      .split('\n')
      .filter((line) => /^\s*(- )?uses:/.test(line));

    assert.equal(uses.length, stepsOf(file).filter((step) => step.uses !== undefined).length);
    for (const line of uses) assert.match(line, /uses: \S+\/\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test(`${file}: nothing is pasted into a script`, () => {
    const scripts = stepsOf(file).flatMap(({ run }) => (run === undefined ? [] : [run]));

    assert.ok(scripts.length > 1);
    assert.deepEqual(
      scripts.filter((script) => script.includes('${{')),
      [],
    );
  });

  test(`${file}: a job may read the repository and nothing else, and ends`, () => {
    const { permissions, jobs } = workflowOf(file);

    assert.deepEqual(permissions, {});
    for (const job of Object.values(jobs)) {
      assert.deepEqual(job.permissions, { contents: 'read' });
      assert.ok((job['timeout-minutes'] ?? 360) <= 60);
      const checkout = job.steps.find(({ uses }) => uses?.includes('/checkout@'));
      assert.equal(checkout?.with?.['persist-credentials'], false);
    }
  });
}

for (const file of reviews) {
  test(`${file}: looks at pull requests with the whole history and without a secret`, () => {
    const workflow = workflowOf(file);
    const steps = stepsOf(file);
    const checkout = steps.find(({ uses }) => uses?.includes('/checkout@'));

    assert.deepEqual(Object.keys(workflow.on), ['pull_request']);
    assert.equal(checkout?.with?.['fetch-depth'], 0);
    assert.doesNotMatch(read(file), /secrets\.|pull_request_target|issue_comment|workflow_run/);
    assert.deepEqual(
      steps.flatMap(({ env }) => Object.values(env ?? {})),
      [['$', '{{ github.event.pull_request.base.sha }}'].join('')],
    );
    assert.deepEqual(
      steps.flatMap(({ run }) => /^certops (?<verb>\w+)/.exec(run ?? '')?.groups?.verb ?? []),
      ['lint', 'plan'],
    );
  });
}

for (const file of runs) {
  test(`${file}: runs on a schedule alone, and says which secrets it needs`, () => {
    const workflow = workflowOf(file);
    const text = read(file);
    const used = [...text.matchAll(/secrets\.(?<name>\w+)/g)].map(({ groups }) => groups?.name ?? '');

    assert.ok('schedule' in workflow.on);
    assert.doesNotMatch(text, /pull_request|^\s*push:/m);
    assert.ok(Object.values(workflow.jobs).every((job) => job.if !== undefined));
    for (const name of used) assert.match(text, new RegExp(`^# {3}${name} `, 'm'));
    assert.ok(used.length >= 3);
  });
}

test('GitLab reviews merge requests without a secret, and runs where a protected branch is scheduled', () => {
  interface GitlabJob {
    readonly rules: readonly { readonly if: string }[];
    readonly script: readonly string[];
  }
  // The same as for workflows.
  const [pipeline] = readPlainYaml(read('dot-gitlab-ci.yml')) as [
    Readonly<Record<string, unknown>> & {
      readonly variables: Readonly<Record<string, string>>;
      readonly default: { readonly image: string };
      readonly certops: GitlabJob;
      readonly 'certops-run': GitlabJob;
    },
  ];

  const { certops, 'certops-run': run, variables } = pipeline;

  assert.equal(variables.GIT_DEPTH, '0');
  assert.match(pipeline.default.image, /^node:\d+\.\d+\.\d+-/);
  assert.deepEqual(certops.rules, [{ if: '$CI_PIPELINE_SOURCE == "merge_request_event"' }]);
  assert.deepEqual(run.rules, [
    { if: '$CI_PIPELINE_SOURCE == "schedule" && $CI_COMMIT_REF_PROTECTED == "true"' },
  ]);
  assert.doesNotMatch(certops.script.join('\n'), /TOKEN|KEY|TITLE|DESCRIPTION|SOURCE_BRANCH/);
  for (const line of [...certops.script, ...run.script]) {
    assert.doesNotMatch(line.replace(/"[^"]*"/g, ''), /\$/, 'variables stand in quotes');
  }
});

test('one line names version and source of certops, and the script is sound', () => {
  const file = 'dot-ci/install-certops.sh';
  const installs = [...workflows, 'dot-gitlab-ci.yml'].map((name) => read(name));

  execFileSync('sh', ['-n', path.join(template, file)]);

  assert.match(read(file), /^CERTOPS="https:\/\/\S+\.tgz [0-9a-f]{64}"$/m);
  for (const text of installs) {
    assert.match(text, /sh \.ci\/install-certops\.sh/);
    assert.doesNotMatch(text, /npm |npx |curl /);
  }
});
