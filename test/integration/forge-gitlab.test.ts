import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { createGitlabForge } from '../../src/forge/gitlab.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { InternalError } from '../../src/lib/errors.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { type SimulatedGitlab, startGitlabSimulator } from '../support/forges/gitlab-simulator.ts';
import { git } from '../support/git-repo.ts';
import { describeForge } from './forge-adapter-suite.ts';
import { PREFIX, type Scene, scene } from './forge-suite/scene.ts';

const MARKER = '<!-- certops:plan -->';
const GREEN = { context: 'certops/plan', state: 'success', description: 'nothing changes' } as const;

describeForge('GitLab (simulated)', () => startGitlabSimulator());

/** A scene, with what only this simulator can do. */
async function gitlabScene(
  t: TestContext,
  options: Parameters<typeof startGitlabSimulator>[0] = {},
): Promise<Scene & { readonly gitlab: SimulatedGitlab }> {
  const gitlab = await startGitlabSimulator(options);
  return { ...(await scene(async () => gitlab, t)), gitlab };
}

describe('GitLab (simulated): what only GitLab does', () => {
  test('a project in subgroups of an instance under a path is found, whichever URL is given', async (t) => {
    const path = 'platform/pki/certificates';
    const { gitlab, opened, since, signal } = await gitlabScene(t, { basePath: '/git/lab', path });
    await opened();

    const found = [];
    for (const apiUrl of [gitlab.apiUrl, gitlab.apiUrl.replace('/api/v4', ''), `${gitlab.apiUrl}/`]) {
      const forge = createGitlabForge({
        apiUrl,
        repository: path,
        token: new Sensitive(gitlab.token),
        clock: systemClock(),
        allowPlainLoopback: true,
      });
      found.push((await forge.proposals(PREFIX, since, signal)).length);
    }

    assert.deepEqual(found, [1, 1, 1]);
  });

  test('a text that would be carried out is not sent', async (t) => {
    const { at, forge, draft, opened, seen, writesDuring, signal } = await gitlabScene(t);
    const { pullRequest } = await opened();
    const body = 'What failed:\n/close\n';

    const writes = await writesDuring(async () => {
      const wanted = await draft({ body });
      for (const action of [
        () => forge.ensureOpen(wanted, pullRequest, signal),
        () => forge.ensureOpen(wanted, undefined, signal),
        () => forge.ensureComment(pullRequest, MARKER, `${MARKER}\n${body}`, signal),
        () => forge.ensureClosed(pullRequest, { body: 'healed', comment: body }, signal),
      ]) {
        await assert.rejects(async () => action(), InternalError);
      }
    });

    assert.deepEqual(writes, []);
    assert.equal((await seen(pullRequest.number)).state, 'open');
    assert.equal((await at.pullRequests()).length, 1);
  });

  test('the same words in a code block are sent, and only shown', async (t) => {
    const { opened, seen } = await gitlabScene(t);

    const { pullRequest } = await opened({ body: 'It answered:\n\n```text\n/close\n```\n' });

    const now = await seen(pullRequest.number);
    assert.equal(now.state, 'open');
    assert.match(now.body, /^\/close$/m);
  });

  test("a person's mark that it is a draft stays when the title changes", async (t) => {
    const { at, forge, draft, opened, seen, writesDuring, signal } = await gitlabScene(t);
    const { draft: wanted, pullRequest } = await opened();
    await at.person.edit(pullRequest.number, { title: `Draft: ${wanted.title}` });

    const same = await writesDuring(() => forge.ensureOpen(wanted, pullRequest, signal));
    const updated = await forge.ensureOpen(await draft({ title: 'Another title' }), pullRequest, signal);

    assert.deepEqual(same, []);
    assert.equal((await seen(pullRequest.number)).title, 'Draft: Another title');
    assert.equal(updated.title, 'Another title');
    assert.equal(updated.isDraft, true);
  });

  test('where GitLab takes one reviewer only, it is not asked again and again for two', async (t) => {
    const { gitlab, forge, opened, seen, writesDuring, signal } = await gitlabScene(t);
    gitlab.mergeRequests.maxReviewers = 1;

    const { draft, pullRequest } = await opened({ reviewers: ['alice', 'bob', 'team/security'] });
    const writes = await writesDuring(() => forge.ensureOpen(draft, pullRequest, signal));

    assert.deepEqual((await seen(pullRequest.number)).reviewers, ['alice']);
    assert.deepEqual(writes, []);
  });

  test('reviewers whom people asked stay', async (t) => {
    const { forge, draft, opened, seen, signal } = await gitlabScene(t);
    const { pullRequest } = await opened({ reviewers: ['bob'] });

    await forge.ensureOpen(await draft({ reviewers: ['Alice'] }), pullRequest, signal);

    assert.deepEqual((await seen(pullRequest.number)).reviewers.toSorted(), ['alice', 'bob']);
  });

  test('a label with a comma is left out, since GitLab has none', async (t) => {
    const { forge, opened, seen, writesDuring, signal } = await gitlabScene(t);

    const { draft, pullRequest } = await opened({ labels: ['certops', 'a,b', ' '] });
    const writes = await writesDuring(() => forge.ensureOpen(draft, pullRequest, signal));

    assert.deepEqual((await seen(pullRequest.number)).labels, ['certops']);
    assert.deepEqual(writes, []);
  });

  test('a closed one whose branch a person has opened anew gives way to that', async (t) => {
    const { at, forge, opened, draft, signal } = await gitlabScene(t);
    const { pullRequest } = await opened();
    await at.person.close(pullRequest.number);
    const { headBranch } = pullRequest;
    const theirs = await at.person.open({ headBranch, title: 'mine now', files: { 'x.yaml': '#\n' } });

    const taken = await forge.ensureOpen(await draft(), { ...pullRequest, state: 'closed' }, signal);

    assert.equal(taken.number, theirs.number);
    assert.equal(taken.state, 'open');
  });

  test('a closed one that GitLab leaves closed without a word is not taken for open', async (t) => {
    const { at, forge, opened, signal } = await gitlabScene(t);
    const { draft, pullRequest } = await opened();
    await at.person.close(pullRequest.number);
    await git(['-C', at.repository, 'update-ref', '-d', `refs/heads/${draft.headBranch}`]);

    const opening = forge.ensureOpen(draft, { ...pullRequest, state: 'closed' }, signal);

    await assert.rejects(opening, { code: 'forge.refused' });
  });

  test('the head of a fork gets its status under the ref of its merge request, once', async (t) => {
    const { at, forge, writesDuring, signal } = await gitlabScene(t);
    const fork = await at.person.open({
      headBranch: 'main',
      title: 'theirs',
      files: { 'a.yaml': '#\n' },
      isFork: true,
    });

    await forge.ensureStatus(fork.headCommit, GREEN, signal);
    const again = await writesDuring(() => forge.ensureStatus(fork.headCommit, GREEN, signal));

    assert.deepEqual(
      (await at.statuses(fork.headCommit)).map(({ state }) => state),
      ['success'],
    );
    assert.deepEqual(again, []);
  });

  test('a commit that GitLab does not have gets no status, and that is said', async (t) => {
    const { forge, signal } = await gitlabScene(t);

    const setting = forge.ensureStatus('0123456789abcdef0123456789abcdef01234567', GREEN, signal);

    await assert.rejects(setting, { code: 'forge.not-found' });
  });

  test('what waits already is not moved to where it is, and a lagging list is no failure', async (t) => {
    const { at, gitlab, forge, signal } = await gitlabScene(t);
    const { headCommit } = await at.person.open({
      headBranch: 'topic',
      title: 't',
      files: { 'a.yaml': '#\n' },
    });
    const waiting = { ...GREEN, state: 'pending' } as const;
    await forge.ensureStatus(headCommit, waiting, signal);
    gitlab.statusesOfCommits.isNextListStale = true;

    await forge.ensureStatus(headCommit, waiting, signal);

    assert.deepEqual(
      (await at.statuses(headCommit)).map(({ state }) => state),
      ['pending'],
    );
  });

  test('of several pipelines of a commit the newest status counts', async (t) => {
    const { at, gitlab, forge, writesDuring, signal } = await gitlabScene(t);
    const { headCommit } = await at.person.open({
      headBranch: 'topic',
      title: 't',
      files: { 'a.yaml': '#\n' },
    });
    await forge.ensureStatus(headCommit, { ...GREEN, state: 'failure' }, signal);
    gitlab.statusesOfCommits.startPipeline(headCommit, 'refs/merge-requests/1/head');
    await forge.ensureStatus(headCommit, GREEN, signal);

    const writes = await writesDuring(() => forge.ensureStatus(headCommit, GREEN, signal));

    assert.deepEqual(
      (await at.statuses(headCommit)).map(({ state }) => state),
      ['success', 'failed'],
    );
    assert.deepEqual(writes, []);
  });

  test('every member of an answer of the simulator is one that GitLab documents', async (t) => {
    const { at, gitlab, forge, opened, signal } = await gitlabScene(t);
    const { pullRequest } = await opened({ reviewers: ['alice'] });
    await forge.ensureComment(pullRequest, MARKER, MARKER, signal);
    await forge.ensureStatus(pullRequest.headCommit, GREEN, signal);
    const ask = async (path: string): Promise<unknown> => {
      const answer = await fetch(`${gitlab.apiUrl}/${path}`, { headers: { 'private-token': at.token } });
      return answer.json();
    };
    const project = `projects/${encodeURIComponent('team/certificates')}`;

    const foreign = [
      ...undocumented('APIEntitiesMergeRequestBasic', await ask(`${project}/merge_requests`)),
      ...undocumented('APIEntitiesMergeRequest', await ask(`${project}/merge_requests/1`)),
      ...undocumented('APIEntitiesNote', await ask(`${project}/merge_requests/1/notes`)),
      ...undocumented(
        'APIEntitiesCommitStatus',
        await ask(`${project}/repository/commits/${pullRequest.headCommit}/statuses`),
      ),
      ...undocumented('APIEntitiesUserBasic', await ask('user')),
    ];

    assert.deepEqual(foreign, []);
  });
});

interface Schema {
  readonly properties: Readonly<Record<string, { readonly $ref?: string }>>;
}

const SCHEMAS: Readonly<Record<string, Schema>> = JSON.parse(
  readFileSync(new URL('../fixtures/forges/gitlab-openapi.json', import.meta.url), 'utf8'),
).components.schemas;

/** Paths of members that the description does not have; an answer without members is an error. */
function undocumented(name: string, answer: unknown): readonly string[] {
  if (Array.isArray(answer)) {
    assert.ok(answer.length > 0, name);
    return answer.flatMap((one) => undocumented(name, one));
  }
  const schema = SCHEMAS[name];
  if (schema === undefined || typeof answer !== 'object' || answer === null) return [];
  return Object.entries(answer).flatMap(([member, value]) => {
    const property = schema.properties[member];
    if (property === undefined) return [`${name}.${member}`];
    const inner = property.$ref?.replace('#/components/schemas/', '');
    // Lists that are empty say nothing.
    const isEmpty = Array.isArray(value) && value.length === 0;
    return inner === undefined || isEmpty ? [] : undocumented(inner, value);
  });
}
