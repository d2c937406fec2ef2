import { memberOf } from '../api/manifest-identity.ts';
import { formatObjectName, type ObjectName } from '../api/names.ts';
import { relativePathFault } from '../api/relative-path.ts';
import { readYaml } from '../lib/yaml-read.ts';
import { splitYaml } from '../lib/yaml-split.ts';
import { objectIn } from './manifest-edit.ts';
import type { Remedy, RemedyInput } from './remedy.ts';
import { remedyOf, shortList } from './wording.ts';

/** Puts sealed Secrets that were taken away back where they lay, with the content that they had. */
export function putBackSecrets({ lostSecrets }: RemedyInput): Remedy | undefined {
  const found = lostSecrets.filter(({ name, path, text }) => isWhole(name, path, text));
  const names = found.map(({ name }) => formatObjectName(name));
  const paths = new Set(found.map(({ path }) => path));
  if (found.length === 0 || found.length < lostSecrets.length || paths.size < found.length) return undefined;
  const [what, is] = found.length === 1 ? ['the Secret', 'is'] : ['the Secrets', 'are'];
  return remedyOf(
    'put-back-secret',
    found,
    `put back ${what} ${shortList(names)}`,
    `Merging puts ${what} ${shortList(names)} back as ${found.length === 1 ? 'it was' : 'they were'} before the removal, ` +
      `still encrypted, and what needs ${found.length === 1 ? 'it' : 'them'} is tried again at once. This pull request ` +
      `closes when the credential ${is} found.`,
  );
}

/** A file that held this one Secret and nothing else, sealed: what stood in clear is burnt, and was taken away for good. */
function isWhole(name: ObjectName, path: string, text: string): boolean {
  return (
    relativePathFault(path) === undefined &&
    /\.ya?ml$/.test(path) &&
    splitYaml(text).length === 1 &&
    objectIn(text, { kind: 'Secret', name }) !== undefined &&
    isSealed(text)
  );
}

function isSealed(text: string): boolean {
  const [document] = readYaml(Buffer.from(text, 'utf8')).documents;
  const values = ['data', 'stringData'].flatMap((part) =>
    Object.values(memberOf(document?.value, part) ?? {}),
  );
  return values.every((value) => typeof value === 'string' && /^ENC\[.*\]$/.test(value));
}
