/** What is wrong with a path below the root of a repository in which manifests may lie; undefined for nothing. */
export function relativePathFault(value: string): string | undefined {
  if (value === '') return 'must not be empty';
  if (/[\\\p{C}\p{Zl}\p{Zp}]/u.test(value)) return 'must not contain backslashes or control characters';
  const segments = value.split('/');
  if (segments.includes('')) return 'must be relative to the root of the repository, without empty parts';
  if (segments.some((segment) => segment.startsWith('.')))
    return 'must not contain "." or ".." or hidden folders';
  return undefined;
}
