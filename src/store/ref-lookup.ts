import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObjectId } from './tree.ts';

/** A name that means a ref and nothing else: no `~2`, `@{1}`, `:path`, no option. */
const PLAIN_NAME = /^\w[\w-]*(?:[./][\w-]+)*$/;
const NO_OBJECT = '0'.repeat(40);

/**
 * The object that `name` means, as far as that can be told from the files of refs alone; null where Git has to be asked:
 * anything but an object id, `HEAD`, and the name of a branch here or at a remote that no other ref shares
 * (gitrevisions, the six places of a refname). Whether the object is there is not looked at.
 */
export async function lookUpRef(gitDir: string, name: string): Promise<string | null> {
  if (isObjectId(name)) return name;
  if (name === 'HEAD') {
    const head = await looseRef(gitDir, 'HEAD');
    if (typeof head !== 'string') return null;
    const target = /^ref: (refs\/heads\/.+)$/.exec(head)?.[1];
    return target === undefined ? idOf(head) : refAt(gitDir, target);
  }
  if (!PLAIN_NAME.test(name) || name.endsWith('.lock')) return null;
  const places = [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`, `refs/remotes/${name}`];
  const [packed, ...loose] = await Promise.all([
    looseRef(gitDir, 'packed-refs'),
    ...places.map((place) => looseRef(gitDir, place)),
  ]);
  if (packed === undefined) return null;
  const found = places.map((place, index) => loose[index] ?? packedRef(packed, place));
  const [first, ...others] = found.flatMap((text, index) => (text === null ? [] : [{ text, index }]));
  const isBranch = first !== undefined && first.index >= 3 && !loose.includes(undefined);
  return isBranch && others.length === 0 ? idOf(first.text) : null;
}

async function refAt(gitDir: string, ref: string): Promise<string | null> {
  const loose = await looseRef(gitDir, ref);
  if (loose !== null) return idOf(loose);
  const packed = await looseRef(gitDir, 'packed-refs');
  return typeof packed === 'string' ? idOf(packedRef(packed, ref)) : null;
}

/** Another ref's name, and what is damaged, is no id. */
function idOf(text: string | null | undefined): string | null {
  return text != null && isObjectId(text) && text !== NO_OBJECT ? text : null;
}

/** What the file of a ref holds; null where there is none, undefined where it cannot be read. */
async function looseRef(gitDir: string, ref: string): Promise<string | null | undefined> {
  try {
    return (await readFile(join(gitDir, ref), 'utf8')).trim();
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' ? null : undefined;
  }
}

/** The id that `packed-refs` has of a ref, in lines of an id and a name. */
function packedRef(packed: string | null, ref: string): string | null {
  const lines = `${packed ?? ''}\n`;
  const at = lines.indexOf(` ${ref}\n`);
  return at < 0 ? null : lines.slice(Math.max(0, at - 40), at);
}
