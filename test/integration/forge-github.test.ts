import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Forge } from '../../src/forge/forge.ts';
import { createGithubForge } from '../../src/forge/github.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { type GithubUnderTest, startGithubSimulator } from '../support/forges/github-simulator.ts';
import { git } from '../support/git-repo.ts';
import { describeForge } from './forge-adapter-suite.ts';
import { BRANCH, failure, PREFIX, scene } from './forge-suite/scene.ts';

describeForge('GitHub (simulated), by token', () => startGithubSimulator('token'));
describeForge('GitHub (simulated), as an App', () => startGithubSimulator('app'));

const MARKER = '<!-- certops:plan -->';

/** A client with other options than the simulator's own. */
function connectTo(at: GithubUnderTest, change: Partial<Parameters<typeof createGithubForge>[0]>): Forge {
  return createGithubForge({
    ...{ apiUrl: at.apiUrl, owner: 'team', repository: 'certificates', credentials: at.credentials },
    ...{ clock: systemClock(), allowPlainLoopback: true, isPaced: false },
    ...change,
  });
}

test('GitHub: an App finds its installation by itself, and takes one token for many requests', async (t) => {
  const { at, forge, opened, since, signal } = await scene(() => startGithubSimulator('app'), t);
  await opened();
  await forge.proposals(PREFIX, since, signal);

  const exchanges = at.requests.filter((request) => request.includes('/access_tokens'));
  const searches = at.requests.filter((request) => request.endsWith('/installation'));
  assert.equal(exchanges.length, 1);
  assert.equal(searches.length, 1);
});

test('GitHub: an App whose installation is given does not look for it', async (t) => {
  const at = await startGithubSimulator('app');
  t.after(() => at.close());
  assert.ok(at.credentials.kind === 'app');
  const forge = connectTo(at, { credentials: { ...at.credentials, installationId: 815 } });

  await forge.openPullRequests('main', t.signal);

  assert.deepEqual(
    at.requests.filter((request) => request.endsWith('/installation')),
    [],
  );
});

test('GitHub: an App writes as SLUG[bot], and finds its comment by that', async (t) => {
  const at = await startGithubSimulator('app');
  t.after(() => at.close());
  const pull = await at.person.open({ headBranch: 'topic', title: 't', files: { 'a.yaml': '#\n' } });
  await at.person.comment(pull.number, `${MARKER} forged`);

  await (await at.connect()).ensureComment(pull, MARKER, `${MARKER} 1`, t.signal);
  await (await at.connect()).ensureComment(pull, MARKER, `${MARKER} 2`, t.signal);

  assert.deepEqual((await at.pullRequests())[0]?.comments, [`${MARKER} forged`, `${MARKER} 2`]);
});

test("GitHub: an App's token that counts no more is replaced with the next request", async (t) => {
  const at = await startGithubSimulator('app');
  t.after(() => at.close());
  const forge = await at.connect();
  await forge.openPullRequests('main', t.signal);
  at.revokeInstallationTokens();

  const refused = await failure(forge.openPullRequests('main', t.signal));
  const again = await forge.openPullRequests('main', t.signal);

  assert.equal((refused as { readonly code?: string }).code, 'forge.unauthorized');
  assert.deepEqual(again, []);
});

test("GitHub: an App's wrong key is refused, and not shown", async (t) => {
  const [at, other] = await Promise.all([startGithubSimulator('app'), startGithubSimulator('app')]);
  t.after(() => Promise.all([at.close(), other.close()]));
  const forge = connectTo(at, { credentials: other.credentials });

  const thrown = await failure(forge.openPullRequests('main', t.signal));

  assert.equal((thrown as { readonly code?: string }).code, 'forge.unauthorized');
  assert.equal(String((thrown as Error).stack).includes('PRIVATE KEY'), false);
});

test('GitHub: a key that is none is said to be wrong, and not shown', async (t) => {
  const at = await startGithubSimulator('app');
  t.after(() => at.close());
  const privateKey = new Sensitive(
    '-----BEGIN RSA PRIVATE KEY-----\ncanary-key\n-----END RSA PRIVATE KEY-----\n',
  );
  const forge = connectTo(at, { credentials: { kind: 'app', appId: '4711', privateKey } });

  const thrown = await failure(forge.openPullRequests('main', t.signal));

  assert.equal((thrown as { readonly code?: string }).code, 'forge.bad-configuration');
  assert.equal(String((thrown as Error).stack).includes('canary-key'), false);
});

test("GitHub: a workflow's token, which is no user's, finds its comment all the same", async (t) => {
  const at = await startGithubSimulator('workflow');
  t.after(() => at.close());
  const pull = await at.person.open({ headBranch: 'topic', title: 't', files: { 'a.yaml': '#\n' } });
  await at.person.comment(pull.number, `${MARKER} forged`);

  await (await at.connect()).ensureComment(pull, MARKER, `${MARKER} 1`, t.signal);
  await (await at.connect()).ensureComment(pull, MARKER, `${MARKER} 2`, t.signal);

  assert.deepEqual((await at.pullRequests())[0]?.comments, [`${MARKER} forged`, `${MARKER} 2`]);
});

test('GitHub: what cannot be opened again, since its branch was rewritten, is opened anew', async (t) => {
  const { at, forge, draft, opened, signal } = await scene(() => startGithubSimulator('token'), t);
  const { pullRequest } = await opened();
  await forge.ensureClosed(pullRequest, { body: 'Healed.', comment: 'Gone.' }, signal);
  await git(['-C', at.repository, 'update-ref', `refs/heads/${BRANCH}`, 'refs/heads/main']);
  // Another change: the same one in the same second would be the same commit.
  await at.person.commit(BRANCH, { 'other.yaml': '#\n' });

  const again = await forge.ensureOpen(await draft(), { ...pullRequest, state: 'closed' }, signal);

  assert.notEqual(again.number, pullRequest.number);
  assert.deepEqual(
    (await at.pullRequests()).map(({ number, state }) => `${number} ${state}`),
    [`${again.number} open`, `${pullRequest.number} closed`],
  );
});

test('GitHub: a repository that the token does not see is not found', async (t) => {
  const at = await startGithubSimulator('token');
  t.after(() => at.close());
  const forge = connectTo(at, { repository: 'other' });

  const thrown = await failure(forge.openPullRequests('main', t.signal));

  assert.equal((thrown as { readonly code?: string }).code, 'forge.not-found');
});

test("GitHub: what is refused is said in GitHub's words", async (t) => {
  const { forge, draft, signal } = await scene(() => startGithubSimulator('token'), t);
  const wanted = await draft({ baseBranch: 'release' });

  const thrown = await failure(forge.ensureOpen(wanted, undefined, signal));

  const { code, explanation } = thrown as {
    readonly code?: string;
    readonly explanation: { readonly why?: string };
  };
  assert.equal(code, 'forge.refused');
  assert.match(explanation.why ?? '', /422, Validation Failed; base invalid/);
});

test('GitHub: a status is found behind a page of others', async (t) => {
  const at = await startGithubSimulator('token');
  t.after(() => at.close());
  const { headCommit } = await at.person.open({ headBranch: 'a', title: 't', files: { 'a.yaml': '#\n' } });
  const forge = await at.connect();
  const status = { state: 'success', description: 'fine' } as const;
  await forge.ensureStatus(headCommit, { ...status, context: 'certops/plan' }, t.signal);
  for (let index = 0; index < 101; index++) {
    await forge.ensureStatus(headCommit, { ...status, context: `ci/${index}` }, t.signal);
  }

  await forge.ensureStatus(headCommit, { ...status, context: 'certops/plan' }, t.signal);

  const ours = (await at.statuses(headCommit)).filter(({ context }) => context === 'certops/plan');
  assert.equal(ours.length, 1);
});

test('GitHub: writes are one after the other with a pause where nobody says otherwise', async (t) => {
  const at = await startGithubSimulator('token');
  t.after(() => at.close());
  const { headCommit } = await at.person.open({ headBranch: 'a', title: 't', files: { 'a.yaml': '#\n' } });
  const forge = connectTo(at, { isPaced: true });
  const status = { state: 'success', description: 'fine' } as const;
  const before = performance.now();

  await forge.ensureStatus(headCommit, { ...status, context: 'one' }, t.signal);
  await forge.ensureStatus(headCommit, { ...status, context: 'two' }, t.signal);

  assert.ok(performance.now() - before > 900);
});

test("GitHub: who stops does not wait for the answer to a request for an App's token", async (t) => {
  const at = await startGithubSimulator('app');
  t.after(() => at.close());
  assert.ok(at.credentials.kind === 'app');
  const silent = createServer(() => {});
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => {
    silent.closeAllConnections();
    silent.close();
  });
  // An address of a TCP server is never a string.
  const { port } = silent.address() as AddressInfo;
  const credentials = { ...at.credentials, installationId: 815 };
  const forge = connectTo(at, { apiUrl: `http://127.0.0.1:${port}`, credentials });
  const stop = new AbortController();
  const reason = new Error('the daemon stops');

  const asking = failure(forge.openPullRequests('main', stop.signal));
  const [request] = await once(silent, 'request');
  stop.abort(reason);
  const thrown = await asking;

  assert.equal(thrown, reason);
  assert.match(request.url, /access_tokens$/);
  // It was left waiting for its answer.
  assert.equal(request.socket.destroyed, false);
});

test('GitHub: who stops does not wait for writes that are queued, and they are not sent', async (t) => {
  const at = await startGithubSimulator('token');
  t.after(() => at.close());
  const { headCommit } = await at.person.open({ headBranch: 'a', title: 't', files: { 'a.yaml': '#\n' } });
  const forge = connectTo(at, { isPaced: true });
  const status = { state: 'success', description: 'fine' } as const;
  const stop = new AbortController();
  const reason = new Error('the daemon stops');
  await forge.ensureStatus(headCommit, { ...status, context: 'first' }, t.signal);

  const queued = failure(forge.ensureStatus(headCommit, { ...status, context: 'queued' }, stop.signal));
  const next = forge.ensureStatus(headCommit, { ...status, context: 'next' }, t.signal);
  const isNextOver = next.then(() => true);
  stop.abort(reason);
  const thrown = await queued;
  const waited = await Promise.race([isNextOver, Promise.resolve(false)]);
  await next;

  assert.equal(thrown, reason);
  assert.equal(waited, false);
  const contexts = (await at.statuses(headCommit)).map(({ context }) => context);
  assert.deepEqual(contexts.toSorted(), ['first', 'next']);
});
