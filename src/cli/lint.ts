import { chmod, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareFindings, type Finding } from '../api/lint/finding.ts';
import { catalogueOf, lintFiles } from '../api/lint/lint-files.ts';
import { moderniseFile } from '../api/modernise-file.ts';
import type { Console } from './console.ts';
import { counted } from './counted.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { renderGithub, renderSarif, renderText } from './lint-output.ts';
import { lintPolicies } from './lint-policies.ts';
import { lintSopsRules } from './lint-sops.ts';
import { readWorkTree, type WorkTree } from './work-tree.ts';

export interface LintOptions {
  readonly fix?: boolean | undefined;
  readonly output?: 'text' | 'json' | 'sarif' | 'github' | undefined;
}

/** `certops lint`: tells what is wrong with the manifests of a work tree; exit 1 where there is an error. */
export async function lint(
  console: Console,
  path: string,
  { fix = false, output = 'text' }: LintOptions,
): Promise<ExitCode> {
  let tree = await readWorkTree(path);
  if (fix) {
    const edited = await modernise(tree);
    if (edited.files > 0) tree = await readWorkTree(path);
    const [documents, files] = [counted(edited.documents, 'document'), counted(edited.files, 'file')];
    console.err(edited.files === 0 ? 'certops: nothing to edit' : `certops: edited ${documents} in ${files}`);
  }
  const objects = catalogueOf(tree.files);
  const manifests = [
    ...lintFiles(tree.files, tree.settings, objects),
    ...(await lintPolicies(tree, objects)),
  ].sort(compareFindings);
  const all = [...(await lintSopsRules(tree)), ...manifests];
  const findings = all.filter(({ file }) => isWithin(file, tree.scope));
  if (output === 'json') console.out(JSON.stringify(findings, null, 2));
  else if (output === 'sarif') console.out(JSON.stringify(renderSarif(findings), null, 2));
  else if (output === 'github') {
    for (const line of renderGithub(findings)) console.out(line);
  } else console.out(renderText(findings, countOf(tree), console.isTerminal));
  return findings.some(({ severity }) => severity === 'error') ? EXIT.finding : EXIT.ok;
}

function isWithin(file: Finding['file'], scope: string): boolean {
  return scope === '' || file === scope || file.startsWith(`${scope}/`);
}

/** What was looked at, in words: `12 manifests in 9 files`. */
function countOf({ files, scope }: WorkTree): string {
  const inScope = files.filter(({ path }) => isWithin(path, scope));
  const objects = inScope.reduce((sum, { manifests }) => sum + manifests.objects.length, 0);
  return `${counted(objects, 'valid manifest')} in ${counted(inScope.length, 'file')}`;
}

/** Edits the manifests of old API versions within what was asked for. */
async function modernise({ root, files, scope }: WorkTree): Promise<{ files: number; documents: number }> {
  let edited = 0;
  let documents = 0;
  for (const { path, bytes, manifests } of files) {
    if (!isWithin(path, scope)) continue;
    if (!manifests.problems.some(({ rule }) => rule === 'deprecated-api-version')) continue;
    const modern = moderniseFile(bytes);
    if (modern === undefined) continue;
    await replaceFile(join(root, path), modern.bytes);
    edited++;
    documents += modern.documents.length;
  }
  return { files: edited, documents };
}

/** All of the new content or all of the old, whatever happens in between; the mode stays. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const { mode } = await stat(path);
  const beside = `${path}.${process.pid}.new`;
  try {
    await writeFile(beside, bytes, { flag: 'wx' });
    await chmod(beside, mode);
    await rename(beside, path);
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
}
