import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { AcmeSession } from '../../src/acme/session.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { readPlainYaml } from '../../src/lib/yaml-write.ts';
import { decodePrivateKey } from '../../src/pki/private-key.ts';
import { Sealer } from '../../src/secrets/sealer.ts';
import { loadIdentities } from '../../src/secrets/sops/identities.ts';
import { conditionOf, statusOf } from '../support/offline-scenario.ts';
import { runSuccessfully } from '../support/process.ts';
import { assertLinear, assertNothingInClear } from '../support/promises.ts';
import { acmeIssuer, certificate, type Scenario, startScenario } from '../support/scenario.ts';

const KEY = 'status/_cluster/issuers/pebble.key.yaml';

test('who is taken away from .sops.yaml knows an account key that the CA takes no more, and a kill in between heals', async (context) => {
  const scenario = await startScenario('leaver', context);
  context.after(() => scenario.stop());
  const own = (await scenario.show('.sops.yaml'))?.match(/age1\w+/)?.[0] ?? '';
  const identity = join(scenario.scratch.keyFolder('leaver'), 'identity.txt');
  // Into the file itself: what a program prints is kept in a transcript.
  await runSuccessfully('age-keygen', ['-o', identity]);
  const leaver = (await runSuccessfully('age-keygen', ['-y', identity])).trim();
  const rules = (...recipients: readonly string[]) =>
    `creation_rules:\n  - path_regex: ^(secrets|credentials)/.+\\.ya?ml$\n    age: ${recipients.join(',')}\n`;
  const pushed = await scenario.push({
    '.sops.yaml': rules(own, leaver),
    'issuers/pebble.yaml': acmeIssuer(scenario),
    'web.yaml': certificate({ name: 'www', dnsNames: ['www.example.com'] }),
  });
  const first = await scenario.runOnce();
  const [before, seen] = [await account(scenario), (await scenario.show(KEY)) ?? ''];

  await scenario.push({ '.sops.yaml': rules(own) });
  const env = { CERTOPS_TESTING: '1', CERTOPS_FAULT: 'account-registered' };
  const killed = await scenario.runOnce({ env });
  const between = await account(scenario);
  const healed = await scenario.runOnce({ data: 'another-machine' });
  const idle = await scenario.runOnce();

  assert.deepEqual(
    [first.code, killed.signal, healed.code],
    [0, 'SIGKILL', 0],
    healed.stdout + healed.stderr,
  );
  const after = await account(scenario);
  assert.deepEqual([between.acme, before.certops.accountKeyRecipients], [before.acme, [own, leaver]]);
  assert.equal(after.acme.uri, before.acme.uri, 'the account stays');
  assert.notEqual(after.acme.lastPrivateKeyHash, before.acme.lastPrivateKeyHash);
  assert.deepEqual(after.certops.accountKeyRecipients, [own]);
  assert.equal(scenario.pebble.counters().accounts, 1);
  const now = (await scenario.show(KEY)) ?? '';
  assert.deepEqual(
    [await accountOf(scenario, seen), await accountOf(scenario, now)],
    [undefined, before.acme.uri],
    'the CA knows the new key alone',
  );
  const certificateStatus = await statusOf(scenario, 'web/certificates/www');
  assert.equal(conditionOf(certificateStatus, 'Ready'), 'True Ready');
  assert.equal(certificateStatus.revision, 2, 'its key was seen as well');
  const subjects = await scenario.subjects();
  assert.equal(subjects.filter((subject) => subject === 'Start clusterissuer pebble').length, 2);
  assert.equal(idle.code, 0);
  assert.equal((await scenario.certops('verify', '--repo', scenario.remote)).code, 0);
  await scenario.verifyCommits();
  await assertLinear(scenario, [pushed]);
  await assertNothingInClear(scenario, [first, killed, healed]);
});

interface IssuerDocument {
  readonly acme: { readonly uri: string; readonly lastPrivateKeyHash: string };
  readonly certops: { readonly accountKeyRecipients?: readonly string[] };
}

async function account(scenario: Scenario): Promise<IssuerDocument> {
  const [document] = readPlainYaml((await scenario.show('status/_cluster/issuers/pebble.yaml')) ?? '');
  return (document as { readonly status: IssuerDocument }).status;
}

/** The account that the CA knows by the key in a sealed file. */
async function accountOf(scenario: Scenario, sealed: string): Promise<string | undefined> {
  const sealer = new Sealer({ identities: await loadIdentities(scenario.env) });
  const { data } = await sealer.open(sealed, KEY);
  const pem = new Sensitive(data.reveal().get('tls.key')?.toString('utf8') ?? '');
  const session = new AcmeSession({
    directoryUrl: scenario.pebble.directoryUrl,
    accountKey: decodePrivateKey(pem),
    accountUrl: undefined,
    caBundle: scenario.pebble.caPem,
    userAgent: 'certops-test/0',
    clock: systemClock(),
    log: silentLog,
  });
  try {
    return await session.findAccount(AbortSignal.timeout(20_000));
  } finally {
    session.close();
  }
}
