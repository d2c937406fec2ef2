import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCondition } from '../../../src/api/condition.ts';
import { IssuanceError } from '../../../src/issuers/issuer.ts';
import { acmeCertificate, acmeIssuer, memoryEngine } from '../../support/memory-engine.ts';

const COUNT = 60;
const START = new Date('2026-03-01T00:00:00Z');
const HOUR_MS = 3_600_000;

describe('many Certificates that fail for one cause', () => {
  test('ask the CA once, are told of in one commit, and go on when the first one succeeds', async () => {
    const world = await memoryEngine(START);
    world.ca.complete = () => {
      throw refusedKey();
    };
    world.push({ 'issuer.yaml': DNS_ISSUER, ...certificates() });

    const broken = await world.run();
    const told = world.repository.messages.map(subject);
    world.ca.complete = () => {};
    world.at(new Date(START.getTime() + HOUR_MS));
    const healed = await world.run();

    assert.equal(broken.ready, 0);
    assert.deepEqual(
      told
        .filter((line) => /Certificates|web\/c\d/.test(line))
        .map((line) => line.replace(/Start web.*/, 'Start one of them')),
      ['Start one of them', `Hold ${COUNT} Certificates: the DNS server refuses the TSIG key`],
    );
    assert.equal(healed.ready, COUNT);
    assert.equal(world.orders.length, COUNT);
    const resumed = world.repository.messages.map(subject).filter((line) => line.startsWith('Resume'));
    assert.deepEqual(resumed, ['Resume Issuer web/ca: it serves again']);
  });

  test('say in their status what they wait for, and their issuer says so, too', async () => {
    const world = await memoryEngine(START);
    world.ca.complete = () => {
      throw refusedKey();
    };
    world.push({ 'issuer.yaml': DNS_ISSUER, ...certificates() });

    await world.run();

    const waiting = findCondition(world.status('c42').conditions, 'Issuing');
    assert.equal(waiting?.reason, 'IssuerNotServing');
    assert.match(waiting?.message ?? '', /this one follows when that one succeeds/);
    assert.match(
      world.repository.files()['status/web/issuers/ca.yaml']?.toString() ?? '',
      /reason: SolverBroken/,
    );
  });

  test('stay held over restarts, and one of them is tried', async () => {
    const world = await memoryEngine(START);
    world.ca.complete = () => {
      throw refusedKey();
    };
    world.push({ 'issuer.yaml': DNS_ISSUER, ...certificates() });
    await world.run();
    const commits = world.repository.messages.length;

    for (const hours of [1, 2, 3]) {
      world.at(new Date(START.getTime() + hours * HOUR_MS));
      await world.run();
    }

    assert.equal(world.repository.messages.length, commits);
    assert.equal(world.orders.length, 1);
  });

  test('whose issuer is not there are told of in one commit', async () => {
    const world = await memoryEngine(START);
    world.push(certificates());

    await world.run();

    const told = world.repository.messages.map(subject).filter((line) => line.includes('Certificates'));
    assert.deepEqual(told, [`Hold ${COUNT} Certificates: Issuer web/ca not found`]);
  });

  test('are as many causes as there are issuers', async () => {
    const world = await memoryEngine(START);
    world.ca.complete = () => {
      throw refusedKey();
    };
    const other = DNS_ISSUER.replace('name: ca', 'name: other').replace('one.example.com', 'two.example.com');
    const others = Object.fromEntries(
      Object.entries(certificates('d')).map(([path, text]) => [
        path,
        text.replace('{name: ca}', '{name: other}'),
      ]),
    );
    world.push({ 'issuer.yaml': DNS_ISSUER, 'other.yaml': other, ...certificates(), ...others });

    await world.run();

    const held = world.repository.messages.map(subject).filter((line) => line.startsWith('Hold'));
    assert.equal(held.length, 2);
    assert.equal(world.orders.length, 2);
  });
});

const DNS_ISSUER = acmeIssuer().replace(
  'solvers: [{http01: {ingress: {}}}]',
  'solvers: [{dns01: {rfc2136: {nameserver: "ns.example.com:53"}}}]',
);

function certificates(prefix = 'c'): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: COUNT }, (_, n) => `${prefix}${String(n).padStart(2, '0')}`).map((name) => [
      `web/${name}.yaml`,
      acmeCertificate(name),
    ]),
  );
}

function refusedKey(): IssuanceError {
  return new IssuanceError(
    'solvers.tsig-unknown-key',
    { what: 'The DNS server does not know the TSIG key' },
    {
      failsRequest: false,
      retry: { when: 'backoff' },
      facts: {
        step: 'order',
        identifiers: [],
        observations: [],
        solver: { type: 'dns-01', provider: 'rfc2136', server: 'ns.example.com:53', zone: 'example.com' },
      },
    },
  );
}

function subject(message: string): string {
  return message.split('\n')[0] ?? '';
}
