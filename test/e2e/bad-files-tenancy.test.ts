import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lintOf } from '../support/bad-batch.ts';
import {
  conditionOf,
  inDays,
  messageOf,
  sealedCa,
  selfSigned,
  startOffline,
  statusOf,
} from '../support/offline-scenario.ts';
import { certificate } from '../support/scenario.ts';

function settings(...rules: readonly string[]): string {
  return `apiVersion: certops.dev/v1alpha1
kind: Repository
metadata:
  name: certificates
spec:
  tenancy:
    - path: "issuers/**"
      kinds: [ClusterIssuer]
${rules.map((rule) => `    - ${rule}\n`).join('')}`;
}

const WEB = '{path: "teams/web/**", namespaces: [web, "web-*"], kinds: [Certificate, Issuer, Secret]}';
const SHOP = '{path: "teams/shop/**", namespaces: [shop], kinds: [Certificate, Issuer, Secret]}';

function inShop(name: string, issuer = 'ClusterIssuer/selfsigned'): string {
  return certificate({ name, namespace: 'shop', dnsNames: [`${name}.example.com`], issuer });
}

function caIssuer(kind: string, name: string, namespace: string, secretName: string): string {
  const place = kind === 'ClusterIssuer' ? '' : `\n  namespace: ${namespace}`;
  return `apiVersion: cert-manager.io/v1\nkind: ${kind}\nmetadata:\n  name: ${name}${place}\nspec:\n  ca:\n    secretName: ${secretName}\n`;
}

describe('tenancy', { concurrency: 2 }, () => {
  it('what a file may not declare is refused with its place, and the others are served', async (context) => {
    const scenario = await startOffline('tenancy', context);
    await scenario.push({
      'certops.yaml': settings(WEB, SHOP),
      'teams/web/www.yaml': selfSigned('www'),
      'teams/shop/shop.yaml': inShop('shop'),
      'teams/shop/stolen.yaml': selfSigned('stolen'),
      'teams/shop/all.yaml': caIssuer('ClusterIssuer', 'everybody', '', 'ca'),
      'elsewhere.yaml': inShop('elsewhere'),
    });

    const run = await scenario.runOnce();
    const quiet = await scenario.tip();
    await scenario.runOnce();
    const lint = await lintOf(scenario);

    const places = ['teams/shop/stolen.yaml:5:14', 'teams/shop/all.yaml:2:7', 'elsewhere.yaml:5:14'];
    assert.equal(run.code, 1, run.stderr);
    assert.equal(await scenario.tip(), quiet, 'it is said once');
    for (const place of places) assert.ok(run.stdout.includes(`${place}: `), `${place} in ${run.stdout}`);
    assert.deepEqual(
      lint
        .filter(({ rule }) => rule === 'tenancy')
        .map(({ file, line, column }) => `${file}:${line}:${column}`)
        .sort(),
      [...places].sort(),
    );
    assert.match(run.stdout, /in namespace "web"; teams\/web\/\*\* may/);
    const issued = (await scenario.subjects()).filter((subject) => subject.startsWith('Issue '));
    assert.deepEqual(issued.sort(), ['Issue shop/shop', 'Issue web/www']);
    const stolen = await statusOf(scenario, 'web/certificates/stolen');
    assert.equal(conditionOf(stolen, 'Ready'), 'False NotAllowed');
  });

  it('a moved object is renewed from where it was, a withdrawn one is not, and comes back as it was', async (context) => {
    const scenario = await startOffline('tenancy-moves', context);
    await scenario.push({
      'certops.yaml': settings(WEB, SHOP),
      'teams/web/moved.yaml': selfSigned('moved'),
      'teams/web/kept.yaml': selfSigned('kept'),
      'teams/shop/shop.yaml': inShop('shop'),
    });
    const first = await scenario.runOnce();
    assert.equal(first.code, 0, first.stdout + first.stderr);

    await scenario.push({ 'teams/web/moved.yaml': null, 'teams/shop/moved.yaml': selfSigned('moved') });
    const moved = await scenario.runOnce(inDays(61));
    const afterMove = await statusOf(scenario, 'web/certificates/moved');
    await scenario.push({ 'certops.yaml': settings(WEB.replace('teams/web', 'web'), SHOP) });
    const withdrawn = await scenario.runOnce(inDays(130));
    const whileWithdrawn = await Promise.all(
      ['web/certificates/moved', 'web/certificates/kept', 'shop/certificates/shop'].map((path) =>
        statusOf(scenario, path),
      ),
    );
    const secret = await scenario.show('secrets/web/kept-tls.yaml');
    await scenario.push({
      'certops.yaml': settings(WEB, SHOP),
      'teams/shop/moved.yaml': null,
      'teams/web/moved.yaml': selfSigned('moved'),
    });
    const back = await scenario.runOnce(inDays(62));
    const afterwards = await statusOf(scenario, 'web/certificates/kept');

    assert.deepEqual([moved.code, withdrawn.code, back.code], [1, 1, 0], back.stdout + back.stderr);
    assert.match(
      afterMove.certops.problem ?? '',
      /^teams\/shop\/moved\.yaml:5:14: metadata\.namespace: Forbidden/,
    );
    assert.equal(conditionOf(afterMove, 'Ready'), 'True Ready');
    assert.deepEqual(
      whileWithdrawn.map((status) => [status.revision, conditionOf(status, 'Ready')]),
      [
        [2, 'False NotAllowed'],
        [2, 'False NotAllowed'],
        [3, 'True Ready'],
      ],
    );
    assert.ok(secret !== undefined, 'its Secret stays');
    assert.deepEqual([afterwards.revision, conditionOf(afterwards, 'Ready')], [2, 'True Ready']);
    assert.equal(await scenario.show('secrets/web/kept-tls.yaml'), secret, 'and is the same afterwards');
    await scenario.verifyCommits();
  });

  it('the operator’s floor holds beneath certops.yaml, and a broken one starts nothing', async (context) => {
    const scenario = await startOffline('tenancy-floor', context);
    const floor = scenario.scratch.write(
      'floor.yaml',
      `tenancy:\n  - {path: "issuers/**", kinds: [ClusterIssuer]}\n  - ${SHOP}\n`,
    );
    const broken = scenario.scratch.write('broken.yaml', 'tenancy: [{path: "**", kinds: [Everything]}]\n');
    await scenario.push({ 'teams/web/www.yaml': selfSigned('www'), 'teams/shop/shop.yaml': inShop('shop') });

    const refused = await scenario.runOnce({ args: ['--config', broken] });
    const run = await scenario.runOnce({ args: ['--config', floor] });

    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.stderr, /tenancy\[0\]\.kinds\[0\]: Unsupported value: "Everything"/);
    assert.equal(run.code, 1, run.stderr);
    assert.match(
      run.stdout,
      /^Certificate web\/www: teams\/web\/www\.yaml:5:14: .*configuration of the daemon/m,
    );
    const shop = await statusOf(scenario, 'shop/certificates/shop');
    assert.equal(conditionOf(shop, 'Ready'), 'True Ready');
  });

  it('references stay inside the namespace', async (context) => {
    const scenario = await startOffline('tenancy-references', context);
    await scenario.push({
      'teams/web/ca.yaml': await sealedCa(scenario, 'ca'),
      'teams/web/ours.yaml': caIssuer('Issuer', 'ours', 'web', 'ca'),
      'teams/web/leaf.yaml': certificate({ name: 'leaf', dnsNames: ['leaf.test'], issuer: 'Issuer/ours' }),
      'teams/shop/theirs.yaml': inShop('theirs', 'Issuer/ours'),
      'teams/shop/copy.yaml': caIssuer('Issuer', 'copy', 'shop', 'ca'),
      'teams/shop/copied.yaml': inShop('copied', 'Issuer/copy'),
      'teams/shop/cluster.yaml': caIssuer('ClusterIssuer', 'cluster', '', 'ca'),
    });

    const run = await scenario.runOnce();

    assert.equal(run.code, 1, run.stderr);
    const status = (path: string) => statusOf(scenario, path);
    assert.equal(conditionOf(await status('web/certificates/leaf'), 'Ready'), 'True Ready');
    const theirs = messageOf(await status('shop/certificates/theirs'), 'Issuing');
    assert.match(theirs, /Issuer "shop\/ours" not found/);
    for (const issuer of ['shop/issuers/copy', '_cluster/issuers/cluster']) {
      const found = await status(issuer);
      assert.equal(conditionOf(found, 'Ready'), 'False ErrGetKeyPair', issuer);
      assert.match(messageOf(found, 'Ready'), /no Secret "ca"/);
    }
  });
});
