import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { scanForCleartext } from '../../support/canary.ts';
import { runSuccessfully } from '../../support/process.ts';
import { makeScratch } from '../../support/scratch.ts';

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'sec1',
  format: 'pem',
});
// Put together here, so that this file itself stays clean.
const ageIdentity = ['AGE', 'SECRET', 'KEY', '1QQQQQQQQQQQQ'].join('-');
const token = 'hunter2-dns-token';
const env = {
  PATH: process.env.PATH,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
};

const planted: readonly { readonly name: string; readonly content: string; readonly what: RegExp }[] = [
  { name: 'a private key in PEM', content: `x\n${pem}\n`, what: /^private key \(PEM\)$/ },
  { name: 'a private key in a JSON string', content: JSON.stringify({ pem }), what: /^private key \(PEM\)$/ },
  ...[0, 1, 2].map((lead) => ({
    name: `a private key in base64 behind ${lead} bytes`,
    content: Buffer.from(`${'-'.repeat(lead)}${pem}`).toString('base64'),
    what: /^private key \(PEM\), base64$/,
  })),
  { name: 'an age identity', content: `# created\n${ageIdentity}\n`, what: /^age identity$/ },
  { name: 'an age identity in base64', content: btoa(ageIdentity), what: /^age identity, base64$/ },
  { name: 'a given secret', content: `token: ${token}`, what: /^needle 0$/ },
  ...[0, 1, 2].map((lead) => ({
    name: `a given secret in base64 behind ${lead} bytes`,
    content: btoa(`${' '.repeat(lead)}${token} and more`),
    what: /^needle 0, base64$/,
  })),
  {
    name: 'a given secret in broken lines of base64',
    content: btoa(token).replaceAll(/(.{7})/g, '$1\n  '),
    what: /^needle 0, base64$/,
  },
  { name: 'a given secret in hex', content: Buffer.from(token).toString('hex'), what: /^needle 0, hex$/ },
];

for (const { name, content, what } of planted) {
  test(`the canary finds ${name} in a file`, async (t) => {
    const scratch = makeScratch('canary', t);
    const file = scratch.write('deep/below/daemon.log', content);

    const report = await scanForCleartext({ roots: [scratch.dir], gitRepos: [], needles: [token] });

    assert.deepEqual(
      report.findings.map((finding) => finding.where),
      report.findings.map(() => file),
    );
    assert.ok(
      report.findings.some((finding) => what.test(finding.what)),
      JSON.stringify(report.findings),
    );
  });
}

test('the canary finds nothing in sealed values, certificates and public keys', async (t) => {
  const scratch = makeScratch('canary', t);
  scratch.write('a.yaml', 'tls.key: ENC[AES256_GCM,data:c2VhbGVk,iv:aaaa,tag:bbbb,type:str]\n');
  scratch.write('b.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
  scratch.write('c.pem', '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n');

  const report = await scanForCleartext({ roots: [scratch.dir], gitRepos: [], needles: [token] });

  assert.deepEqual(report, { findings: [], filesScanned: 3, objectsScanned: 0 });
});

test('the canary passes over allowed files and marked folders only', async (t) => {
  const scratch = makeScratch('canary', t);
  const allowed = scratch.write('home/keys.txt', ageIdentity);
  scratch.keyFolder('ca');
  scratch.write('ca/root.pem', pem);
  const leaked = scratch.write('home/keys.txt.bak', ageIdentity);

  const report = await scanForCleartext({ roots: [scratch.dir], gitRepos: [], allowed: [allowed] });

  assert.deepEqual(report.findings, [{ where: leaked, what: 'age identity' }]);
});

test('the canary finds a key in an unreachable object of a repository', async (t) => {
  const scratch = makeScratch('canary', t);
  const repo = scratch.folder('mirror.git');
  await runSuccessfully('git', ['init', '-q', '--bare', repo], { env });
  const id = await runSuccessfully('git', [`--git-dir=${repo}`, 'hash-object', '-w', '--stdin'], {
    env,
    input: pem,
  });

  const report = await scanForCleartext({ roots: [], gitRepos: [repo] });

  assert.equal(report.objectsScanned, 1);
  assert.deepEqual(report.findings, [{ where: `${repo} blob ${id.trim()}`, what: 'private key (PEM)' }]);
});

test('the canary finds a key in a packed commit of a work tree that nobody named', async (t) => {
  const scratch = makeScratch('canary', t);
  const clone = scratch.folder('somewhere', 'clone');
  await runSuccessfully('git', ['init', '-q', clone], { env });
  writeFileSync(path.join(clone, 'key.pem'), pem);
  for (const args of [
    ['add', '.'],
    ['commit', '-q', '-m', 'Add'],
    ['rm', '-q', 'key.pem'],
    ['commit', '-q', '--allow-empty', '-m', 'Remove'],
    ['gc', '-q', '--prune=now'],
  ]) {
    await runSuccessfully('git', args, { env, cwd: clone });
  }

  const report = await scanForCleartext({ roots: [scratch.dir], gitRepos: [] });

  assert.equal(report.findings.length, 1, JSON.stringify(report.findings));
  assert.match(report.findings[0]?.where ?? '', /clone\/\.git blob [0-9a-f]{40}$/);
});

test('the canary finds a key in the half pack that a killed process left behind', async (t) => {
  const scratch = makeScratch('canary', t);
  const repo = scratch.folder('mirror.git');
  await runSuccessfully('git', ['init', '-q', '--bare', repo], { env });
  const git = (args: readonly string[], input: string): Promise<string> =>
    runSuccessfully('git', [`--git-dir=${repo}`, ...args], { env, input });
  const id = (await git(['hash-object', '-w', '--stdin'], pem.toString())).trim();
  const packHash = (await git(['pack-objects', '-q', scratch.path('whole')], id)).trim();
  const whole = readFileSync(scratch.path(`whole-${packHash}.pack`));
  rmSync(path.join(repo, 'objects', id.slice(0, 2)), { recursive: true });
  writeFileSync(path.join(repo, 'objects', 'pack', 'tmp_pack_AbCdEf'), whole.subarray(0, whole.length - 30));

  const report = await scanForCleartext({ roots: [repo], gitRepos: [] });

  assert.ok(
    report.findings.some((finding) => finding.where.includes('tmp_pack_AbCdEf')),
    JSON.stringify(report),
  );
});

test('the canary refuses a folder that is no repository instead of finding nothing there', async (t) => {
  const scratch = makeScratch('canary', t);

  await assert.rejects(scanForCleartext({ roots: [], gitRepos: [scratch.dir] }), /cannot read all objects/);
});
