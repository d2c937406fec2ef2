import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Sealer } from '../../src/secrets/sealer.ts';
import { generateIdentity, loadIdentities } from '../../src/secrets/sops/identities.ts';
import { git } from '../support/git-repo.ts';
import { selfSigned, startOffline } from '../support/offline-scenario.ts';
import { runProcess } from '../support/process.ts';
import type { Scenario } from '../support/scenario.ts';

interface Material {
  /** The Secret of another Certificate of ours. */
  readonly other: string;
  /** The recipient of whoever tampers. */
  readonly evil: string;
  /** Seals a document as anybody can: recipients are public keys. */
  readonly seal: (document: Record<string, unknown>) => Promise<string>;
}

type Tamper = (text: string, name: string, material: Material) => string | Promise<string>;

const lineOf = (text: string, key: string) => new RegExp(`^ *${key}: .*$`, 'm').exec(text)?.[0] ?? '';
const sealedValue = (text: string, key: string) => lineOf(text, key).replace(/^ *[^:]+: /, '');
const armorOf = (text: string) => /-----BEGIN[\s\S]*?-----END/.exec(text)?.[0] ?? '';

/** One Certificate each, so that all of them are told in one look and answered in one. */
const TAMPERINGS: Readonly<Record<string, Tamper>> = {
  'name-changed': (text, name) => text.replace(`name: ${name}-tls`, 'name: evil-tls'),
  'namespace-changed': (text) => text.replace('namespace: web', 'namespace: db'),
  'annotation-added': (text) =>
    text.replace('    annotations:\n', '    annotations:\n        evil: "true"\n'),
  'annotation-removed': (text) => text.replace(/^ *cert-manager\.io\/alt-names: .*\n/m, ''),
  'clear-field-added': (text) => text.replace('\ndata:\n', '\ndata:\n    evil: ZXZpbA==\n'),
  'field-removed': (text) => text.replace(/^ *tls\.crt: .*\n/m, ''),
  'mac-removed': (text) => text.replace(/^ *mac: .*\n/m, ''),
  'mac-emptied': (text) => text.replace(lineOf(text, 'mac'), '    mac: ""'),
  'mac-copied': (text, _name, { other }) => text.replace(lineOf(text, 'mac'), lineOf(other, 'mac')),
  'plain-text': (text) => text.replace(sealedValue(text, 'tls.key'), 'ZXZpbA=='),
  'ciphertext-moved': (text) => {
    const [left, right] = [sealedValue(text, 'tls.crt'), sealedValue(text, 'tls.key')];
    return text.replace(left, '\0').replace(right, left).replace('\0', right);
  },
  'recipient-swapped': (text, _name, { evil }) => text.replace(/recipient: age1\w+/, `recipient: ${evil}`),
  'data-key-swapped': (text, _name, { other }) => text.replace(armorOf(text), armorOf(other)),
  'own-key-pair': (_text, name, { seal }) =>
    seal({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: `${name}-tls`,
        namespace: 'web',
        annotations: { 'cert-manager.io/certificate-name': name },
      },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': 'ZXZpbA==', 'tls.key': 'ZXZpbA==' },
    }),
  'another-secret': (_text, _name, { other }) => other,
  emptied: () => '',
};

const NAMES = Object.keys(TAMPERINGS);
const pathOf = (name: string) => `secrets/web/${name}-tls.yaml`;

interface Report {
  readonly findings: readonly { readonly severity: string; readonly path: string; readonly rule: string }[];
}

describe('tampering with sealed files', () => {
  it('is refused by verify, with an identity and without, put back by the daemon, and answered with no order', async (context) => {
    const scenario = await startOffline('tampering', context);
    await scenario.push({ 'all.yaml': [...NAMES, 'other'].map((name) => selfSigned(name)).join('---\n') });
    await scenario.runOnce();
    const contents = async () => Promise.all(NAMES.map((name) => scenario.show(pathOf(name))));
    const before = await contents();
    const material = await materialFor(scenario);
    const clean = await scenario.certops('verify', '--repo', scenario.remote);

    const files = NAMES.map(async (name, index) => {
      const text = before[index] ?? '';
      const tampered = await TAMPERINGS[name]?.(text, name, material);
      assert.notEqual(tampered, text, name);
      return [pathOf(name), tampered ?? null] as const;
    });
    await scenario.push(Object.fromEntries(await Promise.all(files)));
    const verified = await scenario.certops('verify', '-o', 'json', '--repo', scenario.remote);
    const blind = await withoutIdentity(scenario);
    const run = await scenario.runOnce();
    const subjects = await scenario.subjects();

    assert.equal(clean.code, 0, clean.stdout + clean.stderr);
    assert.deepEqual([verified.code, blind.code], [1, 1], verified.stderr + blind.stderr);
    for (const { stdout } of [verified, blind]) {
      const { findings } = JSON.parse(stdout) as Report;
      const refused = findings.filter(({ severity }) => severity === 'error').map(({ path }) => path);
      assert.deepEqual(
        NAMES.filter((name) => !refused.includes(pathOf(name))),
        [],
      );
    }
    const { findings } = JSON.parse(verified.stdout) as Report;
    const rules = (name: string) =>
      findings.filter(({ path }) => path === pathOf(name)).map(({ rule }) => rule);
    assert.ok(rules('mac-removed').includes('mac-missing'));
    assert.ok(rules('plain-text').includes('clear-value'));
    assert.ok(rules('recipient-swapped').includes('recipient-not-named'));
    assert.ok(rules('another-secret').includes('wrong-object'));
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(await contents(), before);
    assert.equal(subjects.filter((line) => /^(Issue|Renew|Start) web\//.test(line)).length, NAMES.length + 1);
    assert.equal((await scenario.certops('verify', '--repo', scenario.remote)).code, 0);
  });
});

describe('going back', { concurrency: 2 }, () => {
  it('a git revert of what certops issued stands while it fits, and nothing is ordered', async (context) => {
    const scenario = await startOffline('reverted', context);
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    const first = await scenario.show(pathOf('www'));
    const changed = await scenario.push({
      'www.yaml': selfSigned('www', '', ['www.example.com', 'more.example.com']),
    });
    await scenario.runOnce();
    const second = await scenario.show(pathOf('www'));
    const log = await scenario.person.log('--format=%H %s');
    const issue =
      log
        .split('\n')
        .find((line) => line.endsWith(' Issue web/www'))
        ?.split(' ')[0] ?? '';

    await scenario.person.pull();
    await git(['-C', scenario.person.dir, 'revert', '--no-edit', issue, changed]);
    await scenario.person.push();
    const run = await scenario.runOnce();
    const again = await scenario.runOnce({ data: 'another-machine' });

    assert.notEqual(second, first);
    assert.deepEqual([run.code, again.code], [0, 0], run.stdout + run.stderr);
    assert.equal(await scenario.show(pathOf('www')), first);
    const issued = (await scenario.subjects()).filter((line) => /^(Issue|Renew|Start) web\//.test(line));
    assert.equal(issued.length, 2);
    assert.equal((await scenario.certops('verify', '--repo', scenario.remote)).code, 0);
  });

  it('when most Secrets vanish at once they come back as they were', async (context) => {
    const scenario = await startOffline('vanished', context);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await scenario.push({ 'all.yaml': names.map((name) => selfSigned(name)).join('---\n') });
    await scenario.runOnce();
    const contents = async () => Promise.all(names.map((name) => scenario.show(pathOf(name))));
    const before = await contents();

    await scenario.push(Object.fromEntries(names.map((name) => [pathOf(name), null])));
    const run = await scenario.runOnce();

    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(await contents(), before);
    assert.ok((await scenario.subjects()).includes(`Restore ${pathOf('a')} and 5 more`));
  });
});

async function materialFor(scenario: Scenario): Promise<Material> {
  const sealer = new Sealer({
    identities: await loadIdentities({ SOPS_AGE_KEY_FILE: scenario.identityFile }),
  });
  sealer.setRules(await scenario.show('.sops.yaml'));
  return {
    other: (await scenario.show(pathOf('other'))) ?? '',
    evil: (await generateIdentity()).recipient,
    seal: (document) => sealer.seal(pathOf('any'), document, new Date()),
  };
}

/** `certops verify` by somebody who can read nothing. */
function withoutIdentity(scenario: Scenario) {
  const main = new URL('../../dist/main.js', import.meta.url).pathname;
  return runProcess(process.execPath, [main, 'verify', '-o', 'json', '--repo', scenario.remote], {
    env: { ...scenario.env, XDG_CONFIG_HOME: scenario.scratch.folder('nobody') },
    name: 'certops',
  });
}
