import { chmod, mkdir, rm, watch, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface HeldPush {
  /** Resolves when a push is at the remote and held. */
  readonly arrived: Promise<void>;
  /** Lets it through, and every later one. Idempotent. */
  release(): Promise<void>;
}

const ARRIVED = 'push-arrived';
const RELEASED = 'push-released';
const LONGEST_HOLD_SECONDS = 60;

/** Makes a bare repository hold the first push that brings a commit whose subject matches (a basic regex for grep). */
export async function holdPush(repository: string, subject: string): Promise<HeldPush> {
  const folder = join(repository, 'held');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const hook = join(repository, 'hooks', 'pre-receive');
  await mkdir(join(repository, 'hooks'), { recursive: true });
  await writeFile(
    hook,
    `#!/bin/sh
while read -r _ new _; do
  git log --format=%s "$new" --not --all | grep -q '${subject}' || continue
  touch '${folder}/${ARRIVED}'
  for _ in $(seq ${LONGEST_HOLD_SECONDS * 20}); do
    test -e '${folder}/${RELEASED}' && exit 0
    sleep 0.05
  done
done
exit 0
`,
  );
  await chmod(hook, 0o755);
  const arrived = waitFor(folder, ARRIVED);
  // A test that failed before it waits has its own reason to tell.
  arrived.catch(() => {});
  return { arrived, release: () => writeFile(join(folder, RELEASED), '') };
}

async function waitFor(folder: string, file: string): Promise<void> {
  const signal = AbortSignal.timeout(LONGEST_HOLD_SECONDS * 1000);
  for await (const { filename } of watch(folder, { signal })) if (filename === file) return;
}
