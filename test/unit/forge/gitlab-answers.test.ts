import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readAnswer } from '../../../src/forge/answer-shape.ts';
import {
  COMMIT_STATUS,
  MERGE_REQUEST,
  NOTE,
  toPullRequest,
  USER,
} from '../../../src/forge/gitlab-answers.ts';

const description: {
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties: Readonly<Record<string, unknown>> }>>;
  };
} = JSON.parse(readFileSync(new URL('../../fixtures/forges/gitlab-openapi.json', import.meta.url), 'utf8'));

const answered = {
  iid: 7,
  title: 'web/www cannot be issued',
  description: null,
  state: 'opened',
  created_at: '2027-01-02T03:04:05.678Z',
  updated_at: '2027-01-03T03:04:05.678Z',
  merged_at: null,
  closed_at: null,
  target_branch: 'main',
  source_branch: 'topic',
  author: { id: 1, username: 'alice' },
  source_project_id: 42,
  target_project_id: 42,
  labels: ['certops'],
  draft: false,
  sha: '0123456789abcdef0123456789abcdef01234567',
  web_url: 'https://gitlab.example.com/team/certificates/-/merge_requests/7',
};

function read(change: Readonly<Record<string, unknown>>) {
  return toPullRequest(readAnswer(MERGE_REQUEST, { ...answered, ...change }, 'GET'), 'GET');
}

const SHAPES = [
  { shape: MERGE_REQUEST, schema: 'APIEntitiesMergeRequest' },
  { shape: NOTE, schema: 'APIEntitiesNote' },
  { shape: COMMIT_STATUS, schema: 'APIEntitiesCommitStatus' },
  { shape: USER, schema: 'APIEntitiesUserBasic' },
];

for (const { shape, schema } of SHAPES) {
  test(`what is read of an answer is documented: ${schema}`, () => {
    const documented = Object.keys(description.components.schemas[schema]?.properties ?? {});

    const foreign = Object.keys(shape.shape).filter((name) => !documented.includes(name));

    assert.ok(documented.length > 0);
    assert.deepEqual(foreign, []);
  });
}

test('a merge request is read with its times, and an empty text for none', () => {
  const pullRequest = read({});

  assert.equal(pullRequest.number, 7);
  assert.equal(pullRequest.state, 'open');
  assert.equal(pullRequest.body, '');
  assert.equal(pullRequest.isFork, false);
  assert.equal(pullRequest.createdAt.toISOString(), answered.created_at);
  assert.equal(pullRequest.closedAt, undefined);
});

test('one that is being merged is open still, and one that was closed says when', () => {
  const closed = read({ state: 'closed', closed_at: '2027-01-04T00:00:00Z' });
  const merged = read({ state: 'merged', merged_at: '2027-01-05T00:00:00Z' });
  const unknown = read({ state: 'merged' });

  assert.equal(read({ state: 'locked' }).state, 'open');
  assert.equal(closed.closedAt?.toISOString(), '2027-01-04T00:00:00.000Z');
  assert.equal(merged.closedAt?.toISOString(), '2027-01-05T00:00:00.000Z');
  assert.equal(unknown.closedAt?.toISOString(), answered.updated_at);
});

test('a fork is a fork also when it is gone', () => {
  assert.equal(read({ source_project_id: 77 }).isFork, true);
  assert.equal(read({ source_project_id: null }).isFork, true);
});

const DRAFTS = [
  { title: 'Draft: Add a name', draft: true, read: 'Add a name' },
  { title: '[Draft] (draft) Add a name', draft: true, read: 'Add a name' },
  { title: 'draft:Add a name', draft: true, read: 'Add a name' },
  { title: 'Draft: Add a name', draft: false, read: 'Draft: Add a name' },
];

for (const { title, draft, read: expected } of DRAFTS) {
  test(`the mark of a draft is no part of its title: ${title} (${draft})`, () => {
    const pullRequest = read({ title, draft });

    assert.equal(pullRequest.title, expected);
    assert.equal(pullRequest.isDraft, draft);
  });
}

const WRONG = [
  { name: 'a number in words', change: { iid: 'seven' } },
  { name: 'an unheard-of state', change: { state: 'paused' } },
  { name: 'a time that is none', change: { created_at: 'yesterday' } },
  { name: 'nobody as author', change: { author: null } },
];

for (const { name, change } of WRONG) {
  test(`an answer that is not what is documented is refused: ${name}`, () => {
    assert.throws(() => read(change), { code: 'forge.bad-answer' });
  });
}
