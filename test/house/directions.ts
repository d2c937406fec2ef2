import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ICruiseResult, IDependency, IModule } from 'dependency-cruiser';
import { checkDirections, type Import, type SourceModule } from './check-directions.ts';

/** `npm run check`: holds the direction of imports. Prints what it looked at; exit code 1 with complaints. */
process.chdir(path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..'));

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);
const modules = cruiseSource().map(toSourceModule);
const importCount = modules.reduce((sum, module) => sum + module.imports.length, 0);

const complaints = [...checkDirections(modules)];
// Without its parser dependency-cruiser finds nothing and is content.
if (modules.length !== files.length || importCount === 0) {
  complaints.push(`${modules.length} modules were looked at, but src has ${files.length}`);
}
for (const complaint of complaints) console.error(complaint);
console.log(`${modules.length} modules, ${importCount} imports checked`);
process.exitCode = complaints.length === 0 ? 0 : 1;

/** In a process of its own: its parser does not load under tsx. */
function cruiseSource(): readonly IModule[] {
  const program = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs';
  const args = [program, '--config', 'test/house/dependency-cruiser.json', '--output-type', 'json', 'src'];
  const json = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    timeout: 120_000,
    env: { PATH: process.env.PATH },
  });
  // The shape that its own types promise for this output type.
  const result = JSON.parse(json) as ICruiseResult;
  return result.modules.filter((module) => module.source.startsWith('src/'));
}

function toSourceModule(module: IModule): SourceModule {
  return {
    file: module.source,
    imports: module.dependencies.map(toImport),
    source: readFileSync(module.source, 'utf8'),
  };
}

function toImport(dependency: IDependency): Import {
  const { module: specifier, resolved } = dependency;
  if (dependency.coreModule) return { specifier, resolved, kind: 'core' };
  if (resolved.startsWith('src/')) return { specifier, resolved, kind: 'own' };
  if (specifier.startsWith('.')) return { specifier, resolved, kind: 'unresolved' };
  return { specifier, resolved, kind: dependency.couldNotResolve ? 'unresolved' : 'package' };
}
