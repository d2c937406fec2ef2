import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ForgeError } from '../../src/forge/errors.ts';
import type { Forge } from '../../src/forge/forge.ts';
import type { ForgeUnderTest } from '../support/forges/forge-under-test.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, ProposalScene } from './proposal-scene.ts';

/**
 * The life of pull requests for failures, the same at every forge: a keeper with a real store and a real Git server, a
 * forge with its documented behaviour, and a clock that tests move.
 */
export function describeProposals(name: string, start: () => Promise<ForgeUnderTest>): void {
  const scenes: ProposalScene[] = [];
  const begin = async (...names: readonly string[]): Promise<ProposalScene> => {
    const scene = await ProposalScene.start(start, names.length === 0 ? ['www'] : names);
    scenes.push(scene);
    return scene;
  };

  describe(`pull requests for failures at ${name}`, () => {
    // Each scene ends with its test: a forge is a server or two.
    const story = (title: string, tell: () => Promise<void>): void => {
      it(title, async () => {
        try {
          await tell();
        } finally {
          for (const scene of scenes.splice(0)) await scene.close();
        }
      });
    };

    story('opens one with a remedy that can be merged, and is quiet then', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      const causes = [scene.cause('www')];

      await daemon.keep(causes);
      const quiet = await scene.requestsDuring(() => daemon.keeper.keep(causes, neverAsked, scene.signal));

      const opened = await scene.theOpenOne();
      const changed = await scene.inRepository('diff', '-U0', 'main', opened.headCommit);
      assert.equal(opened.headBranch, scene.branchOf('www'));
      assert.equal(opened.baseBranch, 'main');
      assert.match(opened.title, /web\/www: drop old\.example\.com/);
      assert.match(opened.body, /NXDOMAIN looking up A for old\.example\.com/);
      assert.deepEqual(
        changed.split('\n').filter((line) => /^[+-] /.test(line)),
        ['-  - old.example.com'],
      );
      assert.deepEqual(quiet, []);
      if (scene.forge.kind !== 'git') assert.deepEqual(opened.labels, ['certops']);
    });

    story('asks nothing of the forge while nothing fails and nothing is open', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      const again = await daemon.keep([]);

      const asked = await scene.requestsDuring(async () => {
        for (let hour = 0; hour < 48; hour++) {
          scene.pass(HOUR_MS);
          await daemon.keeper.keep([], neverAsked, scene.signal);
        }
      });

      assert.equal(again, undefined);
      assert.deepEqual(asked, []);
    });

    story(
      'brings it up to date in place: at once for another meaning, after 6 hours for other words',
      async () => {
        const scene = await begin();
        const daemon = await scene.daemon();
        await daemon.keep([scene.cause('www')]);
        const first = await scene.theOpenOne();

        scene.pass(HOUR_MS);
        await daemon.keep([scene.cause('www', { attempts: 4 })]);
        const soon = await scene.theOpenOne();
        scene.pass(6 * HOUR_MS);
        await daemon.keep([scene.cause('www', { attempts: 5 })]);
        const later = await scene.theOpenOne();
        const crowd = Array.from({ length: 8 }, (_, index) => scene.inUse(`www-${index}`, 20));
        await daemon.keep([scene.cause('www', { attempts: 5, affected: crowd })]);
        const crowded = await scene.theOpenOne();

        assert.equal(soon.body, first.body);
        assert.notEqual(later.body, first.body);
        assert.notEqual(crowded.body, later.body);
        assert.deepEqual([soon.number, later.number, crowded.number], Array(3).fill(first.number));
        assert.deepEqual(crowded.comments, []);
      },
    );

    story(
      'leaves its branch where it is while the source branch moves, until the file itself is changed',
      async () => {
        const scene = await begin();
        const daemon = await scene.daemon();
        const causes = [scene.cause('www')];
        await daemon.keep(causes);
        const first = await scene.theOpenOne();

        await scene.forge.person.commit('main', { 'other.txt': 'moved\n' });
        await scene.poll(daemon, causes);
        const unmoved = await scene.theOpenOne();
        const text = await scene.inRepository('show', 'main:web/www.yaml');
        const base = await scene.forge.person.commit('main', { 'web/www.yaml': `${text}\nmore: true\n` });
        await scene.poll(daemon, causes);
        const moved = await scene.theOpenOne();

        assert.equal(unmoved.headCommit, first.headCommit);
        assert.equal(moved.number, first.number);
        assert.equal(await scene.inRepository('rev-parse', `${moved.headCommit}^`), base);
        assert.match(await scene.inRepository('show', `${moved.headCommit}:web/www.yaml`), /more: true/);
      },
    );

    story('closes it once its cause is gone, and takes the branch away a week later', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      await daemon.keep([scene.cause('www')]);
      const { number } = await scene.theOpenOne();
      scene.pass(HOUR_MS);

      await daemon.keep([]);
      await daemon.keep([]);
      const again = await scene.poll(daemon, []);

      const [closed] = await scene.seen();
      assert.equal(closed?.number, number);
      assert.equal(closed?.state, 'closed');
      assert.equal(closed?.comments.length, scene.forge.kind === 'git' ? 0 : 1);
      // On plain Git the branch goes at once.
      assert.equal(again === undefined, scene.forge.kind === 'git');
      // A forge's own clock dates the closing a moment later.
      if (again !== undefined) scene.pass(again.getTime() - scene.now.getTime() + MINUTE_MS);
      await daemon.keep([]);
      assert.equal(await scene.hasBranch('www'), false);
    });

    story('opens it again when its cause returns within a week, and a new one afterwards', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      await daemon.keep([scene.cause('www')]);
      const first = await scene.theOpenOne();
      scene.pass(DAY_MS);
      await daemon.keep([]);

      scene.pass(5 * DAY_MS);
      await daemon.keep([scene.cause('www')]);
      const again = await scene.theOpenOne();
      scene.pass(DAY_MS);
      await daemon.keep([]);
      scene.pass(8 * DAY_MS);
      await daemon.keep([]);
      await daemon.keep([scene.cause('www')]);
      const fresh = await scene.theOpenOne();

      assert.equal(again.number, first.number);
      assert.notEqual(fresh.number, first.number);
    });

    story('leaves what a person closed alone for 14 days', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      const far = () => scene.cause('www', { affected: [{ name: { namespace: 'web', name: 'www' } }] });
      await daemon.keep([far()]);
      const first = await scene.theOpenOne();
      scene.pass(HOUR_MS);
      await scene.forge.person.close(first.number);

      await scene.poll(daemon, [far()]);
      scene.pass(13 * DAY_MS);
      await daemon.keep([far()]);
      const duringThat = await scene.open();
      scene.pass(DAY_MS + MINUTE_MS);
      await daemon.keep([far()]);

      const fresh = await scene.theOpenOne();
      assert.deepEqual(duringThat, []);
      assert.notEqual(fresh.number, first.number);
    });

    story('asks again about what a person closed when 72 hours are left', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      const affected = [scene.inUse('www', 10)];
      await daemon.keep([scene.cause('www', { affected })]);
      const first = await scene.theOpenOne();
      await scene.forge.person.close(first.number);
      await scene.poll(daemon, [scene.cause('www', { affected })]);

      scene.pass(6.9 * DAY_MS);
      await daemon.keep([scene.cause('www', { affected })]);
      const before = await scene.open();
      scene.pass(0.1 * DAY_MS);
      await daemon.keep([scene.cause('www', { affected })]);

      const after = await scene.theOpenOne();
      assert.deepEqual(before, []);
      assert.equal(after.headBranch, first.headBranch);
    });

    story('leaves one alone that a person has committed to, also when its cause is gone', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      await daemon.keep([scene.cause('www')]);
      const theirs = await scene.forge.person.commit(scene.branchOf('www'), { 'web/www.yaml': 'mine\n' });
      const before = await scene.theOpenOne();

      scene.pass(7 * HOUR_MS);
      await daemon.keep([scene.cause('www', { attempts: 9, affected: [scene.inUse('www', 2)] })]);
      await scene.poll(daemon, []);
      scene.pass(10 * DAY_MS);
      await daemon.keep([]);

      const after = await scene.theOpenOne();
      assert.equal(after.headCommit, theirs);
      assert.equal(await scene.inRepository('rev-parse', scene.branchOf('www')), theirs);
      assert.equal(after.body, before.body);
      assert.equal(after.title, before.title);
    });

    story('opens another one, a day later at the earliest, where merging did not help', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      await daemon.keep([scene.cause('www')]);
      const first = await scene.theOpenOne();
      scene.pass(HOUR_MS);
      await scene.forge.person.merge(first.number);
      await scene.poll(daemon, [scene.cause('www', { lastAttempts: [] })]);

      scene.pass(HOUR_MS);
      await daemon.keep([scene.cause('www')]);
      const soon = await scene.open();
      scene.pass(DAY_MS);
      await daemon.keep([scene.cause('www')]);

      const second = await scene.theOpenOne();
      const [state] = (await scene.seen()).filter(({ number }) => number === first.number);
      assert.equal(state?.state, 'merged');
      assert.deepEqual(soon, []);
      assert.notEqual(second.number, first.number);
      assert.match(
        await scene.inRepository('diff', 'main', second.headCommit),
        /\+certops.dev\/retry-requested-at/,
      );
    });

    story('overrules nobody who deletes the branch while it looks', async () => {
      const scene = await begin();
      const first = await scene.daemon();
      await first.keep([scene.cause('www')]);
      let isFirstLook = true;
      const daemon = await scene.daemon((forge) => ({
        ...openingBy(forge, (...args) => forge.ensureOpen(...args)),
        proposals: async (...args) => {
          const listed = await forge.proposals(...args);
          if (isFirstLook && forge.kind !== 'git') {
            const { number } = await scene.theOpenOne();
            await scene.inRepository('update-ref', '-d', `refs/heads/${scene.branchOf('www')}`);
            await scene.forge.person.close(number);
          }
          isFirstLook = false;
          return listed;
        },
      }));
      if (scene.forge.kind === 'git')
        await scene.inRepository('update-ref', '-d', `refs/heads/${scene.branchOf('www')}`);

      await daemon.keep([scene.cause('www')]);

      assert.deepEqual(await scene.open(), []);
      assert.equal(await scene.hasBranch('www'), false);
    });

    story(
      'takes the branch away, or uses it again, when what a person added to it was merged with it',
      async () => {
        const scene = await begin();
        const daemon = await scene.daemon();
        await daemon.keep([scene.cause('www')]);
        const first = await scene.theOpenOne();
        await scene.forge.person.commit(scene.branchOf('www'), { 'note.yaml': 'a: of a person\n' });
        await scene.poll(daemon, [scene.cause('www')]);
        await scene.forge.person.merge(first.number);
        await scene.poll(daemon, [scene.cause('www', { lastAttempts: [] })]);

        scene.pass(2 * DAY_MS);
        await daemon.keep([scene.cause('www')]);

        const again = await scene.open();
        assert.deepEqual(scene.warnings, []);
        // Gitea does not tell whether the branch is what was merged: there it is left alone.
        const isTold = scene.forge.kind !== 'gitea' && scene.forge.kind !== 'forgejo';
        assert.equal(again.length, isTold ? 1 : 0);
      },
    );

    story('keeps a request for another attempt as it is while time passes', async () => {
      const scene = await begin();
      await scene.forge.person.commit('main', { 'web/www.yaml': 'name: www\n' });
      const daemon = await scene.daemon();
      const causes = [scene.cause('www')];
      await daemon.keep(causes);
      const first = await scene.theOpenOne();

      for (let hour = 0; hour < 5; hour++) {
        scene.pass(HOUR_MS);
        await daemon.keep(causes);
      }

      assert.equal((await scene.theOpenOne()).headCommit, first.headCommit);
    });

    story('makes one of two daemons that begin at once', async () => {
      const scene = await begin();
      const causes = [scene.cause('www')];
      const [one, other] = [await scene.daemon(), await scene.daemon()];

      await Promise.all([one.keep(causes), other.keep(causes)]);
      await scene.poll(one, causes);
      await scene.poll(other, causes);

      await scene.theOpenOne();
    });

    story('finishes what a daemon left half done when it was killed', async () => {
      const scene = await begin();
      const causes = [scene.cause('www')];
      const dies = (forge: Forge): Forge =>
        openingBy(forge, async () => {
          throw new ForgeError('forge.unreachable', { what: 'Killed here' });
        });
      const killed = await scene.daemon(dies);
      await killed.keep(causes);
      const left = await scene.hasBranch('www');
      const next = await scene.daemon();

      await next.keep(causes);

      assert.equal(left, true);
      assert.equal((await scene.seen()).length, 1);
      await scene.theOpenOne();
    });

    story('opens no second one when the answer to the first got lost', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      const causes = [scene.cause('www')];
      scene.forge.faults.losesNextAnswer = true;

      await daemon.keep(causes);
      for (let minute = 0; minute < 5; minute++) {
        scene.pass(MINUTE_MS);
        await daemon.keep(causes);
      }

      assert.equal((await scene.seen()).length, 1);
      await scene.theOpenOne();
    });

    story('finds its own again after a restart on a fresh data folder', async () => {
      const scene = await begin();
      const first = await scene.daemon();
      await first.keep([scene.cause('www')]);
      const { number } = await scene.theOpenOne();
      await first.store.close();

      const second = await scene.daemon();
      await second.keep([scene.cause('www')]);
      const same = await scene.theOpenOne();
      const crowd = Array.from({ length: 4 }, (_, index) => scene.inUse(`www-${index}`, 20));
      await second.keep([scene.cause('www', { affected: crowd })]);
      const updated = await scene.theOpenOne();
      const third = await scene.daemon();
      await third.keep([]);

      const all = await scene.seen();
      assert.equal(same.number, number);
      assert.equal(updated.number, number);
      assert.deepEqual(
        all.map((one) => [one.number, one.state]),
        [[number, 'closed']],
      );
    });

    for (const outage of ['status', 'reset'] as const) {
      story(`waits for a forge that is away for an hour (${outage})`, async () => {
        const scene = await begin();
        const daemon = await scene.daemon();
        scene.forge.faults.outage = outage;
        const causes = [scene.cause('www')];

        const asked = await scene.requestsDuring(async () => {
          for (let minute = 0; minute < 60; minute++) {
            await daemon.keep(causes);
            scene.pass(MINUTE_MS);
          }
        });
        scene.forge.faults.outage = undefined;
        const none = await scene.seen();
        scene.pass(30 * MINUTE_MS);
        await daemon.keep(causes);

        assert.ok(asked.length > 0 && asked.length < 60, `${asked.length} requests in an hour`);
        assert.deepEqual(none, []);
        assert.equal(scene.warnings.length, 1);
        await scene.theOpenOne();
      });
    }

    story('asks nothing more before the moment that the forge named', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      const causes = [scene.cause('www')];
      scene.forge.faults.rateLimit = { retryAfterSeconds: 1800 };
      const again = await daemon.keep(causes);
      const asked = await scene.requestsDuring(async () => {
        for (let minute = 0; minute < 25; minute++) {
          scene.pass(MINUTE_MS);
          // A Git server names no moment.
          if (scene.forge.kind !== 'git') await daemon.keep(causes);
        }
      });
      scene.forge.faults.rateLimit = undefined;
      scene.pass(10 * MINUTE_MS);

      await daemon.keep(causes);

      assert.ok(again !== undefined);
      assert.deepEqual(asked, []);
      await scene.theOpenOne();
    });

    story('says once that its credentials are refused, and goes on when they are good again', async () => {
      const scene = await begin();
      const daemon = await scene.daemon();
      const causes = [scene.cause('www')];
      scene.forge.faults.isUnauthorized = true;

      for (let hour = 0; hour < 5; hour++) {
        await daemon.keep(causes);
        scene.pass(HOUR_MS);
      }
      scene.forge.faults.isUnauthorized = undefined;
      await daemon.keep(causes);

      assert.equal(scene.warnings.length, 1);
      await scene.theOpenOne();
    });

    story('opens the nearest end first, and no more than allowed at a time', async () => {
      const names = ['a', 'b', 'c', 'd'];
      const scene = await begin(...names);
      scene.pullRequests.maxOpen = 2;
      const daemon = await scene.daemon();
      const days: Readonly<Record<string, number>> = { a: 25, b: 4, c: 20, d: 8 };
      const causes = (these: readonly string[]) =>
        these.map((one) => scene.cause(one, { affected: [scene.inUse(one, days[one] ?? 0)] }));

      await daemon.keep(causes(names));
      const first = (await scene.open()).map(({ headBranch }) => headBranch);
      scene.pass(2 * HOUR_MS);
      await daemon.keep(causes(['a', 'c', 'd']));
      const second = (await scene.open()).map(({ headBranch }) => headBranch);

      assert.deepEqual(new Set(first), new Set(['b', 'd'].map((one) => scene.branchOf(one))));
      assert.deepEqual(new Set(second), new Set(['c', 'd'].map((one) => scene.branchOf(one))));
    });

    story('opens 4 in an hour', async () => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      const scene = await begin(...names);
      const daemon = await scene.daemon();
      const causes = () => names.map((one) => scene.cause(one));

      const again = await daemon.keep(causes());
      const first = await scene.open();
      const restarted = await scene.daemon();
      await restarted.keep(causes());
      const still = await scene.open();
      scene.pass(HOUR_MS + MINUTE_MS);
      await restarted.keep(causes());

      assert.equal(first.length, 4);
      assert.equal(still.length, 4);
      assert.ok(again !== undefined && again.getTime() <= scene.now.getTime());
      assert.equal((await scene.open()).length, 6);
    });

    story('goes on with the others where the forge refuses one', async () => {
      const scene = await begin('a', 'b');
      const refuses = (forge: Forge): Forge =>
        openingBy(forge, async (draft, known, signal) => {
          if (draft.headBranch !== scene.branchOf('a')) return forge.ensureOpen(draft, known, signal);
          throw new ForgeError('forge.refused', { what: 'No' }, { retry: { when: 'never' } });
        });
      const daemon = await scene.daemon(refuses);
      const causes = [scene.cause('a', { affected: [scene.inUse('a', 3)] }), scene.cause('b')];

      await daemon.keep(causes);
      for (let look = 0; look < 8; look++) await scene.poll(daemon, causes);

      const opened = await scene.open();
      assert.ok(opened.some(({ headBranch }) => headBranch === scene.branchOf('b')));
      assert.ok(
        scene.warnings.length >= 1 && scene.warnings.length <= 3,
        `${scene.warnings.length} warnings`,
      );
    });

    story('tries again after a while what the forge refused once, and rests until then', async () => {
      const scene = await begin();
      let isRefusing = true;
      const refuses = (forge: Forge): Forge =>
        openingBy(forge, async (draft, known, signal) => {
          if (!isRefusing) return forge.ensureOpen(draft, known, signal);
          throw new ForgeError('forge.refused', { what: 'No' });
        });
      const daemon = await scene.daemon(refuses);

      const first = await daemon.keep([scene.cause('www')]);
      scene.pass(HOUR_MS);
      const second = await daemon.keep([scene.cause('www')]);
      isRefusing = false;
      scene.pass(HOUR_MS);
      await daemon.keep([scene.cause('www')]);

      assert.ok(first !== undefined && second !== undefined);
      assert.ok(second > first && second.getTime() > scene.now.getTime() - HOUR_MS);
      await scene.theOpenOne();
    });

    story('gives no place to what has no remedy', async () => {
      const scene = await begin('b');
      scene.pullRequests.maxOpen = 1;
      const daemon = await scene.daemon();
      const urgent = scene.cause('gone', { affected: [scene.inUse('gone', 2)] });

      await daemon.keep([urgent, scene.cause('b')]);

      assert.equal((await scene.theOpenOne()).headBranch, scene.branchOf('b'));
    });

    story('does nothing at all where it is switched off', async () => {
      const scene = await begin();
      scene.pullRequests.isEnabled = false;
      const daemon = await scene.daemon();

      const asked = await scene.requestsDuring(() =>
        daemon.keeper.keep([scene.cause('www')], neverAsked, scene.signal),
      );

      assert.deepEqual(asked, []);
    });
  });
}

function neverAsked(): Promise<undefined> {
  throw new Error('nobody needs a remedy here');
}

/** A forge that opens in another way; all else is the forge's own. */
function openingBy(forge: Forge, ensureOpen: Forge['ensureOpen']): Forge {
  return {
    kind: forge.kind,
    limits: forge.limits,
    proposals: (...args) => forge.proposals(...args),
    ensureOpen,
    ensureClosed: (...args) => forge.ensureClosed(...args),
    openPullRequests: (...args) => forge.openPullRequests(...args),
    headRef: (...args) => forge.headRef(...args),
    ensureStatus: (...args) => forge.ensureStatus(...args),
    ensureComment: (...args) => forge.ensureComment(...args),
  };
}
