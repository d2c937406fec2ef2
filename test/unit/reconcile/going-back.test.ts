import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findCondition } from '../../../src/api/condition.ts';
import { IssuanceError } from '../../../src/issuers/issuer.ts';
import { generateIdentity } from '../../../src/secrets/sops/identities.ts';
import {
  ACME_ISSUER,
  acmeCertificate,
  acmeIssuer,
  annotated,
  blobAt,
  type MemoryEngine,
  memoryEngine,
} from '../../support/memory-engine.ts';

const START = new Date('2026-03-01T00:00:00Z');
const hour = (hours: number): Date => new Date(START.getTime() + hours * 3_600_000);
const SECRET = 'secrets/web/www-tls.yaml';
const KEY = 'status/web/requests/www-3.key.yaml';

/** Two certificates were issued: one for `first.example.com`, then one for `second.example.com`. */
async function afterTwo(): Promise<{ readonly engine: MemoryEngine; readonly serial: string | undefined }> {
  const engine = await memoryEngine(START);
  engine.push({ 'ca.yaml': ACME_ISSUER, 'www.yaml': www('first') });
  await engine.run();
  const serial = engine.status('www').issued?.serialNumber;
  engine.push({ 'www.yaml': www('second') });
  await engine.run();
  return { engine, serial };
}

function www(name: string, more: { readonly spec?: string; readonly metadata?: string } = {}): string {
  return acmeCertificate('www', { names: [`${name}.example.com`], ...more });
}

function neverMind(): never {
  throw new IssuanceError(
    'issuers.ca-busy',
    { what: 'later' },
    { failsRequest: false, retry: { when: 'backoff' } },
  );
}

describe('going back to the certificate before', { concurrency: 2 }, () => {
  it('takes no order, and going forward again takes none either', async () => {
    const { engine, serial } = await afterTwo();

    engine.push({ 'www.yaml': www('first') });
    const summary = await engine.run();
    const back = engine.status('www').issued;
    engine.push({ 'www.yaml': www('second') });
    await engine.run();

    assert.equal(engine.orders.length, 2);
    assert.deepEqual([back?.serialNumber, back?.revision, summary.findings], [serial, 3, []]);
    assert.deepEqual(engine.status('www').issued?.dnsNames, ['second.example.com']);
    assert.equal(engine.status('www').issued?.secretBlob, blobAt(engine.repository, SECRET));
  });

  it('gives its Secret the labels, annotations and formats that are asked for now', async () => {
    const { engine, serial } = await afterTwo();
    const spec =
      '  secretTemplate: {labels: {team: shop}}\n  additionalOutputFormats: [{type: CombinedPEM}]\n';

    engine.push({ 'www.yaml': www('first', { spec }) });
    await engine.run();

    const { text, data } = await engine.secret('www');
    assert.equal(engine.orders.length, 2);
    assert.equal(engine.status('www').issued?.serialNumber, serial);
    assert.match(text, /^ +team: shop$/m);
    assert.ok(data.has('tls-combined.pem'));
    assert.equal(engine.status('www').issued?.secretBlob, blobAt(engine.repository, SECRET));
    const restored = engine.repository.messages.filter((message) => /^(Restore|Update) web/.test(message));
    assert.equal(restored.length, 1, 'in one commit');
  });

  it('leaves no key behind of an attempt that was under way', async () => {
    const { engine, serial } = await afterTwo();
    engine.ca.complete = neverMind;
    engine.push({ 'www.yaml': www('third') });
    await engine.run();
    const during = blobAt(engine.repository, KEY);

    engine.push({ 'www.yaml': www('first') });
    await engine.run();

    assert.notEqual(during, undefined);
    assert.equal(engine.status('www').issued?.serialNumber, serial);
    assert.equal(blobAt(engine.repository, KEY), undefined);
  });

  it('is no way for a certificate that its CA has called back since', async () => {
    const { engine, serial } = await afterTwo();
    const asked: string[] = [];
    engine.ca.renewalInformation = (leafPem) => {
      asked.push(leafPem);
      return { certificateId: 'a.b', start: hour(1), end: hour(2), retryAfterMs: 3_600_000 };
    };
    engine.at(hour(3));

    engine.push({ 'www.yaml': www('first') });
    await engine.run();

    assert.equal(engine.orders.length, 3);
    assert.notEqual(engine.status('www').issued?.serialNumber, serial);
    assert.equal(asked.length, 1);
  });

  it('asks a CA that has just been declared again', async () => {
    const engine = await memoryEngine(START);
    engine.push({ 'ca.yaml': acmeIssuer('one'), 'www.yaml': www('first') });
    await engine.run();
    const serial = engine.status('www').issued?.serialNumber;
    engine.push({ 'ca.yaml': acmeIssuer('two') });
    await engine.run();
    const elsewhere = engine.status('www').issued?.serialNumber;
    let looks = 0;
    engine.ca.renewalInformation = () => {
      looks += 1;
      return undefined;
    };

    engine.push({ 'ca.yaml': acmeIssuer('one') });
    await engine.run();

    assert.notEqual(elsewhere, serial);
    assert.equal(engine.status('www').issued?.serialNumber, serial);
    assert.deepEqual([engine.orders.length, looks], [2, 1]);
  });

  it('is no way where somebody lost access meanwhile, even by a status that names no recipients', async () => {
    const engine = await memoryEngine(START);
    const friend = (await generateIdentity()).recipient;
    const rules = engine.repository.files()['.sops.yaml'] ?? '';
    engine.push({
      '.sops.yaml': rules.replace(/"\}/, `,${friend}"}`),
      ...{ 'ca.yaml': ACME_ISSUER, 'www.yaml': www('first') },
    });
    await engine.run();
    const path = 'status/web/certificates/www.yaml';
    const old = (engine.repository.files()[path] ?? '').replace(/^ +recipients:\n( +- age1.*\n)+/m, '');
    engine.repository.add({ [path]: old }, 'ours');
    engine.push({ '.sops.yaml': rules, 'www.yaml': www('second') });
    await engine.run();

    engine.push({ 'www.yaml': www('first') });
    await engine.run();

    assert.doesNotMatch(old, /recipients/);
    assert.equal(engine.orders.length, 3);
    assert.doesNotMatch((await engine.secret('www')).text, new RegExp(friend));
  });

  it('is no way where nobody knows any more which CA it was', async () => {
    const engine = await memoryEngine(START);
    engine.push({ 'ca.yaml': ACME_ISSUER, 'www.yaml': www('first') });
    await engine.run();
    const path = 'status/web/certificates/www.yaml';
    const old = (engine.repository.files()[path] ?? '').replace(/^ +issuerIdentity: .*\n/m, '');
    engine.repository.add({ [path]: old }, 'ours');
    engine.push({ 'www.yaml': www('second') });
    await engine.run();

    engine.push({ 'www.yaml': www('first') });
    await engine.run();

    assert.doesNotMatch(old, /issuerIdentity/);
    assert.equal(engine.orders.length, 3);
  });

  it('is no way where history has lost the earlier Secret, and stops nobody', async () => {
    const { engine } = await afterTwo();
    const path = 'status/web/certificates/www.yaml';
    const status = (engine.repository.files()[path] ?? '').replace(
      /(previous:\s+secretBlob: )"?\w+"?/,
      `$1${'deadbeef'.repeat(5)}`,
    );
    engine.repository.add({ [path]: status }, 'ours');

    engine.push({ 'www.yaml': www('first'), 'other.yaml': acmeCertificate('other') });
    const summary = await engine.run();

    assert.match(status, /secretBlob: "?deadbeef/);
    assert.deepEqual(summary.findings, []);
    assert.equal(engine.orders.length, 4);
  });

  it('waits for nobody who asked for a new certificate', async () => {
    const { engine, serial } = await afterTwo();

    engine.push({
      'www.yaml': www('first', { metadata: annotated('certops.dev/renew-requested-at', START) }),
    });
    await engine.run();

    assert.equal(engine.orders.length, 3);
    assert.notEqual(engine.status('www').issued?.serialNumber, serial);
  });
});

describe('what stands meanwhile', { concurrency: 2 }, () => {
  it('the Secret names the issuer that its certificate came from until another one has answered', async () => {
    const engine = await memoryEngine(START);
    engine.push({ 'ca.yaml': ACME_ISSUER, 'www.yaml': acmeCertificate('www') });
    await engine.run();
    const spec = '  additionalOutputFormats: [{type: DER}]\n';

    const moved = acmeCertificate('www', { spec }).replace(
      'issuerRef: {name: ca}',
      'issuerRef: {name: slow}',
    );
    const slow = acmeIssuer('slow').replace('name: ca', 'name: slow').replace('name: account', 'name: other');
    engine.ca.complete = neverMind;
    engine.push({ 'www.yaml': moved, 'slow.yaml': slow });
    await engine.run();

    const { text, data } = await engine.secret('www');
    assert.ok(data.has('key.der'), 'formats need no new certificate');
    assert.match(text, /cert-manager\.io\/issuer-name: ca$/m);
    assert.equal(findCondition(engine.status('www').conditions, 'Ready')?.reason, 'IncorrectIssuer');
  });

  it('a revision whose accepted one history has lost is refused, and stops nobody', async () => {
    const engine = await memoryEngine(START);
    engine.push({ 'ca.yaml': ACME_ISSUER, 'www.yaml': acmeCertificate('www') });
    await engine.run();
    const path = 'status/web/certificates/www.yaml';
    const status = (engine.repository.files()[path] ?? '').replace(
      /(sourceBlob: )"?\w+"?/,
      `$1${'deadbeef'.repeat(5)}`,
    );
    engine.repository.add({ [path]: status }, 'ours');

    engine.push({
      'www.yaml':
        'apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: www, namespace: web}\nspec: {}\n',
      'other.yaml': acmeCertificate('other'),
    });
    await engine.run();

    assert.equal(findCondition(engine.status('www').conditions, 'Ready')?.reason, 'InvalidManifest');
    assert.equal(findCondition(engine.status('other').conditions, 'Ready')?.status, 'True');
  });

  it('what was asked of the CA is remembered though a failure says nothing new', async () => {
    const engine = await memoryEngine(START);
    engine.ca.begin = () => {
      throw new IssuanceError(
        'issuers.request-refused',
        { what: 'The CA refuses' },
        { failsRequest: true, retry: { when: 'backoff' } },
      );
    };
    engine.push({ 'ca.yaml': ACME_ISSUER, 'www.yaml': acmeCertificate('www') });
    await engine.run();
    const [before, commits] = [JSON.stringify(engine.state.ledger), engine.repository.messages.length];

    engine.at(hour(1));
    await engine.run();

    assert.equal(engine.repository.messages.length, commits, 'nothing new is said');
    assert.notEqual(JSON.stringify(engine.state.ledger), before);
  });
});
