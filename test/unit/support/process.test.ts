import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runProcess, startProcess } from '../../support/process.ts';
import { makeScratch } from '../../support/scratch.ts';

const node = process.execPath;

test('a line can be awaited that is still to come, and one already said', async () => {
  const child = startProcess(node, ['-e', 'console.log("port 41"); setInterval(() => {}, 1000)']);

  const first = await child.waitForLine(/port (\d+)/);
  const again = await child.waitForLine(/port (\d+)/);
  const exit = await child.kill('SIGKILL');

  assert.deepEqual([first[1], again[1], exit.signal], ['41', '41', 'SIGKILL']);
});

test('waiting for a line fails with what was said when the process ends without it', async () => {
  const child = startProcess(node, ['-e', 'console.error("no luck"); process.exit(3)']);

  await assert.rejects(child.waitForLine(/ready/), /ended \(3\) without a line like \/ready\/[\s\S]*no luck/);
});

test('waiting for a line fails when the program is not there', async () => {
  const child = startProcess('/nonexistent/program', []);

  await assert.rejects(child.waitForLine(/ready/), /could not be started/);
  await assert.rejects(child.exited, /ENOENT/);
});

test('input, output and exit code of a finished process are returned', async () => {
  const result = await runProcess(node, ['-e', 'process.stdin.pipe(process.stdout); process.exitCode = 2'], {
    input: 'one\ntwo\n',
  });

  assert.deepEqual(result, { code: 2, signal: null, stdout: 'one\ntwo\n', stderr: '' });
});

test('a process that outlives its time is killed', async () => {
  const result = await runProcess(node, ['-e', 'setInterval(() => {}, 1000)'], { timeoutMs: 200 });

  assert.equal(result.signal, 'SIGKILL');
});

test('arguments and output are kept for the canary scan where the test command asks for it', async (t) => {
  const scratch = makeScratch('process', t);
  const before = process.env.CERTOPS_TEST_LOGS;
  process.env.CERTOPS_TEST_LOGS = scratch.dir;
  t.after(() => {
    if (before === undefined) delete process.env.CERTOPS_TEST_LOGS;
    else process.env.CERTOPS_TEST_LOGS = before;
  });

  await runProcess(node, ['-e', 'console.log("hello")', 'argument']);

  const [file = ''] = readdirSync(scratch.dir);
  const transcript = readFileSync(scratch.path(file), 'utf8');
  assert.match(transcript, /^argv: .*"argument"\]\nstdout: hello\n$/);
});
