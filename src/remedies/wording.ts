import type { Remedy, RemedyKind, SourceFile } from './remedy.ts';

/** A remedy of files that are as they should become. */
export function remedyOf(
  kind: RemedyKind,
  files: readonly SourceFile[],
  title: string,
  promise: string,
): Remedy {
  return { kind, files: new Map(files.map(({ path, text }) => [path, text])), title, promise };
}

/** `a.example.com`, and for several `a.example.com and 2 more`: what fits in a title. */
export function shortList(names: readonly string[]): string {
  const [first = '', ...others] = names;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** Names in a sentence; at most 5 of them by name. */
export function longList(names: readonly string[]): string {
  const shown = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  const last = shown.at(-1) ?? '';
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(', ')} and ${last}`;
}
