import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifests } from '../../../src/daemon/manifest-reader.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Vouching } from '../../../src/reconcile/vouching.ts';
import { Sealer } from '../../../src/secrets/sealer.ts';
import { identitiesFrom } from '../../../src/secrets/sops/identities.ts';
import { OutputPaths } from '../../../src/status/paths.ts';
import { MemoryRepository } from '../../support/memory-repository.ts';

const paths = new OutputPaths({ secrets: 'secrets', status: 'status' });
const STATUS = 'status/web/certificates/www.yaml';
const SECRET = 'secrets/web/www.yaml';
const OURS = 'annotations: {cert-manager.io/certificate-name: www}\n';

const sealer = new Sealer({ identities: await identitiesFrom([]) });

/** As the settings of a commit say it: a file with the folder of the statuses stands for them. */
async function pathsAt(store: MemoryRepository, commit: string): Promise<OutputPaths> {
  const status = store.files(commit)['folder.txt'];
  return status === undefined ? paths : new OutputPaths({ secrets: 'secrets', status });
}

function vouchingFor(store: MemoryRepository, isSigning = true): Vouching {
  const ports = { store, sealer, readManifests, clock: systemClock(), log: silentLog };
  return new Vouching(ports, isSigning, (commit) => pathsAt(store, commit));
}

/** A repository in which we wrote a status and a Secret, and a person put a credential beside it. */
function written() {
  const repository = new MemoryRepository();
  repository.add({ 'README.md': '1', 'secrets/web/token.yaml': 'token: 1\n' });
  repository.add({ [STATUS]: 'status: 1\n', [SECRET]: OURS }, 'ours');
  return { repository, vouching: vouchingFor(repository) };
}

const CHANGES: readonly {
  readonly name: string;
  readonly files: Readonly<Record<string, string | null>>;
  readonly drift: readonly string[];
}[] = [
  { name: 'a manifest', files: { 'web.yaml': 'x' }, drift: [] },
  { name: 'a status edited', files: { [STATUS]: 'status: 2\n' }, drift: [STATUS] },
  { name: 'a status deleted', files: { [STATUS]: null }, drift: [STATUS] },
  {
    name: 'a status forged',
    files: { 'status/web/certificates/x.yaml': 'x' },
    drift: ['status/web/certificates/x.yaml'],
  },
  { name: 'a Secret of ours edited', files: { [SECRET]: 'other' }, drift: [SECRET] },
  { name: 'a Secret of ours deleted', files: { [SECRET]: null }, drift: [] },
  { name: 'a credential added', files: { 'secrets/web/new.yaml': 'x' }, drift: [] },
  { name: 'a credential edited', files: { 'secrets/web/token.yaml': 'token: 2\n' }, drift: [] },
  { name: 'a page beside the statuses', files: { 'status/notes.md': 'x' }, drift: [] },
];

for (const { name, files, drift } of CHANGES) {
  test(`${name} by somebody else is ${drift.length === 0 ? 'theirs to do' : 'drift'}`, async () => {
    const { repository, vouching } = written();
    const tip = repository.add(files);

    const found = await vouching.examine(tip);

    assert.deepEqual(
      found.map(({ path }) => path),
      drift,
    );
  });
}

test('what drifted is put back, and is no drift any more', async () => {
  const { repository, vouching } = written();
  const tip = repository.add({ [STATUS]: null, [SECRET]: 'other', 'status/web/certificates/x.yaml': 'x' });
  const before = await vouching.examine(tip);

  await repository.commit(await vouching.answer(before, tip, '[skip ci]'));
  const after = await vouching.examine(repository.tip.commit);

  const { [STATUS]: status, [SECRET]: secret, 'status/web/certificates/x.yaml': forged } = repository.files();
  assert.deepEqual([status, secret, forged], ['status: 1\n', OURS, undefined]);
  assert.deepEqual(after, []);
  assert.match(
    repository.messages[0] ?? '',
    /^Restore secrets\/web\/www\.yaml and 2 more\n[\s\S]*\[skip ci\][\s\S]*Certops-Reason: Drift\n$/,
  );
});

test('outputs that nobody vouches for are not believed, unless the operator does', async () => {
  const repository = new MemoryRepository();
  const tip = repository.add({ [STATUS]: 'status: 1\n' });
  const trusting = vouchingFor(repository);
  trusting.trust(tip);

  await assert.rejects(vouchingFor(repository).examine(tip), {
    code: 'reconcile.unvouched-outputs',
    message: /holds 1 output file/,
  });
  assert.deepEqual(await trusting.examine(tip), []);
  assert.deepEqual(await vouchingFor(repository, false).examine(tip), []);
});

test('what lay where outputs are to lie from now on is not believed for having lain there long', async () => {
  const repository = new MemoryRepository();
  const forged = 'evil/web/certificates/www.yaml';
  repository.add({ [forged]: 'status: forged' });
  repository.add({ [STATUS]: 'status: 1' }, 'ours');
  const running = vouchingFor(repository);
  await running.examine(repository.tip.commit);
  const tip = repository.add({ 'folder.txt': 'evil' });

  const found = [await running.examine(tip), await vouchingFor(repository).examine(tip)];

  assert.deepEqual(
    found.map((changes) => changes.map(({ path, before, kind }) => [path, before, kind])),
    [[[forged, null, 'drift']], [[forged, null, 'drift']]],
  );
});
