import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { readGitObjects } from './git-objects.ts';
import { compileNeedles, findInClear, type Needle } from './needles.ts';
import { MAY_HOLD_KEYS_MARKER } from './scratch.ts';

/** What to look through, and for what besides keys of any kind. */
export interface CanaryScan {
  /** Files, or folders with everything below: logs, data folders, transcripts. */
  readonly roots: readonly string[];
  /** Repositories (bare or not); those below `roots` are found without being named. */
  readonly gitRepos: readonly string[];
  /** Secrets known to the test: looked for as they are, in base64 and base64url, and in hex. */
  readonly needles?: readonly Needle[];
  /**
   * Where keys are meant to lie in clear: a file, a folder with everything below, or a pattern for
   * absolute paths.
   */
  readonly allowed?: readonly (string | RegExp)[];
}

/** One secret in clear. `where` names the file, or the repository and the object. */
export interface CanaryFinding {
  readonly where: string;
  /** The kind: `private key (PEM)`, `age identity`, `needle 2`, with the encoding it was found in. */
  readonly what: string;
}

export interface CanaryReport {
  readonly findings: readonly CanaryFinding[];
  /** How much was looked at, so that a scan of nothing cannot pass for a clean one. */
  readonly filesScanned: number;
  readonly objectsScanned: number;
}

/**
 * Looks for private keys, age identities and the given secrets in clear: in every file, and in every Git
 * object, unreachable ones too. Folders marked by `Scratch.keyFolder` are passed over.
 */
export async function scanForCleartext(scan: CanaryScan): Promise<CanaryReport> {
  const allowed = (scan.allowed ?? []).map((rule) => (typeof rule === 'string' ? path.resolve(rule) : rule));
  const isAllowed = (entry: string): boolean =>
    allowed.some((rule) => (typeof rule === 'string' ? rule === entry : rule.test(entry)));
  const patterns = compileNeedles(scan.needles ?? []);
  const findings: CanaryFinding[] = [];
  const repos = new Set(scan.gitRepos.map((repo) => gitFolder(path.resolve(repo))));
  let filesScanned = 0;
  let objectsScanned = 0;

  const visit = (entry: string): void => {
    if (isAllowed(entry)) return;
    const stats = statSync(entry, { throwIfNoEntry: false });
    if (stats?.isFile()) {
      filesScanned += 1;
      for (const what of findInClear(readFileSync(entry), patterns)) findings.push({ where: entry, what });
    }
    if (!stats?.isDirectory()) return;
    const names = readdirSync(entry);
    if (names.includes(MAY_HOLD_KEYS_MARKER)) return;
    const isRepo = ['HEAD', 'objects', 'refs'].every((name) => names.includes(name));
    if (isRepo) repos.add(entry);
    // Objects are compressed: they are read through Git below.
    for (const name of names) if (!(isRepo && name === 'objects')) visit(path.join(entry, name));
  };
  for (const root of scan.roots) visit(path.resolve(root));

  for (const repo of repos) {
    for await (const object of readGitObjects(repo)) {
      objectsScanned += 1;
      for (const what of findInClear(object.content, patterns)) {
        findings.push({ where: `${repo} ${object.type} ${object.id}`, what });
      }
    }
  }
  return { findings, filesScanned, objectsScanned };
}

/** One line a finding, for an assertion message. */
export function describeFindings(report: CanaryReport): string {
  return report.findings.map((finding) => `${finding.what} in ${finding.where}`).join('\n');
}

function gitFolder(repo: string): string {
  const dotGit = path.join(repo, '.git');
  return statSync(dotGit, { throwIfNoEntry: false })?.isDirectory() ? dotGit : repo;
}
