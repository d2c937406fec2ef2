import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCondition } from '../../../src/api/condition.ts';
import { IssuanceError } from '../../../src/issuers/issuer.ts';
import { unreachable } from '../../../src/store/errors.ts';
import { acmeCertificate, acmeIssuer, type MemoryEngine, memoryEngine } from '../../support/memory-engine.ts';

const START = new Date('2026-03-01T00:00:00Z');
const HOUR_MS = 3_600_000;
const NAMES = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'];

describe('Certificates that wait for what is broken', () => {
  test('are told of when Git is back that was away when they were to be told of', async () => {
    const world = await broken();
    const { repository } = world;
    const commit = repository.commit.bind(repository);
    let isAway = true;
    repository.commit = async (change) => {
      if (isAway && change.message.startsWith('Hold')) throw unreachable('it is away');
      return commit(change);
    };
    const engine = await world.engine();
    await assert.rejects(engine.runOnce(AbortSignal.timeout(20_000)), { code: 'store.unreachable' });

    isAway = false;
    await engine.runOnce(AbortSignal.timeout(20_000)).finally(() => engine.close());

    assert.deepEqual(reasons(world), told());
    assert.equal(Object.keys(attemptsOf(world)).length, 1);
  });

  test('are told of though somebody writes into one of their statuses meanwhile', async () => {
    const world = await broken();
    const { repository } = world;
    const commit = repository.commit.bind(repository);
    let isFirst = true;
    repository.commit = async (change) => {
      if (isFirst && change.message.startsWith('Hold')) {
        isFirst = false;
        const path = startedStatus(world);
        world.push({ [path]: `${repository.files()[path]}# somebody was here\n` });
      }
      return commit(change);
    };

    await world.run();

    assert.deepEqual(reasons(world), told());
    assert.equal(Object.keys(attemptsOf(world)).length, 1);
  });

  test('do not wait for one whose status nobody can read', async () => {
    const world = await broken();
    world.push({ 'status/web/certificates/a6.yaml': 'no: status\n' });
    const engine = await world.engine(false);

    await engine.runOnce(AbortSignal.timeout(20_000)).finally(() => engine.close());

    const others = reasons(world, NAMES.slice(0, 5));
    assert.deepEqual(others, told().slice(1));
  });

  test('were not asked for when the CA broke before their turn', async () => {
    const world = await memoryEngine(START);
    const names = Array.from({ length: 40 }, (_, n) => `c${n}`);
    let asked = 0;
    world.ca.complete = () => {
      asked += 1;
      if (asked > 3) throw refusedKey();
    };
    world.push({ 'issuer.yaml': DNS_ISSUER, ...certificates(names) });

    await world.run();

    // Those that were under way find it broken, too, and who got through late lets a few more go.
    assert.ok(asked <= names.length / 2, `${asked} were asked for`);
  });
});

describe('what failed', () => {
  test('counts as a failed attempt though its order stands, so that people are told after the third', async () => {
    const world = await broken();

    for (const hours of [0, 1, 2]) {
      world.at(new Date(START.getTime() + hours * HOUR_MS));
      await world.run();
    }

    const [cause] = Object.values(world.state.causes as Record<string, { readonly attempts: number }>);
    assert.equal(cause?.attempts, 3);
  });

  test('is forgotten when a revert leaves nothing to ask for', async () => {
    const world = await memoryEngine(START);
    world.push({ 'issuer.yaml': DNS_ISSUER, 'web/a1.yaml': acmeCertificate('a1') });
    await world.run();
    world.ca.complete = () => {
      throw refusedKey();
    };
    world.push({ 'web/a1.yaml': acmeCertificate('a1', { names: ['a1.example.com', 'b.example.com'] }) });
    await world.run();
    const failed = Object.keys(attemptsOf(world));

    world.push({ 'web/a1.yaml': acmeCertificate('a1') });
    await world.run();

    assert.deepEqual(failed, ['web/a1']);
    assert.deepEqual(Object.keys(attemptsOf(world)), []);
  });

  test('is on record when the daemon is stopped right after it', async () => {
    const world = await broken(['a1']);
    const stop = new AbortController();
    let slowBegan: () => void = () => {};
    const slow = new Promise<void>((resolve) => {
      slowBegan = resolve;
    });
    world.push({ 'other.yaml': OTHER_ISSUER, 'web/z.yaml': OTHER_CERTIFICATE });
    world.ca.complete = async ({ certificate }) => {
      if (certificate.name === 'z') {
        slowBegan();
        await new Promise((_, reject) => {
          stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
        });
      }
      // The other one is under way, so nothing is told yet.
      await slow;
      setImmediate(() => setTimeout(() => stop.abort(), 200));
      throw refusedKey();
    };
    const engine = await world.engine();

    await engine.run(stop.signal).finally(() => engine.close());

    assert.deepEqual(Object.keys(attemptsOf(world)), ['web/a1']);
  });
});

const DNS_ISSUER = acmeIssuer().replace(
  'solvers: [{http01: {ingress: {}}}]',
  'solvers: [{dns01: {rfc2136: {nameserver: "ns.example.com:53"}}}]',
);
const OTHER_ISSUER = acmeIssuer('two').replace('name: ca', 'name: other');
const OTHER_CERTIFICATE = acmeCertificate('z').replace('{name: ca}', '{name: other}');

/** A world whose DNS server refuses the key. */
async function broken(names: readonly string[] = NAMES): Promise<MemoryEngine> {
  const world = await memoryEngine(START);
  world.ca.complete = () => {
    throw refusedKey();
  };
  world.push({ 'issuer.yaml': DNS_ISSUER, ...certificates(names) });
  return world;
}

function certificates(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`web/${name}.yaml`, acmeCertificate(name)]));
}

/** The status of the one that was started. */
function startedStatus({ repository }: MemoryEngine): string {
  const started = Object.entries(repository.files()).find(
    ([path, text]) => path.startsWith('status/web/certificates/') && text.includes('nextPrivateKey'),
  );
  return started?.[0] ?? '';
}

function reasons(world: MemoryEngine, names: readonly string[] = NAMES): readonly (string | undefined)[] {
  return names.map((name) => findCondition(world.status(name).conditions, 'Issuing')?.reason).sort();
}

function told(): readonly string[] {
  return [...NAMES.slice(1).map(() => 'IssuerNotServing'), 'IssuerUnreachable'];
}

function attemptsOf(world: MemoryEngine): object {
  return (world.state.attempts as object | undefined) ?? {};
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
