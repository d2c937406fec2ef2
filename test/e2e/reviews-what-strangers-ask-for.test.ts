import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { FORGE_CASES, type ForgeScenario, startAtForge } from '../support/forges/forge-scenario.ts';
import type { SeenPullRequest } from '../support/forges/forge-under-test.ts';
import { committed, selfSigned } from '../support/offline-scenario.ts';
import { assertNothingInClear } from '../support/promises.ts';

const SECRET = 'canary-webhook-of-reviews-0001';
/** Longer than the ten seconds that are promised, on a machine that does other things, too. */
const PATIENCE_MS = 60_000;

const POLICY = `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata: {name: own-names}
spec:
  allowed:
    dnsNames: {values: ["*.example.com"]}
    usages: ["digital signature", "key encipherment"]
  selector: {issuerRef: {}}
`;

const STRANGERS: readonly {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  readonly state: 'success' | 'failure' | 'error';
  readonly description: RegExp;
}[] = [
  {
    title: 'an honest one',
    files: { 'web/blog.yaml': selfSigned('blog') },
    state: 'success',
    description: /1 to issue/,
  },
  {
    title: 'a policy weakened and used',
    files: {
      'policies/own-names.yaml': POLICY.replace('*.example.com', '*'),
      'web/bank.yaml': selfSigned('bank', '', ['login.bank.test']),
    },
    state: 'failure',
    description: /1 denied/,
  },
  {
    title: 'an expression that runs for ever',
    files: {
      'policies/own-names.yaml': POLICY.replace(
        'dnsNames: {values: ["*.example.com"]}',
        `dnsNames: {values: ["*"], validations: [{rule: ${JSON.stringify(endless())}}]}`,
      ),
      'web/slow.yaml': selfSigned('slow', '', ['slow.bank.test']),
    },
    state: 'failure',
    description: /1 denied/,
  },
  {
    title: 'aliases that explode',
    files: { 'web/bomb.yaml': bomb() },
    state: 'failure',
    description: /1 invalid/,
  },
];

describe('pull requests of strangers', () => {
  it('get their status while other work goes on, by the policies of the base', async (context) => {
    const github = FORGE_CASES.find(({ name }) => name === 'GitHub with a token');
    assert.ok(github !== undefined);
    const scenario = await startAtForge('reviews', context, github);
    const { forge } = scenario;
    await scenario.push({ 'policies/own-names.yaml': POLICY, 'web/www.yaml': selfSigned('www') });
    const daemon = scenario.startDaemon(
      scenario.at({
        args: ['--interval', '1h', '--listen', '127.0.0.1:0'],
        env: { CERTOPS_WEBHOOK_SECRETS: SECRET },
      }),
    );
    context.after(() => void daemon.kill('SIGKILL'));
    const [, address] = await daemon.waitForLine(/"address":"([\d.:]+)","msg":"listening"/, PATIENCE_MS);
    await committed(scenario, 'Issue web/www', PATIENCE_MS);

    const opened: SeenPullRequest[] = [];
    for (const [index, { title, files }] of STRANGERS.entries()) {
      opened.push(
        await forge.person.open({ headBranch: `stranger-${index}`, title, files, isFork: index > 0 }),
      );
    }
    await scenario.push({ 'web/api.yaml': selfSigned('api') });
    const toldAt = performance.now();
    await tell(String(address));
    const statuses = await Promise.all(opened.map((one) => statusOf(scenario, one)));
    context.diagnostic(`all statuses after ${Math.round(performance.now() - toldAt)} ms`);
    await committed(scenario, 'Issue web/api', PATIENCE_MS);
    const { code } = await daemon.kill();

    assert.equal(code, 0);
    for (const [index, { title, state, description }] of STRANGERS.entries()) {
      assert.equal(statuses[index]?.state, state, `${title}: ${statuses[index]?.description}`);
      assert.match(statuses[index]?.description ?? '', description, title);
    }
    const seen = await scenario.seen();
    const comments = opened.map(({ number }) => seen.find((one) => one.number === number)?.comments ?? []);
    assert.deepEqual(
      comments.map(({ length }) => length),
      [1, 1, 1, 1],
    );
    assert.match(comments[1]?.join('') ?? '', /own-names/);
    await assertNothingInClear(
      scenario,
      [{ stdout: daemon.stdout(), stderr: daemon.stderr() }],
      [SECRET, forge.token, forge.git.password],
    );
  });
});

async function tell(address: string): Promise<void> {
  const body = JSON.stringify({
    ...{ action: 'opened', number: 1, pull_request: { number: 1, base: { ref: 'main' } } },
    repository: { full_name: 'team/certificates' },
  });
  const response = await fetch(`http://${address}/webhook/github`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'pull_request',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
    },
    signal: AbortSignal.timeout(10_000),
  });
  assert.equal(response.status, 202);
}

/** The plan's verdict on a head, as soon as there is one. */
async function statusOf({ forge }: ForgeScenario, { headCommit, title }: SeenPullRequest) {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (performance.now() < deadlineMs) {
    const statuses = await forge.statuses(headCommit);
    const found = statuses.find(({ context, state }) => context === 'certops/plan' && state !== 'pending');
    if (found !== undefined) return found;
    // Nobody tells a test that a status was posted.
    await pause(50);
  }
  throw new Error(`no status for "${title}"`);
}

/** A billion names by ten levels of aliases. */
function bomb(): string {
  const levels = Array.from({ length: 10 }, (_, level) =>
    level === 0
      ? '  a0: &a0 [x.example.com]'
      : `  a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`,
  );
  return `${selfSigned('bomb')}---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: bomb2}\nspec:\n${levels.join('\n')}\n`;
}

/** Six nested loops over a list of a hundred. */
function endless(): string {
  const list = `[${Array.from({ length: 100 }, (_, index) => index).join(',')}]`;
  return ['a', 'b', 'c', 'd', 'e', 'f'].reduceRight(
    (inner, name) => `${list}.all(${name}, ${inner})`,
    'self.size() > 0',
  );
}
