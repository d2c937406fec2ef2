import { SETTINGS_FILE } from '../api/manifest-paths.ts';
import type { OutputPath, OutputPaths } from '../status/paths.ts';

/** A file that certops wrote. */
export interface RecordFile {
  readonly path: string;
  readonly place: OutputPath;
}

/** Every file of the base by what a plan does with it, told once: there are tens of thousands. */
export interface BaseFiles {
  /** Shown where somebody asks for them. */
  readonly records: readonly RecordFile[];
  /** What may declare something, changed or not. */
  readonly manifests: readonly string[];
  readonly others: readonly string[];
}

const RECORDS: ReadonlySet<OutputPath['kind']> = new Set([
  'secret',
  'certificate-status',
  'request',
  'request-key',
  'issuer-status',
  'account-key',
  'recipients',
]);

/** Tells the files of a tree apart, by paths alone. */
export function baseFiles(files: ReadonlyMap<string, string>, paths: OutputPaths): BaseFiles {
  const records: RecordFile[] = [];
  const [manifests, others]: [string[], string[]] = [[], []];
  for (const path of files.keys()) {
    const place = paths.classify(path);
    if (place !== undefined && RECORDS.has(place.kind)) records.push({ path, place });
    else if (place === undefined && isYaml(path) && path !== SETTINGS_FILE) manifests.push(path);
    else others.push(path);
  }
  return { records, manifests, others };
}

/** Whether a file is YAML by its name. */
export function isYaml(path: string): boolean {
  return path.endsWith('.yaml') || path.endsWith('.yml');
}
