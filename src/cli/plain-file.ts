import { lstat, readFile } from 'node:fs/promises';

/** What stands at a path of a work tree that may be a stranger's. */
export type PlainFile =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' }
  /** A link, a device, a pipe, a folder, or larger than `maxBytes`: never followed, never read. */
  | { readonly kind: 'unusable' };

/** The text of an ordinary file. Throws what the system says where it is one and cannot be read. */
export async function readPlainFile(path: string, maxBytes: number): Promise<PlainFile> {
  const facts = await lstat(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return undefined;
    throw thrown;
  });
  if (facts === undefined) return { kind: 'absent' };
  if (!facts.isFile() || facts.size > maxBytes) return { kind: 'unusable' };
  return { kind: 'text', text: await readFile(path, 'utf8') };
}
