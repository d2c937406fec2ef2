import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { conditionOf, messageOf, selfSigned, statusOf } from '../support/offline-scenario.ts';
import { assertNothingInClear } from '../support/promises.ts';
import { certificate, type Scenario } from '../support/scenario.ts';
import { sealedSecret } from '../support/sealed-secret.ts';
import { onNewMachine, simulatedIssuer, startSimulated } from '../support/simulated-scenario.ts';

const MANY = Array.from({ length: 101 }, (_, index) => `n${index}.many.example.com`);

function wish(name: string, issuer: string, dnsNames: readonly string[] = [`${name}.example.com`]): string {
  return certificate({ name, dnsNames, issuer: `ClusterIssuer/${issuer}` });
}

function bound(keyID: string): string {
  return `    externalAccountBinding:
      keyID: ${keyID}
      keySecretRef:
        name: eab
        key: mac
`;
}

function accountKey(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs1', format: 'pem' })
    .toString();
}

async function readyOf(scenario: Scenario, issuer: string) {
  const status = await statusOf(scenario, `_cluster/issuers/${issuer}`);
  return { told: conditionOf(status, 'Ready'), words: messageOf(status, 'Ready') };
}

async function accountOf(scenario: Scenario, issuer: string): Promise<string | undefined> {
  return / {4}uri: "?([^"\n]+)/.exec(
    (await scenario.show(`status/_cluster/issuers/${issuer}.yaml`)) ?? '',
  )?.[1];
}

async function readiness(scenario: Scenario, names: readonly string[]) {
  return await Promise.all(
    names.map(async (name) => conditionOf(await statusOf(scenario, `web/certificates/${name}`), 'Ready')),
  );
}

test('an account that the CA does not take is named, and goes on as soon as what was told is done', async (context) => {
  const scenario = await startSimulated('accounts', context);
  const macKey = randomBytes(32).toString('base64url');
  const wrongKey = randomBytes(32).toString('base64url');
  const externalAccountKeys = { 'kid-1': macKey };
  const [binding, plain, given] = [
    await scenario.startCa({ externalAccountKeys }),
    await scenario.startCa(),
    await scenario.startCa(),
  ];
  const requests = () => [binding, plain, given].map(({ counts }) => counts.totalRequests);
  const eab = (mac: string) => sealedSecret(scenario, { namespace: 'cert-manager', name: 'eab' }, { mac });
  const own = (pem: string) =>
    sealedSecret(scenario, { namespace: 'cert-manager', name: 'given-account' }, { 'tls.key': pem });
  const issuers = (keyID: string) =>
    [
      simulatedIssuer(binding, 'bound', bound(keyID)),
      simulatedIssuer(binding, 'stranger', bound('kid-2')),
      simulatedIssuer(binding, 'unbound'),
      simulatedIssuer(plain, 'plain'),
      simulatedIssuer(given, 'given'),
    ].join('---\n');

  await scenario.push({
    'issuers.yaml': issuers('kid-1'),
    'credentials/eab.yaml': await eab(wrongKey),
    'credentials/given-account.yaml': await own(accountKey()),
    'all.yaml': [
      ...['bound', 'stranger', 'unbound', 'plain', 'given'].map((issuer) => wish(issuer, issuer)),
      wish('many', 'plain', MANY),
      selfSigned('aside'),
    ].join('---\n'),
  });
  const first = await scenario.runOnce();
  const told = {
    bound: await readyOf(scenario, 'bound'),
    stranger: await readyOf(scenario, 'stranger'),
    unbound: await readyOf(scenario, 'unbound'),
  };
  const many = await statusOf(scenario, 'web/certificates/many');
  const readyAtFirst = await readiness(scenario, ['plain', 'given', 'aside', 'bound', 'many']);
  const [tip, asked] = [await scenario.tip(), requests()];
  const second = await scenario.runOnce(onNewMachine('second'));
  const [tipAfter, askedAfter] = [await scenario.tip(), requests()];

  assert.deepEqual([first.code, second.code], [1, 1], first.stderr);
  assert.deepEqual(readyAtFirst, [
    ...['True Ready', 'True Ready', 'True Ready'],
    ...['False DoesNotExist', 'False DoesNotExist'],
  ]);
  for (const [name, { told: reason, words }] of Object.entries(told)) {
    assert.equal(reason, 'False ErrRegisterACMEAccount', name);
    assert.match(words, /spec\.acme\.externalAccountBinding/, name);
  }
  assert.match(told.bound.words, /MAC of the external account binding does not verify/);
  assert.match(told.stranger.words, /no external account has this key ID/);
  assert.match(told.unbound.words, /this CA wants an external account binding/);
  assert.equal(conditionOf(many, 'Issuing'), 'False Failed');
  assert.match(messageOf(many, 'Issuing'), /an order has at most 100 identifiers/);
  assert.deepEqual([tipAfter, askedAfter], [tip, asked], 'what only people can mend is not tried again');

  const uri = await accountOf(scenario, 'given');
  await scenario.push({
    'credentials/eab.yaml': await eab(macKey),
    'credentials/given-account.yaml': await own(accountKey()),
    'all.yaml': [
      ...['bound', 'plain', 'given'].map((issuer) => wish(issuer, issuer)),
      wish('given-too', 'given'),
      wish('many', 'plain', MANY.slice(1)),
      selfSigned('aside'),
    ].join('---\n'),
  });
  const third = await scenario.runOnce(onNewMachine('third'));

  assert.deepEqual(await readiness(scenario, ['bound', 'given', 'given-too', 'many']), [
    ...['True Ready', 'True Ready', 'True Ready', 'True Ready'],
  ]);
  assert.equal(await accountOf(scenario, 'given'), uri, 'the account is still the same');
  assert.deepEqual([given.counts.keyChanges, given.counts.accounts], [1, 1]);
  assert.equal(given.counts.certificatesByNames['given.example.com'], 1, 'nothing is issued again for it');

  const before = await scenario.show('secrets/web/plain-tls.yaml');
  plain.deactivateAccounts();
  await scenario.push({ 'late.yaml': wish('late', 'plain') });
  const fourth = await scenario.runOnce(onNewMachine('fourth'));
  const deactivated = await readyOf(scenario, 'plain');
  const late = await statusOf(scenario, 'web/certificates/late');
  const askedPlain = plain.counts.totalRequests;
  const fifth = await scenario.runOnce(onNewMachine('fifth'));

  assert.deepEqual([third.code, fourth.code, fifth.code], [1, 1, 1], fourth.stderr);
  assert.equal(deactivated.told, 'False ErrVerifyACMEAccount');
  assert.match(deactivated.words, /The ACME account was deactivated/);
  assert.match(deactivated.words, /Name another Secret in spec\.acme\.privateKeySecretRef/);
  assert.equal(conditionOf(late, 'Ready'), 'False DoesNotExist');
  assert.equal(plain.counts.totalRequests, askedPlain, 'a deactivated account is left alone');
  assert.equal(await scenario.show('secrets/web/plain-tls.yaml'), before, 'the certificate in use stays');

  const text = issuers('kid-1').replace('name: plain-account', 'name: another-account');
  await scenario.push({ 'issuers.yaml': text });
  const sixth = await scenario.runOnce(onNewMachine('sixth'));

  assert.deepEqual(await readiness(scenario, ['late', 'plain']), ['True Ready', 'True Ready'], sixth.stderr);
  assert.deepEqual([plain.counts.accounts, plain.counts.keyChanges], [2, 0]);
  assert.equal(await scenario.show('secrets/web/plain-tls.yaml'), before, 'nothing is issued again for it');
  assert.deepEqual([binding.violations, given.violations], [[], []]);
  assert.deepEqual(plain.violations, ['POST /new-order: malformed: an order has at most 100 identifiers']);
  await scenario.verifyCommits();
  const runs = [first, second, third, fourth, fifth, sixth];
  await assertNothingInClear(scenario, runs, [macKey, wrongKey]);
});
