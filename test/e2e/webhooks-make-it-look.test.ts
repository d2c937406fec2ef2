import assert from 'node:assert/strict';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { FORGE_CASES, startAtForge } from '../support/forges/forge-scenario.ts';
import { committed, selfSigned } from '../support/offline-scenario.ts';
import { assertNothingInClear } from '../support/promises.ts';

type Headers = Readonly<Record<string, string>>;

const HUB_PUSH = JSON.stringify({ ref: 'refs/heads/main', repository: { full_name: 'team/certificates' } });
const GITLAB_PUSH = JSON.stringify({
  object_kind: 'push',
  ref: 'refs/heads/main',
  project: { path_with_namespace: 'team/certificates' },
});

function hex(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** How each forge sends a push, as its documentation has it. */
const DELIVERIES: readonly {
  readonly name: string;
  readonly forge: string;
  readonly secret: string;
  readonly body: string;
  readonly headers: (secret: string, body: string) => Headers;
}[] = [
  {
    name: 'GitHub',
    forge: 'GitHub with a token',
    secret: 'canary-webhook-of-github-0001',
    body: HUB_PUSH,
    headers: (secret, body) => ({
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${hex(secret, body)}`,
    }),
  },
  {
    name: 'GitLab with a secret token',
    forge: 'GitLab',
    secret: 'canary-webhook-of-gitlab-0001',
    body: GITLAB_PUSH,
    headers: (secret) => ({
      'x-gitlab-event': 'Push Hook',
      'x-gitlab-event-uuid': randomUUID(),
      'x-gitlab-token': secret,
    }),
  },
  {
    name: 'GitLab with a signing token',
    forge: 'GitLab',
    secret: `whsec_${randomBytes(32).toString('base64')}`,
    body: GITLAB_PUSH,
    headers: (secret, body) => {
      const id = randomUUID();
      const timestamp = String(Math.floor(Date.now() / 1000));
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
      const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
      return {
        'x-gitlab-event': 'Push Hook',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      };
    },
  },
  ...(['Gitea', 'Forgejo'] as const).map((name) => ({
    ...{ name, forge: name, secret: `canary-webhook-of-${name}-0001`, body: HUB_PUSH },
    headers: (secret: string, body: string) => ({
      [`x-${name.toLowerCase()}-event`]: 'push',
      [`x-${name.toLowerCase()}-delivery`]: randomUUID(),
      [`x-${name.toLowerCase()}-signature`]: hex(secret, body),
      // Both send GitHub's headers, too.
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${hex(secret, body)}`,
    }),
  })),
];

describe('a push that a forge tells of is acted on at once', { concurrency: 2 }, () => {
  for (const { name, forge: forgeName, secret, body, headers } of DELIVERIES) {
    it(`${name}: a daemon that looks once an hour issues, and does nothing for a forged one`, async (context) => {
      const forgeCase = FORGE_CASES.find((one) => one.name === forgeName);
      assert.ok(forgeCase !== undefined);
      const scenario = await startAtForge('webhooks', context, forgeCase);
      const { forge } = scenario;
      const daemon = scenario.startDaemon(
        scenario.at({
          args: ['--interval', '1h', '--listen', '127.0.0.1:0'],
          // Two at a time: the old one, and the one that replaces it.
          env: { CERTOPS_WEBHOOK_SECRETS: `canary-webhook-of-yesterday,${secret}` },
        }),
      );
      context.after(() => void daemon.kill('SIGKILL'));
      const [, address] = await daemon.waitForLine(/"address":"([\d.:]+)","msg":"listening"/, 60_000);
      await daemon.waitForLine(/watching the branch/, 60_000);
      const deliver = (given: string): Promise<Response> =>
        fetch(`http://${address}/webhook/${forge.kind}`, {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json', ...headers(given, body) },
          signal: AbortSignal.timeout(10_000),
        });

      await scenario.push({ 'web/www.yaml': selfSigned('www') });
      const forged = await deliver(`whsec_${Buffer.alloc(32, 7).toString('base64')}`);
      const before = await scenario.subjects();
      const genuine = await deliver(secret);
      await committed(scenario, 'Issue web/www');
      const { code } = await daemon.kill();

      assert.equal(forged.status, 401);
      assert.ok(!before.some((subject) => subject.startsWith('Issue ')));
      assert.equal(genuine.status, 202);
      assert.equal(code, 0);
      await assertNothingInClear(
        scenario,
        [{ stdout: daemon.stdout(), stderr: daemon.stderr() }],
        [secret, forge.token, forge.git.password],
      );
    });
  }
});
