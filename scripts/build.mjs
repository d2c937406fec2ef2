import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';
import { root } from './support/installation.mjs';

// The threads that the program starts by their file names. Each is one file with all that it needs: the code is there
// twice, but a thread starts sooner, and the program itself falls into fewer pieces.
const THREADS = [
  'api/manifest-worker.ts',
  'cli/file-reading-worker.ts',
  'daemon/plan-worker.ts',
  'policy/rules-worker.ts',
];

// Packages of the CommonJS kind ask for `require`, which a module has to make for itself.
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/**
 * In a chunk of its own a CommonJS package has a default export and nothing else, where Node.js gives the names besides:
 * `const { Client } = await import(…)` would find none. They are written out here.
 */
const namedExports = {
  name: 'named exports of CommonJS packages that are loaded when needed',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ kind, path: specifier, importer, resolveDir }) => {
      if (kind !== 'dynamic-import' || specifier.startsWith('node:')) return undefined;
      const {
        path: file,
        external,
        errors,
      } = await resolve(specifier, {
        ...{ kind: 'import-statement', importer, resolveDir },
      });
      if (errors.length > 0 || external || !isCommonJs(file)) return undefined;
      return { path: file, namespace: 'named-exports' };
    });
    onLoad({ filter: /.*/, namespace: 'named-exports' }, ({ path: file }) => {
      const require = createRequire(file);
      // One package refuses to be loaded without it.
      createRequire(import.meta.url)('reflect-metadata');
      const names = Object.keys(require(file)).filter(
        (name) => name !== 'default' && /^[A-Za-z_$][\w$]*$/.test(name),
      );
      const contents = [
        `const all = require(${JSON.stringify(file)});`,
        'export default all;',
        ...(names.length === 0 ? [] : [`export const { ${names.join(', ')} } = all;`]),
      ].join('\n');
      return { contents, resolveDir: path.dirname(file) };
    });
  },
};

/** Whether Node.js takes a file for CommonJS: by its ending, else by the nearest package.json. */
function isCommonJs(file) {
  if (/\.[cm]js$/.test(file)) return file.endsWith('.cjs');
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).type !== 'module';
    if (folder === path.dirname(folder)) return true;
  }
}

const dist = path.join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
// All files lie side by side in one folder two below the package's root, as the sources do: what looks for
// `../../package.json` or `./…-worker.js` beside itself finds it wherever its code has gone.
const common = {
  outdir: path.join(dist, 'program'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  banner: { js: REQUIRE },
  plugins: [namedExports],
  legalComments: 'linked',
  logLevel: 'warning',
};
await build({ ...common, entryPoints: [entryPoint('main.ts')], splitting: true });
await build({ ...common, entryPoints: THREADS.map(entryPoint) });
const entry = path.join(dist, 'main.js');
writeFileSync(entry, "#!/usr/bin/env node\nimport './program/main.js';\n");
chmodSync(entry, 0o755);

function entryPoint(file) {
  return { in: path.join(root, 'src', file), out: path.basename(file, '.ts') };
}
