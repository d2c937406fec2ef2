import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { readConfig } from '../../../src/daemon/config.ts';
import { SETTINGS } from '../../../src/daemon/settings.ts';
import { makeScratch } from '../../support/scratch.ts';

const REPO = { CERTOPS_REPO: '/srv/repo.git', HOME: '/home/somebody' };

describe('the operator’s configuration', () => {
  it('has a default for everything but the repository', async () => {
    const config = await readConfig({}, REPO);

    assert.deepEqual(
      { ...config, dataDir: config.dataDir.replace(/[0-9a-f]{16}$/, '<id>') },
      {
        repo: '/srv/repo.git',
        branch: 'main',
        dataDir: '/home/somebody/.cache/certops/<id>',
        pollIntervalMs: 60_000,
        http01Port: undefined,
        http01Host: undefined,
        http01Webroot: undefined,
        dnsResolvers: [],
        signingKey: '/home/somebody/.config/certops/signing-key',
        isUnsigned: false,
        trustFrom: undefined,
        tenancyFloor: [],
        recipients: [],
        maxInFlight: 100,
        maxConnections: 16,
        ordersPerMinute: undefined,
        allowPlainLoopback: false,
        credentials: undefined,
        listen: { address: { host: '127.0.0.1', port: 9402 }, isAsked: false },
        webhookSecrets: [],
        forge: { kind: 'auto', url: undefined, token: undefined, app: undefined },
        logLevel: 'info',
        testing: {},
      },
    );
  });

  it('a flag wins over a variable, a variable over the file', async (context) => {
    const scratch = makeScratch('config', context);
    const file = scratch.write(
      'certops.yaml',
      'branch: from-file\nmaxInFlight: 7\ninterval: 5m\nunsigned: true\n',
    );
    const environment = {
      ...REPO,
      CERTOPS_BRANCH: 'from-variable',
      CERTOPS_MAX_IN_FLIGHT: '8',
      CERTOPS_UNSIGNED: '',
    };

    const config = await readConfig({ branch: 'from-flag' }, environment, file);

    const { branch, maxInFlight, pollIntervalMs, isUnsigned } = config;
    assert.deepEqual([branch, maxInFlight, pollIntervalMs, isUnsigned], ['from-flag', 8, 300_000, true]);
  });

  it('recipients are separated by commas, and each must be one', async () => {
    const [first, second] = [
      'age10rv9ljyggd6d0jm86h67qlmrh5xydd283zqt4n2mszk73chxn3zqals76n',
      'age1yead6m5emj68c2u49eagrfnsjgjzwc30w6x0xr7z3l9mv0x5mqmsw0tdrg',
    ];

    const { recipients } = await readConfig({ recipients: `${first}, ${second}` }, REPO);

    assert.deepEqual(recipients, [first, second]);
    await assert.rejects(readConfig({}, { ...REPO, CERTOPS_RECIPIENTS: `${first},age1nobody` }), {
      code: 'config.invalid',
      message: /CERTOPS_RECIPIENTS: "age1nobody" is no age recipient/,
    });
  });

  it('a floor under tenancy comes from the file alone', async (context) => {
    const rule = '{path: "teams/**", namespaces: [web], kinds: [Certificate]}';
    const file = makeScratch('config', context).write('config.yaml', `tenancy: [${rule}]\n`);

    const { tenancyFloor } = await readConfig({ tenancy: 'x' }, { ...REPO, CERTOPS_TENANCY: 'x' }, file);

    assert.deepEqual(tenancyFloor, [{ path: 'teams/**', namespaces: ['web'], kinds: ['Certificate'] }]);
  });

  it('every setting is a flag, a variable and a field of one name', () => {
    const setting = SETTINGS.find(({ name }) => name === 'http01Port');

    assert.deepEqual([setting?.flag, setting?.variable], ['--http01-port', 'CERTOPS_HTTP01_PORT']);
    assert.deepEqual(
      SETTINGS.filter(({ type }) => type === 'secret').map(({ variable }) => variable),
      ['CERTOPS_GIT_TOKEN', 'CERTOPS_FORGE_TOKEN', 'CERTOPS_WEBHOOK_SECRETS'],
    );
  });

  it('a token is kept where nothing prints it', async () => {
    const config = await readConfig(
      {},
      { ...REPO, CERTOPS_GIT_TOKEN: 'hunter2', CERTOPS_GIT_USERNAME: 'bot' },
    );

    assert.deepEqual([config.credentials?.username, config.credentials?.token.reveal()], ['bot', 'hunter2']);
    assert.doesNotMatch(inspect(config, { depth: 9 }) + JSON.stringify(config), /hunter2/);
  });

  const WRONG: readonly {
    readonly name: string;
    readonly flags?: Readonly<Record<string, string>>;
    readonly environment?: Readonly<Record<string, string>>;
    readonly file?: string;
    readonly message: RegExp;
  }[] = [
    { name: 'no repository', environment: { CERTOPS_REPO: '' }, message: /^No repository is named$/ },
    {
      name: 'a flag',
      flags: { interval: '90d' },
      message: /^--interval: "90d" is no duration of at least 100ms$/,
    },
    {
      name: 'a variable',
      environment: { CERTOPS_HTTP01_PORT: '70000' },
      message: /^CERTOPS_HTTP01_PORT: "70000" is no whole number from 0 to 65535$/,
    },
    {
      name: 'a field',
      file: 'maxInFlight: 0\n',
      message: /^"maxInFlight" in \S+: "0" is no whole number from 1 to 10000$/,
    },
    { name: 'a misspelt field', file: 'brnach: main\n', message: /^"brnach" in \S+ is no setting$/ },
    { name: 'a list for a text', file: 'branch: [a, b]\n', message: /^"branch" in \S+ is no single value$/ },
    {
      name: 'a floor that is no list',
      file: 'tenancy:\n',
      message: /^\S+: tenancy: Invalid value: "null": tenancy in body must be of type array/,
    },
    {
      name: 'a floor with a misspelt kind',
      file: 'tenancy: [{path: "a/**", namespaces: [a], kinds: [Certifcate]}]\n',
      message: /^\S+: tenancy\[0\]\.kinds\[0\]: Unsupported value: "Certifcate"/,
    },
    {
      name: 'a floor with a rule that allows nothing',
      file: 'tenancy: [{path: teams, namespaces: [a], kinds: [Secret]}]\n',
      message: /^\S+: tenancy\[0\]\.path: Invalid value: "teams": must match files/,
    },
    { name: 'a list as the file', file: '- a\n', message: /holds no map of settings$/ },
    {
      name: 'a file that is no YAML',
      file: 'a: [\n',
      message: /^The configuration file \S+ cannot be read$/,
    },
    {
      name: 'a switch',
      flags: { unsigned: 'maybe' },
      message: /^--unsigned: "maybe" is neither true nor false$/,
    },
    {
      name: 'a short commit',
      flags: { trustFrom: 'abc123' },
      message: /^--trust-from: "abc123" is no full commit id$/,
    },
    {
      name: 'a log level',
      environment: { CERTOPS_LOG_LEVEL: 'loud' },
      message: /^CERTOPS_LOG_LEVEL: "loud" is no log level$/,
    },
    {
      name: 'a fault outside of tests',
      environment: { CERTOPS_FAULT: 'key-made' },
      message: /are for tests$/,
    },
    {
      name: 'a clock outside of tests',
      environment: { CERTOPS_CLOCK: '2030-01-01T00:00:00Z', CERTOPS_TESTING: 'yes' },
      message: /are for tests$/,
    },
    {
      name: 'an unknown fault',
      environment: { CERTOPS_FAULT: 'lunch', CERTOPS_TESTING: '1' },
      message: /"lunch" is no step$/,
    },
    {
      name: 'a clock that is none',
      environment: { CERTOPS_CLOCK: 'noon', CERTOPS_TESTING: '1' },
      message: /"noon" is no RFC 3339 time$/,
    },
  ];

  for (const { name, flags = {}, environment = {}, file, message } of WRONG) {
    it(`names the source of what is wrong: ${name}`, async (context) => {
      const path =
        file === undefined ? undefined : makeScratch('config', context).write('certops.yaml', file);

      await assert.rejects(readConfig(flags, { ...REPO, ...environment }, path), {
        code: 'config.invalid',
        message,
      });
    });
  }

  it('tests may set the clock and choose a fault', async () => {
    const environment = {
      ...REPO,
      CERTOPS_TESTING: '1',
      CERTOPS_FAULT: 'key-made',
      CERTOPS_CLOCK: '2030-01-01T00:00:00Z',
    };

    const { testing } = await readConfig({}, environment);

    assert.deepEqual(testing, { fault: 'key-made', startAt: new Date('2030-01-01T00:00:00Z') });
  });
});
