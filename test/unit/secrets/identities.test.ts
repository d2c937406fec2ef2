import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { inspect } from 'node:util';
import { generateIdentity, loadIdentities } from '../../../src/secrets/sops/identities.ts';
import { SopsError } from '../../../src/secrets/sops/sops-error.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'certops-identities-'));
});

afterEach(async () => {
  await rm(home, { recursive: true });
});

async function writeKeys(name: string, text: string, mode = 0o600): Promise<string> {
  const file = join(home, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

test('collects identities from all places, in order and once', async () => {
  const [first, second, third] = [
    await generateIdentity(),
    await generateIdentity(),
    await generateIdentity(),
  ];
  const file = await writeKeys('mine.txt', `# made today\r\n\n  ${second.identity.reveal()}  \r\n`);
  await writeKeys('.config/sops/age/keys.txt', `${first.identity.reveal()}\n${third.identity.reveal()}\n`);

  const loaded = await loadIdentities({
    HOME: home,
    SOPS_AGE_KEY: first.identity.reveal(),
    SOPS_AGE_KEY_FILE: file,
  });

  assert.deepEqual(await loaded.recipients(), [first.recipient, second.recipient, third.recipient]);
  assert.deepEqual(loaded.warnings, []);
});

test('looks in XDG_CONFIG_HOME rather than in ~/.config', async () => {
  const [used, unused] = [await generateIdentity(), await generateIdentity()];
  await writeKeys('xdg/sops/age/keys.txt', used.identity.reveal());
  await writeKeys('.config/sops/age/keys.txt', unused.identity.reveal());

  const loaded = await loadIdentities({ HOME: home, XDG_CONFIG_HOME: join(home, 'xdg') });

  assert.deepEqual(await loaded.recipients(), [used.recipient]);
});

test('finds none where there is nothing', async () => {
  const loaded = await loadIdentities({ HOME: home });

  assert.deepEqual(await loaded.recipients(), []);
});

test('warns of files that others may read, and of identities that are not used', async () => {
  const { identity } = await generateIdentity();
  const file = await writeKeys('keys.txt', `AGE-PLUGIN-YUBIKEY-1QQQ\n${identity.reveal()}\n`, 0o640);

  const loaded = await loadIdentities({ HOME: home, SOPS_AGE_KEY_FILE: file });

  assert.deepEqual(
    loaded.warnings.map((warning) => [warning.kind, warning.source]),
    [
      ['file-mode', file],
      ['unsupported-identity', file],
    ],
  );
  assert.equal(loaded.identities.length, 1);
});

test('a key file that is named must be there', async () => {
  const env = { HOME: home, SOPS_AGE_KEY_FILE: join(home, 'missing.txt') };

  await assert.rejects(loadIdentities(env), { code: 'sops.identity-unreadable' });
});

test('a folder is no key file', async () => {
  await assert.rejects(loadIdentities({ HOME: home, SOPS_AGE_KEY_FILE: home }), {
    code: 'sops.identity-unreadable',
  });
});

test('a damaged identity is named by its line and never quoted', async () => {
  const { identity } = await generateIdentity();
  const damaged = identity.reveal().replace(/.$/, (char) => (char === 'Q' ? 'P' : 'Q'));
  const cut = identity.reveal().slice(0, 40);

  for (const text of [damaged, cut]) {
    await assert.rejects(loadIdentities({ HOME: home, SOPS_AGE_KEY: `# mine\n${text}` }), (thrown) => {
      assert.ok(thrown instanceof SopsError);
      assert.equal(thrown.code, 'sops.identity-invalid');
      assert.ok(!inspect(thrown, { depth: 9 }).includes(text.slice(16, 30)));
      return true;
    });
  }
});

test('identities do not print', async () => {
  const { identity } = await generateIdentity();

  const loaded = await loadIdentities({ HOME: home, SOPS_AGE_KEY: identity.reveal() });

  const printed = inspect(loaded, { depth: 9, showHidden: true }) + JSON.stringify(loaded);
  assert.ok(!printed.includes(identity.reveal().slice(16, 30)));
});
