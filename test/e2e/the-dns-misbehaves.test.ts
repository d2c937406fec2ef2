import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startBind } from '../support/bind.ts';
import { committed, conditionOf, messageOf, selfSigned, statusOf } from '../support/offline-scenario.ts';
import { assertNothingInClear } from '../support/promises.ts';
import { certificate, freePort, type Scenario } from '../support/scenario.ts';
import { startScriptedDns } from '../support/scripted-dns.ts';
import { sealedSecret } from '../support/sealed-secret.ts';
import { onNewMachine, simulatedIssuer, startSimulated } from '../support/simulated-scenario.ts';

const HOUR_MS = 3_600_000;
/** A record is looked for during 2 minutes before that attempt is given up. */
const RUN_TIMEOUT_MS = 300_000;
const HTTP01 = 'http01: { ingress: { class: nginx } }';

interface Row {
  readonly name: string;
  readonly dnsName: string;
  /** ClusterIssuer: `bind` and `keys` write to BIND, `scripted` to our own server. */
  readonly issuer: 'bind' | 'keys' | 'scripted';
  /** Its solver, in YAML's flow style. */
  readonly solver: string;
  /** What the status says; undefined: it is issued all the same. */
  readonly message: RegExp | undefined;
  /** The solver that helps; where there is none, what is mended is in DNS or in the Secret. */
  readonly mended?: string;
  /** It has no certificate yet. */
  readonly isNew?: true;
}

test('DNS that misbehaves in any way is named, costs no certificate in use and holds up nobody else', async (context) => {
  const bind = await startBind([
    {
      name: 'example.test',
      records: [
        'elsewhere NS ns.far.test.',
        '_acme-challenge.loop CNAME _acme-challenge.pool.example.test.',
        '_acme-challenge.pool CNAME _acme-challenge.loop.example.test.',
        '_acme-challenge.alias CNAME somewhere.example.test.',
      ],
    },
    { name: 'static.test', isDynamic: false },
  ]);
  context.after(() => bind.stop());
  const dns = await startScriptedDns({ 'silent.test': {}, 'hidden.test': {}, 'sticky.test': {} });
  context.after(() => dns.stop());
  const scenario = await startSimulated('dns', context);
  const bindCa = await scenario.startCa({
    validation: { httpPort: scenario.httpPort, dnsServer: bind.address },
  });
  const scriptedCa = await scenario.startCa({
    validation: { httpPort: scenario.httpPort, dnsServer: dns.address },
  });
  const closed = `127.0.0.1:${await freePort()}`;
  const scripted = `dns01: { nameservers: ["${dns.address}"], rfc2136: { nameserver: "${dns.address}" } }`;
  const toBind = (secretKey = 'right', keyName = 'acme-hmacsha256', more = '') =>
    `dns01: { ${more}rfc2136: { nameserver: "${bind.address}", tsigKeyName: ${keyName}, tsigAlgorithm: HMACSHA256, ` +
    `tsigSecretSecretRef: { name: tsig, key: ${secretKey} } } }`;

  const rows: readonly Row[] = [
    {
      ...{ name: 'refused', dnsName: 'www.static.test', issuer: 'bind', solver: toBind() },
      message: /refused to change _acme-challenge\.www\.static\.test in the zone static\.test: REFUSED/,
      mended: HTTP01,
    },
    {
      ...{ name: 'never-issued', dnsName: 'new.static.test', issuer: 'bind', solver: toBind() },
      message: /refused to change _acme-challenge\.new\.static\.test in the zone static\.test: REFUSED/,
      ...{ mended: HTTP01, isNew: true },
    },
    {
      ...{ name: 'wrong-key', dnsName: 'wrong-key.example.test', issuer: 'keys', solver: toBind('wrong') },
      message: /our signature with the key acme-hmacsha256 is wrong \(BADSIG\)/,
    },
    {
      ...{ name: 'unknown-key', dnsName: 'unknown-key.example.test', issuer: 'bind' },
      solver: toBind('right', 'nobody'),
      message: /does not know the key nobody with HMACSHA256 \(BADKEY\)/,
      mended: toBind(),
    },
    {
      ...{ name: 'away', dnsName: 'away.example.test', issuer: 'bind' },
      solver: `dns01: { rfc2136: { nameserver: "${closed}" } }`,
      message: new RegExp(`${closed} gave no answer`),
      mended: toBind(),
    },
    {
      ...{ name: 'delegated', dnsName: 'www.elsewhere.example.test', issuer: 'bind', solver: toBind() },
      message: /does not serve elsewhere\.example\.test.*It delegates that zone to ns\.far\.test/,
      mended: HTTP01,
    },
    {
      ...{ name: 'loop', dnsName: 'loop.example.test', issuer: 'bind' },
      solver: toBind('right', 'acme-hmacsha256', 'cnameStrategy: Follow, '),
      message: /CNAMEs at _acme-challenge\.loop\.example\.test lead in a circle/,
      mended: HTTP01,
    },
    {
      ...{ name: 'alias', dnsName: 'alias.example.test', issuer: 'bind', solver: toBind() },
      message: /There is a CNAME at _acme-challenge\.alias\.example\.test.*cnameStrategy: Follow/,
      mended: toBind('right', 'acme-hmacsha256', 'cnameStrategy: Follow, '),
    },
    {
      ...{ name: 'silent', dnsName: 'www.silent.test', issuer: 'scripted', solver: scripted },
      message: /gave no answer\. it did not answer within 4 s/,
    },
    {
      ...{ name: 'hidden', dnsName: 'www.hidden.test', issuer: 'scripted', solver: scripted },
      message: /TXT record at _acme-challenge\.www\.hidden\.test is not to be seen.*ns1\.hidden\.test/,
    },
    {
      ...{ name: 'sticky', dnsName: 'www.sticky.test', issuer: 'scripted', solver: scripted },
      message: undefined,
    },
    {
      ...{ name: 'good', dnsName: 'good.example.test', issuer: 'bind', solver: toBind() },
      message: undefined,
    },
  ];
  const failing = rows.filter(({ message }) => message !== undefined);
  const issuers = (solverOf: (row: Row) => string): string =>
    (['bind', 'keys', 'scripted'] as const)
      .map((issuer) => {
        const ca = issuer === 'scripted' ? scriptedCa : bindCa;
        const solvers = rows
          .filter((row) => row.issuer === issuer)
          .map((row) => `      - { selector: { dnsNames: ["${row.dnsName}"] }, ${solverOf(row)} }\n`);
        return `${simulatedIssuer(ca, issuer)}${solvers.join('')}`;
      })
      .join('---\n');
  const tsig = (wrong: string) =>
    sealedSecret(
      scenario,
      { namespace: 'cert-manager', name: 'tsig' },
      { right: bind.secret('HMACSHA256'), wrong },
    );
  const wish = ({ name, dnsName, issuer }: Pick<Row, 'name' | 'dnsName' | 'issuer'>) =>
    certificate({ name, dnsNames: [dnsName], issuer: `ClusterIssuer/${issuer}` });
  const run = { args: ['--dns-resolver', bind.address, '--log-level', 'debug'], timeoutMs: RUN_TIMEOUT_MS };
  const inUse = rows.filter(({ isNew }) => isNew !== true);
  const due = new Date(Date.now() + 61 * 24 * HOUR_MS);
  const wrongKey = randomBytes(32).toString('base64');

  await scenario.push({
    'issuers.yaml': issuers(() => HTTP01),
    'all.yaml': inUse.map(wish).join('---\n'),
    'credentials/tsig.yaml': await tsig(wrongKey),
  });
  const first = await scenario.runOnce(run);
  const before = await secretsOf(scenario, rows);

  await scenario.push({
    'issuers.yaml': issuers(({ solver }) => solver),
    'all.yaml': [...rows.map(wish), selfSigned('plain')].join('---\n'),
  });
  Object.assign(dns.zones['silent.test'] ?? {}, { isSilent: true });
  Object.assign(dns.zones['hidden.test'] ?? {}, { isHidden: true });
  Object.assign(dns.zones['sticky.test'] ?? {}, { refusedRemovals: 1 });
  const daemon = scenario.startDaemon({ ...run, ...onNewMachine('renewal', due) });
  // The slowest: by then each of the others has been tried, some of them again.
  await committed(scenario, 'Fail web/hidden:', RUN_TIMEOUT_MS);
  const ended = await daemon.kill('SIGTERM');
  const renewal = { stdout: daemon.stdout(), stderr: daemon.stderr() };
  const during = await secretsOf(scenario, rows);
  const states = await Promise.all(
    rows.map(async (row) => ({ row, status: await statusOf(scenario, `web/certificates/${row.name}`) })),
  );
  const leftInDns = [await txtIn(bind, rows), dns.txt()];
  const subjects = await scenario.subjects();
  const [asked, messages] = [[bindCa.counts, scriptedCa.counts], dns.messages()];

  const again = await scenario.runOnce({ ...run, ...onNewMachine('again', due) });
  const said = (await scenario.subjects()).slice(subjects.length);
  const [askedAfter, messagesAfter] = [[bindCa.counts, scriptedCa.counts], dns.messages()];

  await scenario.push({
    'issuers.yaml': issuers(({ solver, mended }) => mended ?? solver),
    'credentials/tsig.yaml': (await tsig(bind.secret('HMACSHA256'))).replaceAll('\r', ''),
  });
  for (const zone of Object.values(dns.zones)) Object.assign(zone, { isSilent: false, isHidden: false });
  const healed = await scenario.runOnce({
    ...run,
    ...onNewMachine('healed', new Date(due.getTime() + HOUR_MS)),
  });

  assert.deepEqual([first.code, ended.code, again.code, healed.code], [0, 0, 1, 0], healed.stdout);
  for (const { row, status } of states) {
    const isIssued = row.message === undefined;
    assert.equal(during.get(row.name) !== before.get(row.name), isIssued, row.name);
    assert.deepEqual(
      [conditionOf(status, 'Ready'), status.revision],
      row.isNew === true ? ['False DoesNotExist', undefined] : ['True Ready', isIssued ? 2 : 1],
      row.name,
    );
    if (row.message === undefined) continue;
    assert.equal(conditionOf(status, 'Issuing'), 'False IssuerUnreachable', row.name);
    assert.match(messageOf(status, 'Issuing'), row.message, row.name);
  }
  assert.equal(conditionOf(await statusOf(scenario, 'web/certificates/plain'), 'Ready'), 'True Ready');
  assert.match(renewal.stderr, /a challenge record could not be removed/);
  assert.deepEqual(leftInDns, [{}, {}], 'nothing of ours stays in DNS');
  assert.equal(messagesAfter, messages, 'nobody is asked before it is time');
  // The daemon was too busy for the board.
  assert.deepEqual(
    said.filter((subject) => subject !== 'Update the board'),
    [],
    'nothing is said again',
  );
  assert.deepEqual(
    askedAfter.map(({ totalRequests }) => totalRequests),
    asked.map(({ totalRequests }) => totalRequests),
  );
  for (const { name, dnsName, isNew } of rows) {
    const status = await statusOf(scenario, `web/certificates/${name}`);
    assert.equal(conditionOf(status, 'Ready'), 'True Ready', name);
    const orders = [bindCa, scriptedCa].map(({ counts }) => counts.ordersByNames[dnsName] ?? 0);
    // One that was left open is gone on with, by another solver too: the CA gives it out again.
    assert.equal(Math.max(...orders), isNew === true ? 1 : 2, `${name}: ${orders} orders`);
  }
  assert.deepEqual([await txtIn(bind, rows), dns.txt()], [{}, {}]);
  assert.ok(failing.length >= 9);
  for (const { counts, violations } of [bindCa, scriptedCa]) {
    assert.deepEqual([counts.failedValidations, violations], [0, []]);
  }
  for (const { stderr } of [renewal, healed]) {
    const maxMs = /"maxMs":(\d+).*how long the event loop was held up/.exec(stderr)?.[1];
    assert.ok(Number(maxMs) < 1000, `the event loop was held up for ${maxMs} ms`);
  }
  await scenario.verifyCommits();
  await assertNothingInClear(
    scenario,
    [first, renewal, again, healed],
    [wrongKey, bind.secret('HMACSHA256')],
  );
});

async function secretsOf(scenario: Scenario, rows: readonly Row[]): Promise<ReadonlyMap<string, string>> {
  const texts = await Promise.all(
    rows.map(
      async ({ name }) => [name, (await scenario.show(`secrets/web/${name}-tls.yaml`)) ?? ''] as const,
    ),
  );
  return new Map(texts);
}

/** The challenge records in BIND, by name; where there are some. */
async function txtIn(
  bind: { txt(name: string): Promise<readonly string[]> },
  rows: readonly Row[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  const names = rows
    .filter(({ issuer }) => issuer !== 'scripted')
    // Nobody serves the one, and the other leads in a circle.
    .filter(({ name }) => name !== 'delegated' && name !== 'loop')
    .map(({ dnsName }) => `_acme-challenge.${dnsName}`);
  const found = await Promise.all(
    [...names, 'somewhere.example.test'].map(async (name) => [name, await bind.txt(name)] as const),
  );
  return Object.fromEntries(found.filter(([, values]) => values.length > 0));
}
