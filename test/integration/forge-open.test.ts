import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ForgeError } from '../../src/forge/errors.ts';
import type { Forge } from '../../src/forge/forge.ts';
import { type OpenForgeOptions, openForge } from '../../src/forge/open-forge.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { startGithubSimulator } from '../support/forges/github-simulator.ts';

const TOKEN = 'canary-token';

/** Plain Git, told by its kind alone. */
const PLAIN = { kind: 'git' } as Forge;

function open(change: Partial<OpenForgeOptions>, signal: AbortSignal): Promise<Forge> {
  return openForge(
    {
      kind: 'auto',
      remote: 'https://git.example/team/certificates.git',
      token: new Sensitive(TOKEN),
      clock: systemClock(),
      allowPlainLoopback: true,
      openPlain: () => PLAIN,
      ...change,
    },
    signal,
  );
}

type Answers = Readonly<Record<string, { readonly status: number; readonly body: unknown } | undefined>>;

/** A server that answers some paths with JSON and every other with a page, and keeps what it heard. */
async function serve(
  answers: Answers,
): Promise<{ readonly url: string; readonly heard: string[]; close(): void }> {
  const heard: string[] = [];
  const listener: RequestListener = (request, response) => {
    heard.push(`${request.url} ${JSON.stringify(request.headers)}`);
    const answer = answers[request.url ?? ''];
    if (answer === undefined) {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>nothing here</h1>');
      return;
    }
    const type = typeof answer.body === 'string' ? 'text/html' : 'application/json';
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    response.writeHead(answer.status, { 'content-type': type }).end(body);
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // An address of a TCP server is never a string.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const GITHUB_META = { installed_version: '3.19.0', verifiable_password_authentication: true };
const forges: readonly { readonly name: string; readonly kind: string; readonly answers: Answers }[] = [
  {
    name: 'Gitea',
    kind: 'gitea',
    answers: { '/api/v1/version': { status: 200, body: { version: '1.24.2' } } },
  },
  {
    name: 'Forgejo, by its version',
    kind: 'forgejo',
    answers: { '/api/v1/version': { status: 200, body: { version: '12.0.1+gitea-1.22.0' } } },
  },
  {
    name: 'Forgejo, by its own API',
    kind: 'forgejo',
    answers: {
      '/api/v1/version': { status: 200, body: { version: '12.0.1' } },
      '/api/forgejo/v1/version': { status: 200, body: { version: '12.0.1+gitea-1.22.0' } },
    },
  },
  {
    name: 'Gitea that shows nothing to strangers',
    kind: 'gitea',
    answers: {
      '/api/v1/version': { status: 403, body: { message: 'Only signed in user is allowed to call APIs.' } },
    },
  },
  {
    name: 'GitLab, as strangers see it',
    kind: 'gitlab',
    answers: { '/api/v4/version': { status: 401, body: { message: '401 Unauthorized' } } },
  },
  {
    name: 'GitHub Enterprise Server',
    kind: 'github',
    answers: { '/api/v3/meta': { status: 200, body: GITHUB_META } },
  },
  {
    name: 'GitHub Enterprise Server in private mode',
    kind: 'github',
    answers: {
      '/api/v3/meta': {
        status: 401,
        body: {
          message: 'Must authenticate to access this API.',
          documentation_url: 'https://docs.github.com',
        },
      },
    },
  },
];

for (const { name, kind, answers } of forges) {
  test(`auto finds out by the API, without showing the token: ${name}`, async (t) => {
    const server = await serve(answers);
    t.after(() => server.close());

    const forge = await open({ remote: `${server.url}/team/certificates.git` }, t.signal);

    assert.equal(forge.kind, kind);
    assert.equal(server.heard.join().includes(TOKEN), false);
  });
}

test('auto finds a forge that lives under a path', async (t) => {
  const server = await serve({ '/git/api/v1/version': { status: 200, body: { version: '1.24.2' } } });
  t.after(() => server.close());

  const forge = await open({ remote: `${server.url}/git/team/certificates.git` }, t.signal);

  assert.equal(forge.kind, 'gitea');
});

test('the forge may lie elsewhere than the remote', async (t) => {
  const server = await serve({ '/api/v4/version': { status: 200, body: { version: '18.1.0' } } });
  t.after(() => server.close());

  const forge = await open(
    { remote: 'git@git.example:team/pki/certificates.git', url: `${server.url}/api/v4/` },
    t.signal,
  );

  assert.equal(forge.kind, 'gitlab');
});

const known = [
  { remote: 'https://github.com/team/certificates', kind: 'github' },
  { remote: 'git@github.com:team/certificates.git', kind: 'github' },
  { remote: 'https://octocorp.ghe.com/team/certificates', kind: 'github' },
  { remote: 'ssh://git@altssh.gitlab.com:443/group/sub/group/certificates.git', kind: 'gitlab' },
  { remote: 'https://codeberg.org/team/certificates.git', kind: 'forgejo' },
];
for (const { remote, kind } of known) {
  test(`auto knows a host that everybody knows, and asks nobody: ${remote}`, async (t) => {
    const forge = await open({ remote }, t.signal);

    assert.equal(forge.kind, kind);
  });
}

test('without token and App, auto is plain Git, and nobody is asked', async (t) => {
  const forge = await open({ token: undefined, remote: 'https://git.invalid/a/b' }, t.signal);

  assert.equal(forge, PLAIN);
});

test('git is plain Git, whatever else is there', async (t) => {
  const forge = await open({ kind: 'git', remote: 'https://github.com/team/certificates' }, t.signal);

  assert.equal(forge, PLAIN);
});

const wrong: readonly { readonly name: string; readonly change: Partial<OpenForgeOptions> }[] = [
  { name: 'a path', change: { remote: '/srv/git/certificates.git' } },
  { name: 'no owner', change: { kind: 'github', remote: 'https://github.com/certificates' } },
  { name: 'too many parts', change: { kind: 'gitea', remote: 'https://git.example/a/b/c' } },
  { name: 'no token', change: { kind: 'gitlab', token: undefined } },
  { name: 'plain HTTP', change: { kind: 'gitlab', remote: 'http://git.example/a/b' } },
  {
    name: 'plain HTTP to loopback, not allowed',
    change: { kind: 'gitlab', remote: 'http://127.0.0.1:1/a/b', allowPlainLoopback: false },
  },
];
for (const { name, change } of wrong) {
  test(`a configuration that cannot be is said to be wrong: ${name}`, async (t) => {
    const opening = open(change, t.signal);

    await assert.rejects(
      opening,
      (thrown) => thrown instanceof ForgeError && thrown.code === 'forge.bad-configuration',
    );
  });
}

const strangers: readonly {
  readonly name: string;
  readonly answers: Answers;
  readonly code: string;
}[] = [
  { name: 'a server that is no forge', answers: {}, code: 'forge.bad-configuration' },
  {
    name: 'a page that says yes to everything',
    answers: Object.fromEntries(
      ['/api/v4/version', '/api/v1/version', '/api/v3/meta'].map((path) => [
        path,
        { status: 200, body: '<p>' },
      ]),
    ),
    code: 'forge.bad-configuration',
  },
  {
    name: 'a forge that is out of order',
    answers: { '/api/v4/version': { status: 502, body: { message: 'Bad Gateway' } } },
    code: 'forge.unreachable',
  },
  {
    name: 'a forge that limits requests',
    answers: { '/api/v4/version': { status: 429, body: { message: 'Slow down' } } },
    code: 'forge.rate-limited',
  },
];
for (const { name, answers, code } of strangers) {
  test(`auto says what it met: ${name}`, async (t) => {
    const server = await serve(answers);
    t.after(() => server.close());

    const opening = open({ remote: `${server.url}/team/certificates` }, t.signal);

    await assert.rejects(opening, (thrown) => thrown instanceof ForgeError && thrown.code === code);
  });
}

test('what was found works: pull requests of a repository on a GitHub Enterprise Server', async (t) => {
  const at = await startGithubSimulator('app');
  t.after(() => at.close());
  await at.person.open({ headBranch: 'topic', title: 'one', files: { 'a.yaml': '#\n' } });
  assert.ok(at.credentials.kind === 'app');
  const { appId: id, privateKey } = at.credentials;

  const forge = await open(
    {
      ...{ remote: at.git.url, url: new URL(at.apiUrl).origin, token: undefined },
      app: { id, privateKey, installationId: undefined },
    },
    t.signal,
  );

  const found = await forge.openPullRequests('main', t.signal);
  assert.deepEqual(
    found.map(({ title }) => title),
    ['one'],
  );
});
