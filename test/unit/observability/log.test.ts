import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const LOG = new URL('../../../src/observability/log.ts', import.meta.url);
const SENSITIVE = new URL('../../../src/lib/sensitive.ts', import.meta.url);

/** What a process writes that runs `script` with a `log` of this kind. */
function say(script: string, isTerminal: boolean) {
  const program = `
    import { createLog } from ${JSON.stringify(LOG.href)};
    import { Sensitive } from ${JSON.stringify(SENSITIVE.href)};
    const log = createLog('info', ${isTerminal});
    ${script}
  `;
  return execute(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
}

const LINES = `
  log.debug({}, 'not shown');
  log.warn({ path: 'a.yaml', line: 3, token: 'hunter2', nested: { privateKey: 'hunter2' } }, 'a file is odd');
  log.error({ value: new Sensitive('hunter2') }, 'it broke');
`;

for (const isTerminal of [false, true]) {
  test(`lines go to stderr and keep secrets, ${isTerminal ? 'for people' : 'for programs'}`, async () => {
    const { stdout, stderr } = await say(LINES, isTerminal);

    const lines = stderr.trimEnd().split('\n');
    assert.equal(stdout, '');
    assert.equal(lines.length, 2);
    assert.doesNotMatch(stderr, /hunter2|not shown/);
    if (isTerminal) {
      assert.match(lines[0] ?? '', /warn.*a file is odd.*path=a\.yaml line=3/);
    } else {
      const { level, msg, path, line, token } = JSON.parse(lines[0] ?? '');
      assert.deepEqual([level, msg, path, line, token], [40, 'a file is odd', 'a.yaml', 3, '[sensitive]']);
    }
  });
}

test('a line for people stays one line, whatever others wrote into it', async () => {
  const { stderr } = await say(
    String.raw`log.warn({ path: 'a\n\u001b[31mb' }, 'said\nby\u202e others');`,
    true,
  );

  assert.equal(stderr.trimEnd().split('\n').length, 1);
  assert.ok(!stderr.includes('\u202e'));
});
