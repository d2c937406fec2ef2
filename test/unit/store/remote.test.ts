import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { checkBranch, parseRemote } from '../../../src/store/remote.ts';

describe('the address of the remote', () => {
  const refused = [
    'ext::sh -c touch% /tmp/x',
    'fd::17',
    '--upload-pack=touch x',
    'http://git.example.com/x.git',
    'git://example.com/x',
    'host:path/repo.git',
    'https://example.com/x?token=canary',
    '',
  ];
  for (const address of refused) {
    it(`refuses ${JSON.stringify(address)} without repeating it`, () => {
      assert.throws(
        () => parseRemote(address),
        (error: { code: string; explain(): string }) => {
          assert.equal(error.code, 'store.bad-remote');
          assert.ok(address === '' || !error.explain().includes(address));
          return true;
        },
      );
    });
  }

  it('takes credentials out of a URL', async (t) => {
    const remote = parseRemote('https://robot:canary%2Ftoken@git.example.com/team/config.git/');

    assert.equal(remote.url, 'https://git.example.com/team/config.git');
    const shown = await remote.authorize?.(t.signal);
    assert.equal(shown?.header.reveal(), `Basic ${btoa('robot:canary/token')}`);
    assert.doesNotMatch(inspect([remote, shown]) + JSON.stringify([remote, shown]), /canary|cm9ib3Q/);
  });

  const given = { username: 'robot', token: new Sensitive('given') };
  const source = async () => ({ username: 'x-access-token', token: new Sensitive('made') });
  const choices = [
    { name: 'credentials before those of the URL', in: 'a:b@', credentials: given, used: 'robot:given' },
    { name: 'those of the URL before a source', in: 'a:b@', credentials: source, used: 'a:b' },
    { name: 'a source where nothing else is', in: '', credentials: source, used: 'x-access-token:made' },
  ];
  for (const choice of choices) {
    it(`takes ${choice.name}`, async (t) => {
      const remote = parseRemote(`https://${choice.in}git.example.com/config.git`, choice.credentials);

      const shown = await remote.authorize?.(t.signal);

      assert.equal(shown?.header.reveal(), `Basic ${btoa(choice.used)}`);
    });
  }

  it('takes good branch names and refuses what Git or a command line would misread', () => {
    const good = ['main', 'release/1.0', 'a-b_c', 'é'];
    const bad = [
      '-x',
      '--upload-pack=x',
      'a..b',
      'a b',
      '/a',
      'a/',
      'a.lock',
      'a/.b',
      '@',
      'a@{1}',
      'a~1',
      'a\\b',
      '',
    ];

    for (const name of good) assert.doesNotThrow(() => checkBranch(name), name);
    for (const name of bad) assert.throws(() => checkBranch(name), { code: 'store.bad-branch' }, name);
  });
});
