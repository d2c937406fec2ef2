import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FORGE_CASES, startAtForge } from '../support/forges/forge-scenario.ts';
import type { ForgeFaults } from '../support/forges/forge-under-test.ts';
import { committed, selfSigned } from '../support/offline-scenario.ts';
import { assertNothingInClear } from '../support/promises.ts';

/** What befalls each kind of forge; every fault at every forge is told of apart from processes. */
const TROUBLES: readonly {
  readonly name: string;
  readonly forge: string;
  readonly faults: ForgeFaults;
  readonly code: string;
  readonly args?: readonly string[];
}[] = [
  {
    name: 'its token was revoked',
    forge: 'GitHub with a token',
    faults: { isUnauthorized: true },
    code: 'forge.unauthorized',
  },
  {
    name: 'it limits requests',
    forge: 'GitHub with an App',
    faults: { rateLimit: { retryAfterSeconds: 1 } },
    code: 'forge.rate-limited',
  },
  {
    name: 'it is out of order',
    forge: 'GitLab',
    faults: { outage: 'status' },
    code: 'forge.unreachable',
  },
  {
    name: 'it hangs up',
    forge: 'Gitea',
    faults: { outage: 'reset' },
    code: 'forge.unreachable',
  },
  {
    name: 'it is away when it is to be found out which it is',
    forge: 'Forgejo',
    faults: { outage: 'status' },
    code: 'forge.unreachable',
    args: ['--forge', 'auto'],
  },
];

const LASTING = { timeoutMs: 120_000 };

// They wait for one another's clocks more than they work.
describe('a forge in trouble stops no issuance', { concurrency: TROUBLES.length }, () => {
  for (const { name, forge: forgeName, faults, code, args = [] } of TROUBLES) {
    it(`${forgeName}: ${name}, which is told once, and made up for`, async (context) => {
      const forgeCase = FORGE_CASES.find((one) => one.name === forgeName);
      assert.ok(forgeCase !== undefined);
      const scenario = await startAtForge('forge-trouble', context, forgeCase);
      const { forge } = scenario;
      Object.assign(forge.faults, faults);
      await scenario.push({
        'web/shop.yaml': selfSigned('shop', '  duration: 90d\n'),
        'web/www.yaml': selfSigned('www'),
      });

      const daemon = scenario.startDaemon(
        scenario.at({
          args: ['--interval', '1s', '--listen', 'off', '--log-level', 'debug', ...args],
          ...LASTING,
        }),
      );
      context.after(() => void daemon.kill('SIGKILL'));
      await committed(scenario, 'Issue web/www', LASTING.timeoutMs);
      await daemon.waitForLine(/pull requests still cannot be (kept|looked after)/, LASTING.timeoutMs);
      const during = await scenario.seen();
      for (const fault of Object.keys(faults)) Object.assign(forge.faults, { [fault]: undefined });
      await daemon.waitForLine(/"opened a pull request"/, LASTING.timeoutMs);
      const { code: exitCode } = await daemon.kill();

      // Whatever else the forge did before it was well again: each thing once, by each who needs it.
      const told = daemon.lines.filter(
        ({ text }) => text.includes('"level":40') && text.includes(`"${code}"`),
      );
      const words = told.map(({ text }) => /"msg":"(.*?) for now; issuance goes on"/.exec(text)?.[1]);
      assert.equal(new Set(words).size, words.length, words.join('\n'));
      assert.ok(
        words.some((one) => /^pull requests cannot be (kept|looked after)$/.test(one ?? '')),
        words.join('\n'),
      );
      assert.deepEqual(during, []);
      assert.match((await scenario.theOpenOne('web/shop: ')).title, /correct spec\.duration/);
      assert.equal(exitCode, 0);
      await assertNothingInClear(
        scenario,
        [{ stdout: daemon.stdout(), stderr: daemon.stderr() }],
        [...(forgeCase.isApp ? [] : [forge.token]), forge.git.password],
      );
    });
  }
});
