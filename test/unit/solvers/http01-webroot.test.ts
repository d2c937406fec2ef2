import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../../src/lib/log.ts';
import { presentEverywhere } from '../../../src/solvers/every-presenter.ts';
import { Http01Webroot } from '../../../src/solvers/http01-webroot.ts';
import type { Challenge, ChallengePresenter } from '../../../src/solvers/presenter.ts';
import { makeScratch } from '../../support/scratch.ts';

const SIGNAL = new AbortController().signal;
const CHALLENGE: Challenge = {
  type: 'http-01',
  identifier: 'www.example.test',
  token: 'tok-en_1',
  keyAuthorization: 'tok-en_1.thumb',
};

async function openWebroot(t: TestContext) {
  const scratch = makeScratch('webroot', t);
  const directory = scratch.folder('www');
  const webroot = await Http01Webroot.open({ directory, log: silentLog });
  const folder = `${directory}/.well-known/acme-challenge`;
  return { scratch, directory, webroot, folder, file: `${folder}/${CHALLENGE.token}` };
}

test('a challenge is a file that everybody may read, until its last user is done', async (t) => {
  const { webroot, file, folder } = await openWebroot(t);
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));

  const first = await webroot.present(CHALLENGE);
  const second = await webroot.present(CHALLENGE);
  await first.remove();
  await first.remove();

  assert.equal(readFileSync(file, 'utf8'), CHALLENGE.keyAuthorization);
  assert.equal(statSync(file).mode & 0o777, 0o644);
  await second.remove();
  assert.deepEqual(readdirSync(folder), []);
});

test('what a process that is gone left behind is withdrawn, what others put there stays', async (t) => {
  const { webroot, directory, file, folder } = await openWebroot(t);
  await webroot.present(CHALLENGE);
  writeFileSync(`${folder}/other`, 'of another ACME client');
  const next = await Http01Webroot.open({ directory, log: silentLog });

  await next.withdraw(CHALLENGE);
  await next.withdraw({ ...CHALLENGE, token: 'other' });
  await next.withdraw({ ...CHALLENGE, token: 'never-there' });

  assert.equal(existsSync(file), false);
  assert.deepEqual(readdirSync(folder), ['other']);
});

test('a token that another CA chose, too, is not shown for it', async (t) => {
  const { webroot, file } = await openWebroot(t);
  const shown = await webroot.present(CHALLENGE);

  const stolen = webroot.present({ ...CHALLENGE, keyAuthorization: 'tok-en_1.other' });

  await assert.rejects(stolen, { code: 'solvers.token-conflict' });
  assert.equal(readFileSync(file, 'utf8'), CHALLENGE.keyAuthorization);
  await shown.remove();
  assert.equal(existsSync(file), false);
});

test('no link is written through or followed', async (t) => {
  const { webroot, scratch, file } = await openWebroot(t);
  const secret = scratch.write('elsewhere', CHALLENGE.keyAuthorization);
  symlinkSync(secret, file);

  await webroot.withdraw(CHALLENGE);
  const isStillLinked = existsSync(file);
  const shown = await webroot.present({ ...CHALLENGE, keyAuthorization: 'tok-en_1.new' });
  await shown.remove();

  assert.equal(isStillLinked, true);
  assert.equal(readFileSync(secret, 'utf8'), CHALLENGE.keyAuthorization);
  assert.equal(existsSync(file), false);
});

test('a folder that is a link to elsewhere is not used', async (t) => {
  const scratch = makeScratch('webroot', t);
  const directory = scratch.folder('www');
  mkdirSync(scratch.path('elsewhere'));
  symlinkSync(scratch.path('elsewhere'), `${directory}/.well-known`);

  const opening = Http01Webroot.open({ directory, log: silentLog });

  await assert.rejects(opening, { code: 'solvers.webroot-unusable' });
  assert.deepEqual(readdirSync(scratch.path('elsewhere')), []);
});

test('a web root that is not there and a token that would leave it are refused', async (t) => {
  const { webroot, scratch } = await openWebroot(t);

  const missing = () => Http01Webroot.open({ directory: scratch.path('nowhere'), log: silentLog });
  const bad = () => webroot.present({ ...CHALLENGE, token: '../../index.html' });

  await assert.rejects(missing, { code: 'solvers.webroot-unusable' });
  await assert.rejects(bad, { code: 'solvers.bad-token' });
});

test('with two places a challenge is shown in both or in neither', async (t) => {
  const { webroot, file, folder } = await openWebroot(t);
  const broken: ChallengePresenter = { present: () => Promise.reject(new Error('broken')) };

  const shown = await presentEverywhere([webroot, webroot]).present(CHALLENGE, SIGNAL);
  const isShown = existsSync(file);
  await shown.remove();
  const failing = presentEverywhere([webroot, broken]).present(CHALLENGE, SIGNAL);

  assert.equal(isShown, true);
  await assert.rejects(failing, /broken/);
  assert.deepEqual(readdirSync(folder), []);
});
