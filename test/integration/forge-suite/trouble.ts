import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ForgeError } from '../../../src/forge/errors.ts';
import type { ForgeUnderTest } from '../../support/forges/forge-under-test.ts';
import { failure, PREFIX, type Scene, scene } from './scene.ts';

const MARKER = '<!-- certops:plan -->';

/** Everything that a client can be asked, each in turn. */
async function askAll({ at, forge, since, signal }: Scene): Promise<readonly unknown[]> {
  const pull = (await at.pullRequests())[0];
  assert.ok(pull);
  const { headBranch, headCommit, title, body } = pull;
  const draft = {
    ...{ title, headBranch, headCommit, labels: ['certops'], reviewers: [], baseBranch: 'main' },
    body: `${body} `,
  };
  const status = { context: 'certops/plan', state: 'success', description: 'fine' } as const;
  return [
    await failure(forge.proposals(PREFIX, since, signal)),
    await failure(forge.ensureOpen(draft, undefined, signal)),
    await failure(forge.ensureOpen(draft, pull, signal)),
    await failure(forge.ensureClosed(pull, { body: 'x', comment: 'y' }, signal)),
    await failure(forge.openPullRequests('main', signal)),
    await failure(forge.ensureStatus(headCommit, status, signal)),
    await failure(forge.ensureComment(pull, MARKER, `${MARKER} z`, signal)),
  ];
}

function codes(thrown: readonly unknown[]): readonly string[] {
  return thrown.map((one) => (one instanceof ForgeError ? one.code : inspect(one)));
}

export function describeTrouble(start: () => Promise<ForgeUnderTest>): void {
  for (const outage of ['status', 'reset'] as const) {
    test(`while the forge is away (${outage}) every request says so, and afterwards all is as before`, async (t) => {
      const at = await scene(start, t);
      const { draft, pullRequest } = await at.opened();
      at.at.faults.outage = outage;

      const thrown = await askAll(at);
      at.at.faults.outage = undefined;
      const again = await at.forge.ensureOpen(draft, pullRequest, at.signal);

      assert.deepEqual(codes(thrown), Array(7).fill('forge.unreachable'));
      assert.equal(again.number, pullRequest.number);
      assert.equal((await at.at.pullRequests()).length, 1);
    });
  }

  test('a limit with Retry-After says when to ask again', async (t) => {
    const at = await scene(start, t);
    await at.opened();
    at.at.faults.rateLimit = { retryAfterSeconds: 120 };
    const before = Date.now();

    const thrown = await askAll(at);

    assert.deepEqual(codes(thrown), Array(7).fill('forge.rate-limited'));
    for (const { retry } of thrown as readonly ForgeError[]) {
      assert.ok(retry.when === 'not-before');
      const waitMs = retry.at.getTime() - before;
      assert.ok(waitMs >= 119_000 && waitMs < 180_000, `${waitMs} ms`);
    }
  });

  test('a limit without Retry-After says all the same when to ask again', async (t) => {
    const at = await scene(start, t);
    await at.opened();
    at.at.faults.rateLimit = {};
    const before = Date.now();

    const thrown = await askAll(at);

    assert.deepEqual(codes(thrown), Array(7).fill('forge.rate-limited'));
    for (const { retry } of thrown as readonly ForgeError[]) {
      assert.ok(retry.when === 'not-before');
      const waitMs = retry.at.getTime() - before;
      assert.ok(waitMs >= 30_000 && waitMs < 2 * 3_600_000, `${waitMs} ms`);
    }
  });

  test('a limited forge is asked once, not again and again', async (t) => {
    const { at, forge, opened, since, signal } = await scene(start, t);
    await opened();
    at.faults.rateLimit = {};
    const before = at.requests.length;

    await failure(forge.proposals(PREFIX, since, signal));

    assert.equal(at.requests.length - before, 1);
  });

  test('a revoked token says so, and is shown nowhere', async (t) => {
    const at = await scene(start, t);
    await at.opened();
    at.at.faults.isUnauthorized = true;

    const thrown = await askAll(at);

    assert.deepEqual(codes(thrown), Array(7).fill('forge.unauthorized'));
    for (const one of thrown as readonly ForgeError[]) {
      const shown = [inspect(one, { depth: 10 }), one.explain(), JSON.stringify(one.logFields())].join();
      assert.equal(shown.includes(at.at.token), false);
    }
  });

  for (const hostile of ['html', 'no-json', 'wrong-shape', 'endless'] as const) {
    test(`a hostile answer (${hostile}) is taken for what it is`, async (t) => {
      const at = await scene(start, t);
      await at.opened();
      at.at.faults.hostile = hostile;

      const thrown = await askAll(at);

      assert.deepEqual(codes(thrown), Array(7).fill('forge.bad-answer'));
    });
  }

  test('a redirect to another origin is not followed, and the token does not go there', async (t) => {
    const at = await scene(start, t);
    await at.opened();
    const heard: string[] = [];
    const canary = createServer((request, response) => {
      heard.push(`${request.method} ${request.url}`);
      response.end('{}');
    });
    await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
    t.after(() => canary.close());
    // An address of a TCP server is never a string.
    const { port } = canary.address() as AddressInfo;
    at.at.faults.hostile = { redirectTo: `http://127.0.0.1:${port}/elsewhere` };

    const thrown = await askAll(at);

    assert.deepEqual(heard, []);
    assert.deepEqual(codes(thrown), Array(7).fill('forge.bad-answer'));
  });

  test('whoever gives up gets the reason that was given', async (t) => {
    const { forge, since } = await scene(start, t);
    const reason = new Error('the daemon stops');
    const stopped = AbortSignal.abort(reason);

    const thrown = await failure(forge.proposals(PREFIX, since, stopped));

    assert.equal(thrown, reason);
  });
}
