import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ForgeUnderTest } from '../support/forges/forge-under-test.ts';
import { certificate, POLICY, policyFor, ReviewScene } from './review-scene.ts';

/** What the daemon says of pull requests, the same at every forge: a real store, a real Git server, real planning. */
export function describeReviews(name: string, start: () => Promise<ForgeUnderTest>): void {
  describe(`reviews of pull requests at ${name}`, () => {
    const story = (
      title: string,
      files: Readonly<Record<string, string>>,
      tell: (scene: ReviewScene) => Promise<void>,
    ): void => {
      it(title, async () => {
        const scene = await ReviewScene.start(start, files);
        try {
          await tell(scene);
        } finally {
          await scene.close();
        }
      });
    };

    story('says what merging would do by a status and one comment, once', {}, async (scene) => {
      const { number } = await scene.open({ 'web/www.yaml': certificate('www') });

      await (await scene.daemon()).review();
      const again = await scene.writesDuring(async () => (await scene.daemon()).review());

      assert.match(await scene.verdict(number), /^success: 1 to issue; plan [0-9a-f]{16}$/);
      assert.match(await scene.comment(number), /\*\*issue\*\* `Certificate` `web\/www`/);
      assert.deepEqual(again.filter(isWrite), []);
    });

    story('brings both up to date when somebody pushes', {}, async (scene) => {
      const { number } = await scene.open({ 'web/www.yaml': certificate('www') });
      const daemon = await scene.daemon();
      await daemon.review();
      await scene.forge.person.commit('change', { 'web/shop.yaml': certificate('shop') });

      await daemon.review();

      const states = await scene.forge.statuses((await scene.seen(number)).headCommit);
      // GitLab keeps the newest alone.
      const earlier = states.slice(1).map(({ state }) => state);
      assert.deepEqual(earlier, scene.forge.kind === 'gitlab' ? [] : ['pending']);
      assert.match(await scene.verdict(number), /^success: 2 to issue/);
      assert.match(await scene.comment(number), /`web\/shop`/);
    });

    story(
      'goes by the policies of the base, whatever a fork makes of them',
      { 'policies/web.yaml': POLICY },
      async (scene) => {
        const { number } = await scene.open(
          {
            'web/www.yaml': certificate('www', 'www.example.org'),
            'policies/web.yaml': policyFor('*.example.org'),
          },
          { isFork: true },
        );

        await (await scene.daemon()).review();

        assert.match(await scene.verdict(number), /^(failure|failed): 1 denied; plan/);
        assert.match(await scene.comment(number), /\*\*denied\*\*/);
      },
    );

    story(
      'shows what a change of policies would block',
      { 'policies/web.yaml': POLICY, 'web/www.yaml': certificate('www') },
      async (scene) => {
        const { number } = await scene.open({ 'policies/web.yaml': policyFor('*.example.org') });

        await (await scene.daemon()).review();

        assert.match(await scene.comment(number), /the new ones would not approve web\/www/);
      },
    );

    story('is red while a large change is not confirmed in it', tenCertificates(), async (scene) => {
      const removals = { 'web/a0.yaml': null, 'web/a1.yaml': null, 'web/a2.yaml': null, 'web/a3.yaml': null };
      const { number } = await scene.open(removals);
      const daemon = await scene.daemon();
      await daemon.review();
      const before = await scene.verdict(number);
      const id = /add ([0-9a-f]{16}) to spec\.confirmed/.exec(before)?.[1] ?? '';
      await scene.forge.person.commit('change', { 'certops.yaml': confirming(id) });

      await daemon.review();

      assert.match(
        before,
        /^(failure|failed): large: add [0-9a-f]{16} to spec\.confirmed in certops\.yaml; 4 to remove$/,
      );
      assert.equal(await scene.verdict(number), `success: 4 to remove; plan ${id}`);
    });

    story('plans anew when the base does, and not for what certops writes', {}, async (scene) => {
      const { number } = await scene.open({ 'web/www.yaml': certificate('www', 'www.example.org') });
      const daemon = await scene.daemon();
      await daemon.review();
      await scene.forge.person.commit('main', { 'status/web/certificates/www.yaml': '{}\n' });
      const forOutputs = await scene.writesDuring(() => daemon.review());
      await scene.forge.person.commit('main', { 'policies/web.yaml': POLICY });

      await daemon.review();

      assert.deepEqual(forOutputs.filter(isWrite), []);
      assert.match(await scene.verdict(number), /^(failure|failed): 1 denied/);
    });

    story('looks after others when one cannot be planned', {}, async (scene) => {
      const odd = await scene.open({ 'web/bad.yaml': 'kind: [' }, { headBranch: 'orphan' });
      const orphan = await scene.inRepository(
        ...['-c', 'user.name=Mallory', '-c', 'user.email=mallory@example.com'],
        ...['commit-tree', '-m', 'alone', `${odd.headCommit}^{tree}`],
      );
      await scene.inRepository('update-ref', 'refs/heads/orphan', orphan);
      const good = await scene.open({ 'web/www.yaml': certificate('www') });

      await (await scene.daemon()).review();

      assert.match(await scene.verdict(odd.number), /^(error|failed): .*no common history/);
      assert.match(await scene.comment(odd.number), /could not be planned/);
      assert.match(await scene.verdict(good.number), /^success: 1 to issue/);
    });
  });
}

/** What changes nothing at a forge is sent by POST, too: GraphQL, and tokens of an App. */
function isWrite(request: string): boolean {
  return !/graphql|access_tokens/.test(request);
}

function tenCertificates(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Array.from({ length: 10 }, (_, index) => [`web/a${index}.yaml`, certificate(`a${index}`)]),
  );
}

function confirming(id: string): string {
  return `apiVersion: certops.dev/v1alpha1
kind: Repository
metadata: {name: certificates}
spec: {confirmed: ["${id}"]}
`;
}
