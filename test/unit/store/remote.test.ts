import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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

  it('takes credentials out of a URL', () => {
    const remote = parseRemote('https://robot:canary%2Ftoken@git.example.com/team/config.git/');

    assert.equal(remote.url, 'https://git.example.com/team/config.git');
    assert.equal(remote.authorization?.reveal(), `Basic ${btoa('robot:canary/token')}`);
    assert.doesNotMatch(JSON.stringify(remote), /canary|cm9ib3Q/);
  });

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
