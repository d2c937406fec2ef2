import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../fixtures/manifests');

/** What a case says about one member of an object; `json` undefined: it is absent. */
export interface Meaning {
  /** `Kind/name`; undefined: the only or first object. */
  readonly object: string | undefined;
  readonly path: string;
  readonly json: string | undefined;
}

/** A manifest, or several, with the answer that is expected; see the README of the fixtures. */
export interface ManifestCase {
  readonly file: string;
  readonly name: string;
  readonly text: string;
  /** Linted as one work tree. */
  readonly isTogether: boolean;
  /** `severity rule path` */
  readonly findings: readonly string[];
  readonly meanings: readonly Meaning[];
}

/** Every case of the fixtures, in the order of files and lines. Throws for a file that is not written like that. */
export function manifestCases(): readonly ManifestCase[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cases'))
    .toSorted()
    .flatMap((file) => casesOf(file, readFileSync(path.join(folder, file), 'utf8')));
}

function casesOf(file: string, text: string): readonly ManifestCase[] {
  const [head = '', ...parts] = text.split(/^### /m);
  const isTogether = /^@lint$/m.test(head);
  const template = /^@template\n(?<lines>[\s\S]*)$/m.exec(head)?.groups?.lines?.trimEnd() ?? '';
  return parts.map((part) => {
    const [name = '', ...lines] = part.split('\n');
    const body = lines.filter((line) => !line.startsWith('=> ')).join('\n');
    const isWhole = template === '' || /^(?:apiVersion:|\{)/m.test(body);
    const told = lines.filter((line) => line.startsWith('=> ')).map((line) => line.slice(3).trim());
    const findings = told.filter((line) => /^(error|warning) /.test(line));
    return {
      ...{ file, name, isTogether, findings },
      text: isWhole ? body : `${template}\n${body}`,
      meanings: told.filter((line) => !findings.includes(line)).map((line) => meaningOf(line, name)),
    };
  });
}

function meaningOf(line: string, name: string): Meaning {
  const match = /^(?:(?<object>[A-Z]\w+\/[\w.-]+) )?(?<path>[\w.]+) = (?<json>.+)$/.exec(line);
  const { object, path: member, json } = match?.groups ?? {};
  if (member === undefined || json === undefined) throw new Error(`${name}: not understood: ${line}`);
  return { object, path: member, json: json === 'absent' ? undefined : json };
}
