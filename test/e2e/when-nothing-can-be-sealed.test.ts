import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { describe, it } from 'node:test';
import {
  conditionOf,
  messageOf,
  sealedCa,
  selfSigned,
  startOffline,
  statusOf,
} from '../support/offline-scenario.ts';
import { certificate } from '../support/scenario.ts';

// From age's own documentation; nobody here holds its identity.
const FOREIGN = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';

describe('when nothing can be sealed', { concurrency: 2 }, () => {
  it('nothing is ordered, the reason says what to mend, and mending it is enough', async (context) => {
    const scenario = await startOffline('sealing', context);
    const good = (await scenario.show('.sops.yaml')) ?? '';
    const cases = [
      { rules: null, message: /there is no \.sops\.yaml/ },
      {
        rules: good.replace('(secrets|credentials)', 'elsewhere'),
        message: /No rule of \.sops\.yaml matches secrets\/web\/www-tls\.yaml/,
      },
      { rules: good.replace(/age1\w+/, FOREIGN), message: /could not open what it would seal by rule 1/ },
      { rules: 'creation_rules: [', message: /\.sops\.yaml/ },
    ];
    await scenario.push({ 'www.yaml': selfSigned('www') });

    for (const { rules, message } of cases) {
      await scenario.push({ '.sops.yaml': rules });
      const run = await scenario.runOnce();
      const status = await statusOf(scenario, 'web/certificates/www');

      assert.equal(run.code, 1, run.stderr);
      assert.equal(conditionOf(status, 'Issuing'), 'False EncryptionUnavailable');
      assert.match(messageOf(status, 'Issuing'), message);
      assert.deepEqual(await scenario.list('secrets'), []);
      assert.deepEqual(await scenario.list('status/web/requests'), []);
    }
    await scenario.push({ '.sops.yaml': good });
    const mended = await scenario.runOnce();

    assert.equal(mended.code, 0, mended.stdout);
    assert.equal(conditionOf(await statusOf(scenario, 'web/certificates/www'), 'Ready'), 'True Ready');
  });

  it('without the identity the Secret stays as it is, a CA cannot be opened, and both heal with it', async (context) => {
    const scenario = await startOffline('identity', context);
    const ca = `apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: ours
  namespace: web
spec:
  ca:
    secretName: ours-ca
`;
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    const before = await scenario.show('secrets/web/www-tls.yaml');
    await scenario.push({
      'www.yaml': selfSigned('www', '  secretTemplate:\n    labels:\n      team: shop\n'),
      'ours.yaml': ca,
      'credentials/ours-ca.yaml': await sealedCa(scenario, 'ours-ca'),
      'leaf.yaml': certificate({ name: 'leaf', dnsNames: ['leaf.example.com'], issuer: 'Issuer/ours' }),
      'api.yaml': selfSigned('api'),
    });
    const hidden = `${scenario.identityFile}.hidden`;
    await rename(scenario.identityFile, hidden);

    const without = await scenario.runOnce();
    const issuer = await statusOf(scenario, 'web/issuers/ours');
    const leaf = await statusOf(scenario, 'web/certificates/leaf');
    const api = await statusOf(scenario, 'web/certificates/api');
    const untouched = await scenario.show('secrets/web/www-tls.yaml');
    await rename(hidden, scenario.identityFile);
    const withIt = await scenario.runOnce();

    assert.deepEqual([without.code, withIt.code], [1, 0], without.stdout + withIt.stdout + withIt.stderr);
    assert.equal(conditionOf(issuer, 'Ready'), 'False EncryptionUnavailable');
    assert.equal(conditionOf(leaf, 'Issuing'), 'False IssuerNotReady');
    assert.equal(conditionOf(api, 'Issuing'), 'False EncryptionUnavailable');
    assert.match(without.stdout, /^Certificate web\/www: /m, 'labels that cannot be written are a finding');
    assert.equal(untouched, before, 'what cannot be opened stays');
    for (const name of ['www', 'leaf', 'api']) {
      assert.equal(conditionOf(await statusOf(scenario, `web/certificates/${name}`), 'Ready'), 'True Ready');
    }
    assert.equal((await statusOf(scenario, 'web/certificates/www')).revision, 1);
    assert.match((await scenario.show('secrets/web/www-tls.yaml')) ?? '', /team: shop/);
  });
});
