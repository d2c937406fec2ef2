import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForgeFetch } from '../../../src/forge/forge-fetch.ts';
import { openGitlabClient, readPages } from '../../../src/forge/gitlab-client.ts';
import { integer, openObject } from '../../../src/lib/schema.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';

const NUMBER = openObject({ iid: integer() });

interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A client whose requests are answered by `answer`, and what it sent. */
async function client(
  apiUrl: string,
  answer: (sent: Sent) => Response,
  signal = new AbortController().signal,
) {
  const sent: Sent[] = [];
  const fetch: ForgeFetch = async (input, init = {}) => {
    signal.throwIfAborted();
    const one = {
      method: init.method ?? 'GET',
      url: new URL(String(input)),
      headers: new Headers(init.headers),
      body: init.body === undefined ? undefined : JSON.parse(String(init.body)),
    };
    sent.push(one);
    return answer(one);
  };
  return {
    sent,
    api: await openGitlabClient({ apiUrl, token: new Sensitive('canary-token'), fetch }, signal),
  };
}

function json(body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json', ...headers } });
}

const BASES = [
  { apiUrl: 'https://gitlab.example.com', base: 'https://gitlab.example.com/api/v4' },
  { apiUrl: 'https://gitlab.example.com/', base: 'https://gitlab.example.com/api/v4' },
  { apiUrl: 'https://example.com/git/lab/api/v4/', base: 'https://example.com/git/lab/api/v4' },
];

for (const { apiUrl, base } of BASES) {
  test(`requests go below ${base} for ${apiUrl}`, async () => {
    const { sent, api } = await client(apiUrl, () => json([]));

    await api.notes.all('a/b c/d', 7, { sort: 'asc' });
    await api.users.showCurrentUser();

    assert.equal(sent[0]?.url.href, `${base}/projects/a%2Fb%20c%2Fd/merge_requests/7/notes?sort=asc`);
    assert.equal(sent[1]?.url.href, `${base}/user`);
    assert.equal(sent[0]?.headers.get('private-token'), 'canary-token');
  });
}

test('names are sent as GitLab writes them, lists in bodies as they are', async () => {
  const { sent, api } = await client('https://gitlab.example.com', () => json({}));

  await api.mergeRequests.edit('a/b', 7, { addLabels: 'x,y', reviewerIds: [1, 2], stateEvent: 'reopen' });

  assert.equal(sent[0]?.method, 'PUT');
  assert.equal(sent[0]?.headers.get('content-type'), 'application/json');
  assert.deepEqual(sent[0]?.body, { add_labels: 'x,y', reviewer_ids: [1, 2], state_event: 'reopen' });
});

const NEXT = [
  { name: 'x-next-page', header: (page: number) => ({ 'x-next-page': page > 2 ? '' : String(page + 1) }) },
  {
    name: 'link alone',
    header: (page: number) => {
      const to = (target: number, rel: string) =>
        `<https://gitlab.example.com/x?per_page=100&page=${target}>; rel="${rel}"`;
      return { link: [...(page > 2 ? [] : [to(page + 1, 'next')]), to(1, 'first')].join(', ') };
    },
  },
];

for (const { name, header } of NEXT) {
  test(`pages are followed by ${name}`, async () => {
    const { sent, api } = await client('https://gitlab.example.com', ({ url }) => {
      const page = Number(url.searchParams.get('page'));
      return json([{ iid: page * 10 }], header(page));
    });

    const found = await readPages(NUMBER, 'GET', 10, (paging) =>
      api.mergeRequests.all({ projectId: 'a/b', ...paging }),
    );

    assert.deepEqual(
      found.map(({ iid }) => iid),
      [10, 20, 30],
    );
    assert.equal(sent[0]?.url.searchParams.get('per_page'), '100');
  });
}

test('pages that lead back, or never end, are not followed for ever', async () => {
  const back = await client('https://gitlab.example.com', () => json([{ iid: 1 }], { 'x-next-page': '1' }));
  const endless = await client('https://gitlab.example.com', ({ url }) =>
    json([{ iid: 1 }], { 'x-next-page': String(Number(url.searchParams.get('page')) + 1) }),
  );

  for (const { api } of [back, endless]) {
    await readPages(NUMBER, 'GET', 3, (paging) => api.mergeRequests.all({ projectId: 'a/b', ...paging }));
  }

  assert.equal(back.sent.length, 1);
  assert.equal(endless.sent.length, 3);
});

test('a list that is none is a bad answer', async () => {
  const { api } = await client('https://gitlab.example.com', () => json({ message: 'hello' }));

  const read = readPages(NUMBER, 'GET', 3, (paging) =>
    api.mergeRequests.all({ projectId: 'a/b', ...paging }),
  );

  await assert.rejects(read, { code: 'forge.bad-answer' });
});

test('a refusal is not repeated by the library, and comes out as it went in', async () => {
  const refusal = new Error('429 as our fetch throws it');
  const { sent, api } = await client('https://gitlab.example.com', () => {
    throw refusal;
  });

  const thrown = await api.mergeRequests.show('a/b', 7).catch((one: unknown) => one);

  assert.equal(thrown, refusal);
  assert.equal(sent.length, 1);
});
