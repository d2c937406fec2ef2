import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { openIndependently } from '../support/independent-sops.ts';
import { conditionOf, messageOf, selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';
import { runProcess, runSuccessfully } from '../support/process.ts';
import type { Scenario } from '../support/scenario.ts';
import { sealedSecret } from '../support/sealed-secret.ts';

const SECRET = 'secrets/web/www-tls.yaml';
const STATUS = 'web/certificates/www';
const KEYSTORES = `  keystores:
    jks:
      create: true
      passwordSecretRef: { name: stores, key: password }
    pkcs12:
      create: true
      profile: LegacyRC2
      passwordSecretRef: { name: stores, key: password }
  additionalOutputFormats:
    - type: DER
    - type: CombinedPEM
`;

describe('keystores and other formats', () => {
  it('wait for their password, follow it, and come and go without a new certificate', async (context) => {
    const scenario = await startOffline('keystores', context);
    await scenario.push({ 'www.yaml': selfSigned('www', KEYSTORES) });
    const withoutPassword = await scenario.runOnce();
    const waiting = await statusOf(scenario, STATUS);
    const files = await scenario.list();

    await scenario.push({ 'credentials/stores.yaml': await sealedPassword(scenario, 'first-password') });
    const issued = await scenario.runOnce();
    const first = await contentOf(scenario);

    await scenario.push({ 'credentials/stores.yaml': await sealedPassword(scenario, 'second-password') });
    const changed = await scenario.runOnce();
    const second = await contentOf(scenario);
    const quiet = await scenario.tip();
    const again = await scenario.runOnce();

    assert.equal(withoutPassword.code, 1);
    assert.equal(conditionOf(waiting, 'Issuing'), 'False KeystorePasswordSecretNotFound');
    assert.match(messageOf(waiting, 'Issuing'), /keystore password Secret "web\/stores" not found/);
    assert.ok(!files.some((path) => path.startsWith('status/web/requests/')), 'nothing was asked for');
    assert.deepEqual([issued.code, changed.code, again.code], [0, 0, 0], issued.stdout + changed.stdout);
    const names = ['ca.crt', 'key.der', 'keystore.jks', 'keystore.p12', 'tls-combined.pem', 'tls.crt'];
    assert.deepEqual(Object.keys(first), [...names, 'tls.key', 'truststore.jks', 'truststore.p12']);
    assert.equal(text(first, 'tls-combined.pem'), `${text(first, 'tls.key')}\n${text(first, 'tls.crt')}`);
    const der = await runSuccessfully('openssl', ['pkey', '-pubout', '-inform', 'DER'], {
      input: Buffer.from(first['key.der'] ?? '', 'base64'),
    });
    assert.equal(der, publicKeyOf(first));
    assert.equal(await opens(scenario, first, 'first-password'), true);
    assert.equal(await opens(scenario, second, 'first-password'), false);
    assert.equal(await opens(scenario, second, 'second-password'), true);
    assert.equal(text(second, 'tls.crt'), text(first, 'tls.crt'), 'the certificate stays');
    assert.equal(text(second, 'tls.key'), text(first, 'tls.key'));
    assert.equal(await scenario.tip(), quiet, 'nothing is left to say');
  });

  it('go when the specification drops them, and stay while a password is missing', async (context) => {
    const scenario = await startOffline('keystores-go', context);
    const password = await sealedPassword(scenario, 'a-password');
    await scenario.push({ 'www.yaml': selfSigned('www', KEYSTORES), 'credentials/stores.yaml': password });
    await scenario.runOnce();
    const before = await contentOf(scenario);

    const elsewhere = KEYSTORES.replaceAll('name: stores', 'name: elsewhere');
    await scenario.push({ 'www.yaml': selfSigned('www', elsewhere) });
    const missing = await scenario.runOnce();
    const stale = await statusOf(scenario, STATUS);
    const kept = await contentOf(scenario);
    const told = await scenario.tip();
    await scenario.runOnce();
    const toldAgain = await scenario.tip();

    const template = '  secretTemplate:\n    labels:\n      team: shop\n';
    await scenario.push({ 'www.yaml': selfSigned('www', template) });
    const dropped = await scenario.runOnce();
    const after = await contentOf(scenario);
    const settled = await statusOf(scenario, STATUS);

    assert.equal(conditionOf(stale, 'Ready'), 'True Ready');
    assert.equal(conditionOf(stale, 'Issuing'), 'False KeystorePasswordSecretNotFound', missing.stdout);
    assert.deepEqual(kept, before);
    assert.equal(toldAgain, told, 'said once');
    assert.equal(dropped.code, 0, dropped.stdout);
    assert.deepEqual(Object.keys(after), ['ca.crt', 'tls.crt', 'tls.key']);
    assert.equal(text(after, 'tls.crt'), text(before, 'tls.crt'));
    assert.equal(conditionOf(settled, 'Issuing'), undefined);
    assert.match((await scenario.show(SECRET)) ?? '', /^ {8}team: shop$/m);
  });
});

type Content = Readonly<Record<string, string>>;

async function contentOf(scenario: Scenario): Promise<Content> {
  const sealed = await scenario.show(SECRET);
  assert.ok(sealed !== undefined, `${SECRET} is not there`);
  const secret = (await openIndependently(sealed, scenario.identityFile)) as unknown as { data: Content };
  return secret.data;
}

function text(content: Content, name: string): string {
  return Buffer.from(content[name] ?? '', 'base64').toString('utf8');
}

function publicKeyOf(content: Content): string {
  const { publicKey } = new X509Certificate(text(content, 'tls.crt'));
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

async function opens(scenario: Scenario, content: Content, password: string): Promise<boolean> {
  const file = `${scenario.scratch.keyFolder('stores')}/keystore.p12`;
  await writeFile(file, Buffer.from(content['keystore.p12'] ?? '', 'base64'), { mode: 0o600 });
  const args = ['pkcs12', '-in', file, '-passin', `pass:${password}`, '-legacy', '-noout'];
  return (await runProcess('openssl', args)).code === 0;
}

/** The Secret `web/stores` as people seal it. */
function sealedPassword(scenario: Scenario, password: string): Promise<string> {
  return sealedSecret(scenario, { namespace: 'web', name: 'stores' }, { password });
}
