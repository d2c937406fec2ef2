import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ForgeError } from '../../../src/forge/errors.ts';
import { readRemoteAddress } from '../../../src/forge/remote-address.ts';

const rows: readonly {
  readonly remote: string;
  readonly origin?: string;
  readonly path?: string;
}[] = [
  { remote: 'https://github.com/team/certificates', origin: 'https://github.com', path: 'team/certificates' },
  {
    remote: 'https://github.com/team/certificates.git',
    origin: 'https://github.com',
    path: 'team/certificates',
  },
  { remote: 'https://x:pass@git.example:8443/a/b.git/', origin: 'https://git.example:8443', path: 'a/b' },
  { remote: 'http://127.0.0.1:3000/team/c.git', origin: 'http://127.0.0.1:3000', path: 'team/c' },
  { remote: 'git@github.com:team/certificates.git', origin: 'https://github.com', path: 'team/certificates' },
  { remote: 'github.com:team/certificates', origin: 'https://github.com', path: 'team/certificates' },
  { remote: 'git@gitlab.example:a/b/c/d.git', origin: 'https://gitlab.example', path: 'a/b/c/d' },
  { remote: 'git@[::1]:team/c.git', origin: 'https://[::1]', path: 'team/c' },
  { remote: 'ssh://git@git.example:2222/team/c.git', origin: 'https://git.example', path: 'team/c' },
  { remote: 'ssh://git@ssh.github.com:443/team/c.git', origin: 'https://github.com', path: 'team/c' },
  { remote: 'ssh://git@altssh.gitlab.com:443/a/b/c.git', origin: 'https://gitlab.com', path: 'a/b/c' },
  { remote: '/srv/git/certificates.git' },
  { remote: './certificates' },
  { remote: 'file:///srv/git/certificates.git' },
  { remote: 'ext::sh -c evil' },
];

for (const { remote, origin, path } of rows) {
  test(`where a remote lies: ${remote}`, () => {
    const found = readRemoteAddress(remote);

    assert.equal(found?.origin, origin);
    assert.equal(found?.segments.join('/'), path);
  });
}

test('dots in a URL are resolved before anybody reads them', () => {
  const found = readRemoteAddress('https://git.example/a/../b');

  assert.deepEqual(found?.segments, ['b']);
});

const refused = [
  'https://git.example/a/%2e%2e%2fb',
  'https://git.example/a//b',
  'https://git.example/',
  'git@git.example:a/$(id)',
  'git@git.example:a/../b',
  'git@git.example:a/b c',
];
for (const remote of refused) {
  test(`a path that no forge has is refused: ${remote}`, () => {
    const read = (): unknown => readRemoteAddress(remote);

    assert.throws(
      read,
      (thrown) => thrown instanceof ForgeError && thrown.code === 'forge.bad-configuration',
    );
  });
}
