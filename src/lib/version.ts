import { readFileSync } from 'node:fs';

/** The version of certops, from its package.json; the file lies two folders above this one in src and in dist. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  // Our own file: it always has a version.
  return (JSON.parse(text) as { readonly version: string }).version;
}
