import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { readManifests } from '../../../src/daemon/manifest-reader.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { type Log, silentLog } from '../../../src/lib/log.ts';
import type { Ports, Precondition } from '../../../src/reconcile/ports.ts';
import { RecipientsClerk } from '../../../src/reconcile/recipients-clerk.ts';
import { RecipientsKeeper } from '../../../src/reconcile/recipients-keeper.ts';
import { World } from '../../../src/reconcile/world.ts';
import { Sealer } from '../../../src/secrets/sealer.ts';
import {
  type AgeIdentities,
  generateIdentity,
  identitiesFrom,
} from '../../../src/secrets/sops/identities.ts';
import { readSopsMetadata } from '../../../src/secrets/sops/metadata.ts';
import { parseRecipientsStatus } from '../../../src/status/recipients-status.ts';
import { MemoryRepository } from '../../support/memory-repository.ts';

const KEY = 'status/_cluster/issuers/le.key.yaml';
const ISSUER = `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: le}
spec:
  acme:
    server: https://ca.example.com/directory
    privateKeySecretRef: {name: le-account}
    solvers: [{http01: {ingress: {}}}]
`;
const always: Precondition = { what: 'nothing', holds: async () => true };

let identities: AgeIdentities;
let own: string;
let friend: string;

before(async () => {
  const [mine, theirs] = [await generateIdentity(), await generateIdentity()];
  [own, friend] = [mine.recipient, theirs.recipient];
  identities = await identitiesFrom([mine.identity]);
});

const rules = (...recipients: readonly string[]) => `creation_rules: [{age: "${recipients.join(',')}"}]\n`;

/** A daemon's view of a repository with one account key, and the two that look after recipients. */
async function daemonFor(
  repository: MemoryRepository,
  allowedRecipients: readonly string[] = [],
  log: Log = silentLog,
) {
  const sealer = new Sealer({ identities, allowedRecipients });
  const world = new World(repository, readManifests, silentLog);
  // Nothing else of the ports is used by these two.
  const ports = { store: repository, sealer, clock: systemClock(), log } as unknown as Ports;
  const keeper = new RecipientsKeeper(ports, world, always, true);
  const clerk = new RecipientsClerk(ports, world, always);
  return {
    /** One pass over what is at rest. */
    pass: async () => {
      await world.advance(repository.tip.commit);
      sealer.setRules(world.sopsRules);
      await keeper.refresh();
      const change = keeper.update();
      if (change !== undefined) await repository.commit(change);
      return clerk.catchUp(new AbortController().signal);
    },
  };
}

async function withAccountKey(): Promise<MemoryRepository> {
  const repository = new MemoryRepository();
  repository.add({ 'le.yaml': ISSUER, '.sops.yaml': rules(own) });
  const sealer = new Sealer({ identities });
  sealer.setRules(rules(own));
  const document = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'le-account', namespace: 'cert-manager' },
    type: 'Opaque',
    data: { 'tls.key': 'a2V5' },
  };
  const sealed = await sealer.seal('secrets/cert-manager/le-account.yaml', document, new Date(0));
  const status = `apiVersion: status.certops.dev/v1\nkind: ClusterIssuer\nmetadata: {name: le}\nstatus: {}\n`;
  repository.add({ [KEY]: sealed, 'status/_cluster/issuers/le.yaml': status }, 'ours');
  return repository;
}

const sealedTo = (repository: MemoryRepository) =>
  readSopsMetadata(repository.files()[KEY] ?? '', KEY).recipients;
const recorded = (repository: MemoryRepository) =>
  parseRecipientsStatus(repository.files()['status/recipients.yaml'] ?? '', 'here');

test('what the rules name at first is written down as accepted', async () => {
  const repository = await withAccountKey();

  await (await daemonFor(repository)).pass();

  assert.deepEqual(recorded(repository), { accepted: [{ pattern: '', recipients: [own] }], held: [] });
});

test('an added recipient waits from the commit on in which it was seen, is told once, and over restarts', async () => {
  const repository = await withAccountKey();
  const lines: string[] = [];
  const log: Log = { ...silentLog, warn: (_fields: object, message: string) => void lines.push(message) };
  const first = await daemonFor(repository, [], log);
  await first.pass();
  const since = repository.add({ '.sops.yaml': rules(own, friend) });

  await first.pass();
  repository.add({ 'notes.txt': 'later' });
  await first.pass();
  await (await daemonFor(repository)).pass();

  assert.deepEqual(recorded(repository).held, [{ pattern: '', recipient: friend, since }]);
  assert.equal(lines.length, 1);
  assert.deepEqual(sealedTo(repository), [own]);
});

test('a list that was lost begins again beside our newest commit, not with what was added since', async () => {
  const repository = await withAccountKey();
  repository.add({ '.sops.yaml': rules(own, friend) });

  await (await daemonFor(repository)).pass();

  assert.deepEqual(
    recorded(repository).held.map(({ recipient }) => recipient),
    [friend],
  );
});

test('an account key is sealed anew for whom the operator allows; one that somebody lost access to is not ours to mend', async () => {
  const repository = await withAccountKey();
  await (await daemonFor(repository)).pass();
  repository.add({ '.sops.yaml': rules(own, friend) });

  const isAdded = await (await daemonFor(repository, [friend])).pass();
  const added = sealedTo(repository);
  repository.add({ '.sops.yaml': rules(own) });
  const daemon = await daemonFor(repository, [friend]);
  await daemon.pass();
  const isDone = await daemon.pass();

  assert.deepEqual([isAdded, isDone], [true, false]);
  assert.deepEqual(added, [own, friend]);
  // The friend knows it: another key takes its place, and nothing is gained by sealing this one once more.
  assert.deepEqual(sealedTo(repository), [own, friend]);
  assert.equal(
    repository.messages.filter((message) => message.startsWith('Update clusterissuer le\n')).length,
    1,
  );
});
