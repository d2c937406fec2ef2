import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDirections, type Import } from './check-directions.ts';

function own(resolved: string): Import {
  return { specifier: resolved, resolved, kind: 'own' };
}

const cases: readonly {
  readonly name: string;
  readonly file: string;
  readonly imports?: readonly Import[];
  readonly source?: string;
  readonly complaint: RegExp | null;
}[] = [
  {
    name: 'lib imports a room',
    file: 'src/lib/a.ts',
    imports: [own('src/api/b.ts')],
    complaint: /lib must not know api/,
  },
  {
    name: 'an adapter imports another',
    file: 'src/store/a.ts',
    imports: [own('src/secrets/b.ts')],
    complaint: /store must not know secrets/,
  },
  { name: 'issuers import acme', file: 'src/issuers/a.ts', imports: [own('src/acme/b.ts')], complaint: null },
  {
    name: 'acme imports issuers',
    file: 'src/acme/a.ts',
    imports: [own('src/issuers/b.ts')],
    complaint: /acme must not know issuers/,
  },
  {
    name: 'api imports pki',
    file: 'src/api/a.ts',
    imports: [own('src/pki/b.ts')],
    complaint: /api must not know pki/,
  },
  {
    name: 'reconcile imports the log',
    file: 'src/reconcile/a.ts',
    imports: [own('src/observability/b.ts')],
    complaint: /must not know observability/,
  },
  {
    name: 'cli imports daemon',
    file: 'src/cli/deep/a.ts',
    imports: [own('src/daemon/b.ts')],
    complaint: null,
  },
  {
    name: 'daemon imports main',
    file: 'src/daemon/a.ts',
    imports: [own('src/main.ts')],
    complaint: /must not know main/,
  },
  { name: 'a file stands in a new room', file: 'src/utils/a.ts', complaint: /in no room/ },
  {
    name: 'a package is imported outside of its room',
    file: 'src/api/a.ts',
    imports: [{ specifier: 'zod', resolved: 'node_modules/zod/index.js', kind: 'package' }],
    complaint: /zod, which belongs to lib/,
  },
  {
    name: 'a scoped package is imported by a path',
    file: 'src/pki/a.ts',
    imports: [{ specifier: '@peculiar/x509/deep', resolved: '', kind: 'package' }],
    complaint: null,
  },
  {
    name: 'an unknown package is imported',
    file: 'src/api/a.ts',
    imports: [{ specifier: 'left-pad', resolved: '', kind: 'package' }],
    complaint: /no room yet/,
  },
  {
    name: 'a pure room reads files',
    file: 'src/plan/a.ts',
    imports: [{ specifier: 'fs/promises', resolved: '', kind: 'core' }],
    complaint: /node:fs\/promises, but plan is pure/,
  },
  {
    name: 'a pure room opens a socket',
    file: 'src/pki/a.ts',
    imports: [{ specifier: 'net', resolved: '', kind: 'core' }],
    source: "import { connect, isIP } from 'node:net';",
    complaint: /node:net, but pki is pure/,
  },
  {
    name: 'a pure room tells addresses from names',
    file: 'src/pki/a.ts',
    imports: [{ specifier: 'net', resolved: '', kind: 'core' }],
    source: "import { isIP } from 'node:net';",
    complaint: null,
  },
  {
    name: 'a pure room hashes',
    file: 'src/pki/a.ts',
    imports: [{ specifier: 'crypto', resolved: '', kind: 'core' }],
    complaint: null,
  },
  {
    name: 'the worker of api is a worker',
    file: 'src/api/manifest-worker.ts',
    imports: [{ specifier: 'worker_threads', resolved: '', kind: 'core' }],
    complaint: null,
  },
  {
    name: 'a pure room asks for the time',
    file: 'src/plan/a.ts',
    source: 'const now = new Date();',
    complaint: /new Date\(\), but plan is pure/,
  },
  {
    name: 'a comment of a pure room speaks of the time',
    file: 'src/plan/a.ts',
    source: '/** not Date.now() */\n// Date.now()',
    complaint: null,
  },
  {
    name: 'an import leads nowhere',
    file: 'src/cli/a.ts',
    imports: [{ specifier: './b.ts', resolved: './b.ts', kind: 'unresolved' }],
    complaint: /which is not there/,
  },
];

for (const { name, file, imports = [], source = '', complaint } of cases) {
  test(`the direction of imports ${complaint === null ? 'allows' : 'refuses'}: ${name}`, () => {
    const complaints = checkDirections([{ file, imports, source }]);

    if (complaint === null) assert.deepEqual(complaints, []);
    else assert.match(complaints.join('\n'), complaint);
  });
}

test('a package that may live in either of two rooms may not live in both', () => {
  const limit: Import = { specifier: 'p-limit', resolved: '', kind: 'package' };

  const complaints = checkDirections([
    { file: 'src/lib/a.ts', imports: [limit], source: '' },
    { file: 'src/reconcile/a.ts', imports: [limit], source: '' },
  ]);

  assert.match(complaints.join('\n'), /p-limit is imported in lib and reconcile/);
});
