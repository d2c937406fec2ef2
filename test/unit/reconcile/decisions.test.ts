import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findCondition } from '../../../src/api/condition.ts';
import { IssuanceError } from '../../../src/issuers/issuer.ts';
import type { RetryAdvice } from '../../../src/lib/errors.ts';
import { ACME_ISSUER, acmeCertificate, annotated, memoryEngine } from '../../support/memory-engine.ts';

const START = new Date('2026-03-01T00:00:00Z');
const after = (minutes: number): Date => new Date(START.getTime() + minutes * 60_000);
const minutesOfDays = (days: number): number => days * 24 * 60;

function refusal(retry: RetryAdvice, failsRequest = true): IssuanceError {
  return new IssuanceError('issuers.request-refused', { what: 'The CA refuses' }, { failsRequest, retry });
}

async function withCertificate(text = acmeCertificate('www')) {
  const engine = await memoryEngine(START);
  engine.push({ 'ca.yaml': ACME_ISSUER, 'www.yaml': text });
  return engine;
}

describe('what is decided again', { concurrency: 2 }, () => {
  it('another key type stays asked for however often the order fails', async () => {
    const engine = await withCertificate();
    await engine.run();
    const first = engine.status('www').issued?.serialNumber;
    engine.ca.complete = () => {
      throw refusal({ when: 'backoff' });
    };
    engine.push({ 'www.yaml': acmeCertificate('www', { key: 'Ed25519' }) });
    await engine.run();
    await engine.run();
    const failing = engine.status('www');

    delete engine.ca.complete;
    engine.at(after(60));
    await engine.run();

    assert.equal(findCondition(failing.conditions, 'Ready')?.reason, 'SecretMismatch');
    assert.equal(findCondition(failing.conditions, 'Issuing')?.reason, 'Failed');
    assert.notEqual(engine.status('www').issued?.serialNumber, first);
    assert.equal(engine.orders.at(-1)?.key.asymmetricKeyType, 'ed25519');
  });

  it('another key type is still asked for after a suspension', async () => {
    const engine = await withCertificate();
    await engine.run();
    const metadata = annotated('certops.dev/suspend', 'a pause');
    engine.push({ 'www.yaml': acmeCertificate('www', { key: 'Ed25519', metadata }) });
    await engine.run();

    engine.push({ 'www.yaml': acmeCertificate('www', { key: 'Ed25519' }) });
    await engine.run();

    assert.equal(engine.orders.length, 2);
  });

  it('a correction pushed while the CA is about to refuse is tried at once', async () => {
    const engine = await withCertificate();
    engine.ca.begin = (request) => {
      if (request.spec.dnsNames.includes('right.example.com')) return;
      engine.push({ 'www.yaml': acmeCertificate('www', { names: ['right.example.com'] }) });
      throw refusal({ when: 'never' });
    };

    await engine.run();

    assert.deepEqual(engine.status('www').issued?.dnsNames, ['right.example.com']);
  });

  for (const [name, metadata] of [
    ['another profile', annotated('certops.dev/profile', 'short')],
    ['another label, by which solvers are chosen', 'labels: {solver: dns}'],
  ] as const) {
    it(`${name} is tried at once`, async () => {
      const engine = await withCertificate();
      engine.ca.begin = () => {
        throw refusal({ when: 'never' });
      };
      await engine.run();

      delete engine.ca.begin;
      engine.push({ 'www.yaml': acmeCertificate('www', { metadata }) });
      await engine.run();

      assert.equal(engine.orders.length, 1);
    });
  }

  it('an open order is not gone on with under another profile', async () => {
    const engine = await withCertificate();
    engine.ca.complete = () => {
      throw refusal({ when: 'backoff' }, false);
    };
    await engine.run();

    delete engine.ca.complete;
    engine.at(after(60));
    engine.push({
      'www.yaml': acmeCertificate('www', { metadata: annotated('certops.dev/profile', 'short') }),
    });
    await engine.run();

    assert.deepEqual(
      engine.orders.map(({ profile }) => profile),
      [undefined, 'short'],
    );
  });

  it('an open order is gone on with, not made again', async () => {
    const engine = await withCertificate();
    engine.ca.complete = () => {
      throw refusal({ when: 'backoff' }, false);
    };
    await engine.run();

    delete engine.ca.complete;
    engine.at(after(60));
    await engine.run();

    assert.equal(engine.orders.length, 1);
    assert.equal(engine.status('www').issued?.revision, 1);
  });

  it('a retry that is asked for in advance happens at its time', async () => {
    const engine = await withCertificate();
    engine.ca.begin = () => {
      throw refusal({ when: 'never' });
    };
    const metadata = annotated('certops.dev/retry-requested-at', after(30));
    engine.push({ 'www.yaml': acmeCertificate('www', { metadata }) });
    await engine.run();

    delete engine.ca.begin;
    engine.at(after(20));
    await engine.run();
    const before = engine.orders.length;
    engine.at(after(31));
    await engine.run();

    assert.deepEqual([before, engine.orders.length], [0, 1]);
  });

  it('a retry that is asked for while the CA is about to refuse still happens', async () => {
    const engine = await withCertificate();
    const metadata = annotated('certops.dev/retry-requested-at', START);
    let refusals = 0;
    engine.ca.begin = () => {
      refusals += 1;
      if (refusals > 1) return;
      engine.push({ 'www.yaml': acmeCertificate('www', { metadata }) });
      throw refusal({ when: 'never' });
    };

    await engine.run();

    assert.equal(engine.orders.length, 1);
  });

  it('nothing is ordered for what was suspended while it waited its turn', async () => {
    const engine = await memoryEngine(START);
    const names = Array.from({ length: 6 }, (_, index) => `n${index}`);
    const metadata = annotated('certops.dev/suspend', 'stop');
    let isPushed = false;
    // Four are under way at once: the last ones wait.
    engine.ca.complete = () => {
      if (isPushed) return;
      isPushed = true;
      engine.push(
        Object.fromEntries(names.map((name) => [`${name}.yaml`, acmeCertificate(name, { metadata })])),
      );
    };
    engine.push({
      'ca.yaml': ACME_ISSUER,
      ...Object.fromEntries(names.map((name) => [`${name}.yaml`, acmeCertificate(name)])),
    });

    await engine.run();

    assert.ok(engine.orders.length <= 4, `${engine.orders.length} orders`);
  });

  it('a CA that is away is told of in one commit, and the next key stays on record', async () => {
    const engine = await withCertificate();
    await engine.run();
    engine.at(after(minutesOfDays(61)));
    engine.ca.complete = () => {
      throw refusal({ when: 'not-before', at: after(minutesOfDays(62)) }, false);
    };
    const before = engine.repository.messages.length;

    await engine.run();
    await engine.run();

    const subjects = engine.repository.messages.slice(before).map((message) => message.split('\n')[0]);
    assert.deepEqual(
      subjects.filter((subject) => subject?.includes('web/www')),
      ['Start web/www (Renewing)', 'Fail web/www: The CA refuses'],
    );
    assert.equal(engine.status('www').nextPrivateKeySecretName, 'www-2');
  });

  it('a CA is asked about a certificate that falls due while another one is asked about', async () => {
    const engine = await withCertificate();
    engine.push({ 'short.yaml': acmeCertificate('short', { spec: '  duration: 24h\n' }) });
    await engine.run();
    let looks = 0;
    engine.ca.renewalInformation = () => {
      looks += 1;
      engine.at(after(6 * 60 + 5)); // six hours after its issue is when the long one's first look is due
      return undefined;
    };

    engine.at(after(6 * 60 - 5));
    await engine.run();
    const first = looks;
    await engine.run();

    // The long one's first look, and the short one's at its next full two hours.
    assert.deepEqual([first, looks], [1, 3], 'the next run finds them due, and not served already');
  });

  it('a stand-in serves until the order is done, whatever ends the process in between', async () => {
    const metadata = annotated('cert-manager.io/issue-temporary-certificate', 'true');
    const engine = await withCertificate(acmeCertificate('www', { metadata }));
    let isDown = true;
    engine.ca.complete = () => {
      if (isDown) throw refusal({ when: 'backoff' }, false);
    };
    await engine.run();
    const standIn = await engine.secret('www');
    const [request] = engine.orders;

    engine.at(after(60));
    await engine.run();
    const second = await engine.secret('www');
    isDown = false;
    engine.at(after(600));
    await engine.run();
    const real = await engine.secret('www');

    const keys = [standIn, second, real].map(({ data }) => data.get('tls.key')?.toString());
    assert.equal(new Set(keys).size, 1, 'the stand-in has the key of the order');
    assert.equal(second.text, standIn.text);
    assert.notEqual(real.data.get('tls.crt')?.toString(), standIn.data.get('tls.crt')?.toString());
    assert.deepEqual(engine.orders, [request]);
    assert.equal(findCondition(engine.status('www').conditions, 'Ready')?.status, 'True');
  });

  it('one who is told to wait by the CA waits, whoever asks for a retry', async () => {
    const engine = await withCertificate();
    engine.ca.begin = () => {
      throw refusal({ when: 'not-before', at: after(120) }, false);
    };
    await engine.run();

    delete engine.ca.begin;
    engine.push({
      'www.yaml': acmeCertificate('www', { metadata: annotated('certops.dev/retry-requested-at', after(1)) }),
    });
    engine.at(after(60));
    await engine.run();
    const before = engine.orders.length;
    engine.at(after(121));
    await engine.run();

    assert.deepEqual([before, engine.orders.length], [0, 1]);
  });

  it('a renewal while the certificate in use lasts is asked for again though the CA said never', async () => {
    const engine = await withCertificate();
    await engine.run();
    engine.ca.begin = () => {
      throw refusal({ when: 'never' });
    };
    engine.at(after(minutesOfDays(61)));
    await engine.run();

    delete engine.ca.begin;
    engine.at(after(minutesOfDays(62.1)));
    await engine.run();

    assert.equal(engine.status('www').issued?.revision, 2);
  });
});
