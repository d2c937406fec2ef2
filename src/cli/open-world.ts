import { readManifests } from '../daemon/manifest-reader.ts';
import { silentLog } from '../lib/log.ts';
import { World } from '../reconcile/world.ts';
import { openReadOnly, type ReadOnlyRepository } from '../store/read-only.ts';

/** A repository as a command reads it: the view that decisions are made from, and the log behind it. */
export interface OpenWorld {
  readonly world: World;
  readonly repository: ReadOnlyRepository;
}

export interface OpenOptions {
  readonly repo?: string | undefined;
  readonly branch?: string | undefined;
}

/** Opens the repository that `--repo` names, or the one around the working folder; closes it afterwards. */
export async function withWorld<T>(options: OpenOptions, use: (opened: OpenWorld) => Promise<T>): Promise<T> {
  const repository = await openReadOnly({ pathOrUrl: options.repo ?? '.', branch: options.branch });
  try {
    const world = new World(repository, readManifests, silentLog);
    await world.advance(repository.tip.commit);
    return await use({ world, repository });
  } finally {
    await repository.close();
  }
}
