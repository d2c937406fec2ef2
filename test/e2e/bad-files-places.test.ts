import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lintOf, pushBytes } from '../support/bad-batch.ts';
import { git } from '../support/git-repo.ts';
import { conditionOf, selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';

const SETTINGS = `apiVersion: certops.dev/v1alpha1
kind: Repository
metadata:
  name: certificates
spec:
  paths: [issuers, teams/, ./extra]
  exclude: ["teams/*/templates/**", "**/*.draft.yaml"]
`;

/** Files with a good Certificate each, in a place where none is read. */
const NOWHERE: readonly (readonly [why: string, path: string])[] = [
  ['not within paths', 'elsewhere/a.yaml'],
  ['at the root, which is not within paths', 'a.yaml'],
  ['in a folder that only begins like one of them', 'teams-old/a.yaml'],
  ['excluded by folder', 'teams/web/templates/deep/a.yaml'],
  ['excluded by name', 'teams/web/a.draft.yaml'],
  ['in a hidden folder', 'teams/.hidden/a.yaml'],
  ['hidden itself', 'teams/.a.yaml'],
  ['no YAML by its name', 'teams/a.yaml.txt'],
  ['YAML by its name in upper case', 'teams/a.YAML'],
  ['in the Secrets’ folder', 'secrets/web/a.txt.yaml'],
  ['in the status folder', 'status/web/a.yaml'],
];

describe('places where no manifest is read', () => {
  it('paths, exclude, hidden folders, links, submodules and large files', async (context) => {
    const scenario = await startOffline('places', context);
    const { dir } = scenario.person;
    await mkdir(join(dir, 'teams/submodule'), { recursive: true });
    const inside = (...args: readonly string[]) => git(['-C', join(dir, 'teams/submodule'), ...args]);
    await inside('init', '-q', '-b', 'main');
    await inside('config', 'user.name', 'A Person');
    await inside('config', 'user.email', 'person@example.com');
    await writeFile(join(dir, 'teams/submodule/a.yaml'), selfSigned('submodule'));
    await inside('add', '-A');
    await inside('commit', '-q', '-m', 'A repository of its own');
    await symlink('../extra/good.yaml', join(dir, 'teams/link.yaml'));
    // A link whose target is a whole manifest: read as a file it would ask for a certificate.
    await symlink(selfSigned('linked'), join(dir, 'teams/text.yaml'));
    await symlink('../extra', join(dir, 'teams/folder'));
    const nowhere = NOWHERE.map(([, path], index) => [path, selfSigned(`nowhere-${index}`)]);
    await pushBytes(scenario, {
      ...Object.fromEntries(nowhere),
      'certops.yaml': SETTINGS,
      'teams/large.yaml': `${selfSigned('large')}${'# padding\n'.repeat(110_000)}`,
      'teams/deep/er/good.yml': selfSigned('deep'),
      'extra/good.yaml': selfSigned('good'),
    });
    const run = await scenario.runOnce();
    const lint = await lintOf(scenario);

    const modes = await git(['-C', scenario.remote, 'ls-tree', '-r', 'main', 'teams/']);
    assert.deepEqual(
      modes.split('\n').flatMap((line) => (/^(12|16)/.test(line) ? [line.replace(/ .*\t/, ' ')] : [])),
      ['120000 teams/folder', '120000 teams/link.yaml', '160000 teams/submodule', '120000 teams/text.yaml'],
    );
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.match(run.stdout, /^2 Certificates, 2 ready\.$/m);
    const issued = (await scenario.subjects()).filter((subject) => subject.startsWith('Issue '));
    assert.deepEqual(issued.sort(), ['Issue web/deep', 'Issue web/good']);
    assert.equal(conditionOf(await statusOf(scenario, 'web/certificates/good'), 'Ready'), 'True Ready');
    assert.deepEqual(
      lint.map(({ file, rule }) => `${file} ${rule}`),
      ['teams/large.yaml yaml-too-large'],
    );
  });
});
