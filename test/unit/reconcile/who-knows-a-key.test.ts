import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { generateIdentity } from '../../../src/secrets/sops/identities.ts';
import { readSopsMetadata } from '../../../src/secrets/sops/metadata.ts';
import { renderRecipientsStatus } from '../../../src/status/recipients-status.ts';
import { ACME_ISSUER, acmeCertificate, annotated, memoryEngine } from '../../support/memory-engine.ts';

const SECRET = 'secrets/web/www-tls.yaml';
const rules = (...recipients: readonly string[]) => `creation_rules: [{age: "${recipients.join(',')}"}]\n`;

function signalled() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

async function started() {
  const engine = await memoryEngine();
  const own = /age1\w+/.exec(engine.repository.files()['.sops.yaml'] ?? '')?.[0] ?? '';
  const { recipient: friend } = await generateIdentity();
  const sealedTo = () => readSopsMetadata(engine.repository.files()[SECRET] ?? '').recipients;
  const known = () => engine.status('www').issued?.recipients;
  return { engine, own, friend, sealedTo, known };
}

describe('who knows a private key', { concurrency: 2 }, () => {
  it('somebody who is taken away while the order is open has seen the next key: another one follows', async () => {
    const { engine, own, friend, sealedTo, known } = await started();
    engine.push({
      '.sops.yaml': rules(own, friend),
      'ca.yaml': ACME_ISSUER,
      'www.yaml': acmeCertificate('www'),
      'api.yaml': acmeCertificate('api'),
    });
    const [isPushed, isSeen] = [signalled(), signalled()];
    engine.ca.complete = async ({ certificate }) => {
      // What is done for the other one makes the engine look at the branch, while this one's order is open.
      if (certificate.name === 'api') return isPushed.promise;
      if (engine.repository.files()['.sops.yaml'] === rules(own)) return;
      engine.push({ '.sops.yaml': rules(own) });
      isPushed.resolve();
      await isSeen.promise;
    };
    const { readPath } = engine.repository;
    engine.repository.readPath = async (commit, path) => {
      const file = await readPath.call(engine.repository, commit, path);
      const isNew = path === '.sops.yaml' && file?.content.toString('utf8') === rules(own);
      if (isNew) setImmediate(() => setImmediate(isSeen.resolve));
      return file;
    };

    await engine.run();

    const keys = engine.orders
      .filter(({ certificate }) => certificate.name === 'www')
      .map(({ key }) => createPublicKey(key).export({ format: 'jwk' }).x);
    assert.deepEqual([sealedTo(), known(), new Set(keys).size, keys.length], [[own], [own], 2, 2]);
  });

  it('with a key that is kept, who once could read it is remembered over renewals', async () => {
    const { engine, own, friend, sealedTo, known } = await started();
    const kept = (more = '') =>
      acmeCertificate('www', { metadata: more }).replace(
        '{algorithm: ECDSA}',
        '{rotationPolicy: Never, algorithm: ECDSA}',
      );
    engine.push({ '.sops.yaml': rules(own, friend), 'ca.yaml': ACME_ISSUER, 'www.yaml': kept() });
    await engine.run();
    // The friend waits from now on, and is still named.
    const status = renderRecipientsStatus({ accepted: [{ pattern: '', recipients: [own] }], held: [] });
    engine.repository.add({ 'status/recipients.yaml': status }, 'ours');
    const again = annotated('certops.dev/renew-requested-at', '2026-02-28T00:00:00Z');
    engine.push({ 'www.yaml': kept(again) });
    await engine.run();
    const renewed = [sealedTo(), known(), engine.orders.length];

    engine.push({ '.sops.yaml': rules(own) });
    await engine.run();

    assert.deepEqual(renewed, [[own], [own, friend], 2]);
    assert.deepEqual([known(), engine.orders.length], [[own], 3]);
  });

  it('a Secret that is written anew for its labels is on record with whom that shows it to', async () => {
    const { engine, own, friend, sealedTo, known } = await started();
    engine.push({ 'ca.yaml': ACME_ISSUER, 'www.yaml': acmeCertificate('www') });
    await engine.run();
    const status = renderRecipientsStatus({
      accepted: [{ pattern: '', recipients: [own, friend] }],
      held: [],
    });
    engine.repository.add({ 'status/recipients.yaml': status, '.sops.yaml': rules(own, friend) }, 'ours');
    const spec = '  secretTemplate: {labels: {team: web}}\n';

    engine.push({ 'www.yaml': acmeCertificate('www', { spec }) });
    await engine.run();

    const updates = engine.repository.messages.filter((message) => message.startsWith('Update web/www\n'));
    assert.deepEqual([sealedTo(), known(), updates.length], [[own, friend], [own, friend], 1]);
    assert.equal(engine.orders.length, 1);
  });

  it('somebody who waits keeps nobody else from what they may read', async () => {
    const { engine, own, friend, sealedTo, known } = await started();
    const { recipient: other } = await generateIdentity();
    engine.push({
      '.sops.yaml': rules(own, friend),
      'ca.yaml': ACME_ISSUER,
      'www.yaml': acmeCertificate('www'),
    });
    await engine.run();
    const status = renderRecipientsStatus({
      accepted: [{ pattern: '', recipients: [own, other] }],
      held: [],
    });
    const files = { 'status/recipients.yaml': status, '.sops.yaml': rules(own, friend, other) };

    engine.repository.add(files, 'ours');
    await engine.run();

    assert.deepEqual(
      [sealedTo(), known()],
      [
        [own, other],
        [own, other, friend],
      ],
    );
    assert.equal(engine.orders.length, 1);
  });

  it('and does not forget who could read it before', async () => {
    const { engine, own, friend, sealedTo, known } = await started();
    engine.push({
      '.sops.yaml': rules(own, friend),
      'ca.yaml': ACME_ISSUER,
      'www.yaml': acmeCertificate('www'),
    });
    await engine.run();
    const metadata = annotated('certops.dev/suspend', 'a pause');
    const spec = '  secretTemplate: {labels: {team: web}}\n';

    engine.push({ '.sops.yaml': rules(own), 'www.yaml': acmeCertificate('www', { metadata, spec }) });
    await engine.run();
    const paused = [sealedTo(), known(), engine.orders.length];
    engine.push({ 'www.yaml': acmeCertificate('www', { spec }) });
    await engine.run();

    assert.deepEqual(paused, [[own], [own, friend], 1]);
    assert.deepEqual([known(), engine.orders.length], [[own], 2]);
  });
});
