import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { readConfig } from '../../../src/daemon/config.ts';
import { CertopsError } from '../../../src/lib/errors.ts';
import { makeScratch } from '../../support/scratch.ts';

const REPO = { CERTOPS_REPO: 'https://git.example.com/team/certificates.git', HOME: '/home/somebody' };
const SECRET = 'canary-webhook-secret';
const OTHER_SECRET = 'canary-other-webhook-secret';

function keyFile(context: TestContext, kind: 'rsa' | 'ed25519' = 'rsa', mode = 0o600): string {
  // A short one is made quickly, and signs nothing here.
  const { privateKey } =
    kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 1024 }) : generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const file = join(makeScratch('app-key', context).keyFolder(), 'app.pem');
  writeFileSync(file, pem, { mode });
  chmodSync(file, mode);
  return file;
}

describe('the forge and the listener in the configuration', () => {
  it('a token is for one kind of forge at one place, and nothing prints it', async () => {
    const environment = { ...REPO, CERTOPS_FORGE_TOKEN: ' canary-forge-token\n' };

    const config = await readConfig({ forge: 'gitea', forgeUrl: 'https://example.com/git' }, environment);

    const { kind, url, token, app } = config.forge;
    assert.deepEqual(
      [kind, url, token?.reveal(), app],
      ['gitea', 'https://example.com/git', 'canary-forge-token', undefined],
    );
    assert.doesNotMatch(inspect(config, { depth: 9 }) + JSON.stringify(config), /canary/);
  });

  it('a GitHub App has an id, a key of its own and perhaps an installation', async (context) => {
    const flags = {
      forgeAppId: '12345',
      forgeAppKey: keyFile(context),
      forgeAppInstallation: '123456789012',
    };

    const { forge } = await readConfig(flags, REPO);

    assert.deepEqual(
      [forge.kind, forge.app?.id, forge.app?.installationId],
      ['auto', '12345', 123_456_789_012],
    );
    assert.match(forge.app?.privateKey.reveal() ?? '', /^-----BEGIN PRIVATE KEY-----/);
    assert.doesNotMatch(inspect(forge, { depth: 9 }) + JSON.stringify(forge), /BEGIN/);
  });

  const LISTENING = [
    { listen: '127.0.0.1:0', address: { host: '127.0.0.1', port: 0 } },
    { listen: '[::1]:9402', address: { host: '::1', port: 9402 } },
    { listen: ':8080', address: { host: undefined, port: 8080 } },
    { listen: 'localhost:8080', address: { host: 'localhost', port: 8080 } },
  ];
  for (const { listen, address } of LISTENING) {
    it(`listens on ${listen}`, async () => {
      assert.deepEqual((await readConfig({ listen }, REPO)).listen, { address, isAsked: true });
    });
  }

  it('listens nowhere when told so', async () => {
    assert.equal((await readConfig({}, { ...REPO, CERTOPS_LISTEN: 'off' })).listen, undefined);
  });

  it('two webhook secrets are taken, and nothing prints them', async () => {
    const config = await readConfig({}, { ...REPO, CERTOPS_WEBHOOK_SECRETS: `${SECRET}, ${OTHER_SECRET}` });

    assert.deepEqual(
      config.webhookSecrets.map((secret) => secret.reveal()),
      [SECRET, OTHER_SECRET],
    );
    assert.doesNotMatch(inspect(config, { depth: 9 }) + JSON.stringify(config), /canary/);
  });

  it('secrets may stand in the file of the operator', async (context) => {
    const file = makeScratch('config', context).write(
      'config.yaml',
      `webhookSecrets: ${SECRET}\nforgeToken: token\n`,
    );

    const { webhookSecrets, forge } = await readConfig({}, REPO, file);

    assert.deepEqual([webhookSecrets[0]?.reveal(), forge.token?.reveal()], [SECRET, 'token']);
  });

  const TOKEN = { CERTOPS_FORGE_TOKEN: 'canary-forge-token' };
  const WRONG: readonly {
    readonly name: string;
    readonly flags?: Readonly<Record<string, string>>;
    readonly environment?: Readonly<Record<string, string>>;
    readonly message: RegExp;
  }[] = [
    {
      name: 'an unknown forge',
      flags: { forge: 'gogs' },
      message: /^--forge: "gogs" is no forge that certops knows$/,
    },
    {
      name: 'a forge without a token',
      flags: { forge: 'gitlab' },
      message: /^--forge: there is no token for gitlab$/,
    },
    { name: 'plain HTTP', flags: { forgeUrl: 'http://git.example.com' }, message: /is not https$/ },
    {
      name: 'a password in the URL',
      flags: { forgeUrl: 'https://bot:canary@git.example.com' },
      message: /^--forge-url is no plain URL$/,
    },
    {
      name: 'a token of two lines',
      environment: { CERTOPS_FORGE_TOKEN: 'canary\nforge' },
      message: /^CERTOPS_FORGE_TOKEN is no token$/,
    },
    {
      name: 'an App without a key',
      flags: { forgeAppId: '1' },
      message: /^--forge-app-id: a GitHub App needs its id and its key$/,
    },
    {
      name: 'an App whose key is not there',
      flags: { forgeAppId: '1', forgeAppKey: '/nowhere/app.pem' },
      message: /^--forge-app-key: \/nowhere\/app\.pem cannot be read$/,
    },
    {
      name: 'three webhook secrets',
      environment: { CERTOPS_WEBHOOK_SECRETS: `${SECRET},${OTHER_SECRET},${SECRET}3` },
      message: /^CERTOPS_WEBHOOK_SECRETS: 3 secrets are given$/,
    },
    {
      name: 'a short webhook secret',
      environment: { CERTOPS_WEBHOOK_SECRETS: 'canary' },
      message: /^CERTOPS_WEBHOOK_SECRETS: a secret is shorter than 16 characters$/,
    },
    {
      name: 'a port alone',
      flags: { listen: '9402' },
      message: /^--listen: "9402" is no address to listen on$/,
    },
    { name: 'a port too high', flags: { listen: ':70000' }, message: /is no address to listen on$/ },
  ];
  for (const { name, flags = {}, environment = {}, message } of WRONG) {
    it(`refuses ${name} and quotes no secret`, async () => {
      const thrown = await readConfig(flags, { ...REPO, ...environment }).catch((one: unknown) => one);

      assert.ok(thrown instanceof CertopsError);
      assert.equal(thrown.code, 'config.invalid');
      assert.match(thrown.message, message);
      assert.doesNotMatch(`${thrown.explain()} ${JSON.stringify(thrown.logFields())}`, /canary/);
    });
  }

  const KEYS: readonly {
    readonly name: string;
    readonly kind: 'rsa' | 'ed25519';
    readonly mode: number;
    readonly message: RegExp;
  }[] = [
    {
      name: 'a key that others can read',
      kind: 'rsa',
      mode: 0o644,
      message: /others than its owner can read/,
    },
    { name: 'a key that is not RSA', kind: 'ed25519', mode: 0o600, message: /holds no RSA key in PEM/ },
  ];
  for (const { name, kind, mode, message } of KEYS) {
    it(`refuses ${name}`, async (context) => {
      const flags = { forgeAppId: '1', forgeAppKey: keyFile(context, kind, mode) };

      await assert.rejects(readConfig(flags, REPO), { code: 'config.invalid', message });
    });
  }

  it('refuses a token beside an App, and an App elsewhere than on GitHub', async (context) => {
    const flags = { forgeAppId: '1', forgeAppKey: keyFile(context) };

    await assert.rejects(readConfig(flags, { ...REPO, ...TOKEN }), /are both given/);
    await assert.rejects(readConfig({ ...flags, forge: 'gitea' }, REPO), /only GitHub has Apps/);
  });
});
