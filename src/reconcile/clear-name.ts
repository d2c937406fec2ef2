import type { ObjectName } from '../api/names.ts';
import { readPlainYaml } from '../lib/yaml-write.ts';

/** The name in clear of a sealed Secret; undefined where it has none. Throws `yaml.malformed`. */
export function clearName(text: string): ObjectName | undefined {
  // Checked member by member right here.
  const [document] = readPlainYaml(text) as [{ readonly metadata?: Partial<ObjectName> } | null | undefined];
  const { namespace, name } = document?.metadata ?? {};
  return typeof namespace === 'string' && typeof name === 'string' ? { namespace, name } : undefined;
}
