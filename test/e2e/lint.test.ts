import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type FinishedProcess, runProcess } from '../support/process.ts';
import { makeScratch, type Scratch } from '../support/scratch.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

function certops(cwd: string, ...args: readonly string[]): Promise<FinishedProcess> {
  return runProcess(process.execPath, [PROGRAM, ...args], { cwd, timeoutMs: 60_000 });
}

const ISSUER =
  'apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: ca, namespace: web}\nspec: {selfSigned: {}}\n';

const GOOD = `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: www, namespace: web}
spec: {secretName: www-tls, dnsNames: [www.example.com], issuerRef: {name: ca}}
`;

const BAD = GOOD.replace('www.example.com', 'www_1.example.com')
  .replaceAll('www-tls', 'bad-tls')
  .replace('name: www', 'name: bad');

const OLD = `# kept
apiVersion: cert-manager.io/v1alpha2
kind: Certificate
metadata: {name: old, namespace: web}
spec:
  secretName: old-tls
  keySize: 4096 # bits
  commonName: old
  issuerRef: {name: ca}
`;

/** A work tree with a good, a bad and an old manifest, and with places that are never looked into. */
function workTree(scratch: Scratch): void {
  scratch.write(
    'certops.yaml',
    'apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: r}\nspec: {exclude: ["skip/**"]}\n',
  );
  scratch.write('web/issuer.yaml', ISSUER);
  scratch.write('web/good.yaml', GOOD);
  scratch.write('web/a, b%.yaml', BAD);
  scratch.write('web/old.yml', OLD);
  for (const folder of ['skip', '.hidden', 'secrets/web', 'status/web', 'vendor/sub']) {
    scratch.write(`${folder}/bad.yaml`, BAD);
  }
  scratch.write('vendor/sub/.git', 'gitdir: elsewhere\n');
  scratch.write('elsewhere/helm.yaml', '{{ if .Values.tls }}\nkind: Certificate\n{{ end }}\n');
  symlinkSync('good.yaml', scratch.path('web/link.yaml'));
}

test('lint tells people, one line a finding, and exits 1 for an error', async (context) => {
  const scratch = makeScratch('lint-text', context);
  workTree(scratch);

  const { code, stdout, stderr } = await certops(scratch.dir, 'lint');

  assert.equal(code, 1, stderr);
  const lines = stdout.trimEnd().split('\n');
  assert.match(
    lines[0] ?? '',
    /^web\/a, b%\.yaml:4:40 error spec\.dnsNames\[0\]: Invalid value: .*underscores \(invalid-value\)$/,
  );
  assert.match(
    lines[2] ?? '',
    /^web\/old\.yml:2:13 warning apiVersion: .*deprecated.* \(deprecated-api-version\)$/,
  );
  assert.equal(lines.at(-1), '1 error, 1 warning; 4 valid manifests in 5 files');
  assert.equal(lines.length, 5);
  assert.ok(!stdout.includes('\u001b'));
});

test('lint of one folder reads the others and tells only of it', async (context) => {
  const scratch = makeScratch('lint-scope', context);
  workTree(scratch);
  scratch.write('other/ok.yaml', GOOD.replace('name: www', 'name: ok').replace('www-tls', 'ok-tls'));

  const { code, stdout } = await certops(scratch.dir, 'lint', 'other', '-o', 'json');

  assert.equal(code, 0);
  assert.equal(stdout, '[]\n');
});

test('lint answers programs with JSON that has every member', async (context) => {
  const scratch = makeScratch('lint-json', context);
  workTree(scratch);

  const { code, stdout } = await certops('/', 'lint', scratch.dir, '-o', 'json');

  assert.equal(code, 1);
  // The contract's array; the assertions below look at every member of the first.
  const [first, second, ...others] = JSON.parse(stdout) as Record<string, unknown>[];
  assert.deepEqual(
    { ...first, message: undefined },
    {
      severity: 'error',
      file: 'web/a, b%.yaml',
      line: 4,
      column: 40,
      kind: 'Certificate',
      namespace: 'web',
      name: 'bad',
      path: 'spec.dnsNames[0]',
      rule: 'invalid-value',
      message: undefined,
    },
  );
  assert.equal(second?.rule, 'deprecated-api-version');
  assert.equal(others.length, 0);
});

test('lint escapes what could break a workflow command', async (context) => {
  const scratch = makeScratch('lint-github', context);
  workTree(scratch);

  const { stdout } = await certops(scratch.dir, 'lint', '-o', 'github');

  const [first = '', second = ''] = stdout.split('\n');
  assert.ok(
    first.startsWith(
      '::error file=web/a%2C b%25.yaml,line=4,col=40,title=certops invalid-value::spec.dnsNames[0]: ',
    ),
  );
  assert.ok(
    second.startsWith('::warning file=web/old.yml,line=2,col=13,title=certops deprecated-api-version::'),
  );
});

interface Sarif {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: {
      readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] };
    };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly {
        readonly physicalLocation: {
          readonly artifactLocation: { readonly uri: string };
          readonly region: { readonly startLine: number; readonly startColumn: number };
        };
      }[];
    }[];
  }[];
}

test('lint writes SARIF in which every result names its rule and place', async (context) => {
  const scratch = makeScratch('lint-sarif', context);
  workTree(scratch);

  const { stdout } = await certops(scratch.dir, 'lint', '-o', 'sarif');

  // What OASIS says of a log, as far as these tests look at it.
  const sarif = JSON.parse(stdout) as Sarif;
  assert.equal(sarif.version, '2.1.0');
  const [run] = sarif.runs;
  assert.equal(run?.tool.driver.name, 'certops');
  assert.equal(run?.results.length, 2);
  for (const result of run?.results ?? []) {
    assert.equal(run?.tool.driver.rules[result.ruleIndex]?.id, result.ruleId);
    assert.ok(['error', 'warning'].includes(result.level));
    assert.ok(result.message.text.length > 0);
    assert.ok((result.locations[0]?.physicalLocation.region.startLine ?? 0) > 0);
  }
  const uris = run?.results.map(({ locations }) => locations[0]?.physicalLocation.artifactLocation.uri);
  assert.deepEqual(uris, ['web/a%2C%20b%25.yaml', 'web/old.yml']);
});

test('lint --fix edits old manifests in place, keeps their mode and comments, and nothing else', async (context) => {
  const scratch = makeScratch('lint-fix', context);
  workTree(scratch);
  const before = readdirSync(scratch.path('web')).toSorted();

  const { code, stdout, stderr } = await certops(scratch.dir, 'lint', '--fix', '-o', 'json');

  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).length, 1);
  assert.match(stderr, /edited 1 document in 1 file/);
  assert.equal(
    readFileSync(scratch.path('web/old.yml'), 'utf8'),
    OLD.replace('v1alpha2', 'v1').replace('  keySize: 4096 # bits', '  privateKey:\n    size: 4096 # bits'),
  );
  assert.equal(readFileSync(scratch.path('web/a, b%.yaml'), 'utf8'), BAD);
  assert.deepEqual(readdirSync(scratch.path('web')).toSorted(), before);
});

test('lint reads many files in threads and finds the one that is wrong', async (context) => {
  const scratch = makeScratch('lint-many', context);
  scratch.write('issuer.yaml', ISSUER);
  for (let i = 0; i < 500; i++) {
    const text = GOOD.replace('name: www', `name: c${i}`).replace('www-tls', `c${i}-tls`);
    scratch.write(`many/c${i}.yaml`, i === 321 ? text.replace('dnsNames', 'dnsName') : text);
  }

  const { code, stdout } = await certops(scratch.dir, 'lint', '-o', 'json');

  assert.equal(code, 1);
  // As above.
  const findings = JSON.parse(stdout) as { readonly file: string; readonly path: string }[];
  assert.deepEqual(
    findings.map(({ file, path }) => [file, path]),
    [['many/c321.yaml', 'spec.dnsName']],
  );
});

const IMPOSSIBLE: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['a folder that is not there', ['lint', 'nowhere']],
  ['a form that it does not know', ['lint', '-o', 'xml']],
  ['a kind without a schema', ['schema', 'Secret']],
];

for (const [name, args] of IMPOSSIBLE) {
  test(`exits 2 for ${name}`, async (context) => {
    const scratch = makeScratch('lint-impossible', context);

    const { code, stdout, stderr } = await certops(scratch.dir, ...args);

    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.ok(stderr.length > 0);
  });
}

for (const kind of ['Certificate', 'Issuer', 'ClusterIssuer', 'Repository']) {
  test(`schema prints the JSON Schema of a ${kind}`, async (context) => {
    const scratch = makeScratch('lint-schema', context);

    const { code, stdout } = await certops(scratch.dir, 'schema', kind.toLowerCase());

    assert.equal(code, 0);
    // JSON Schema, of which these members are looked at.
    const schema = JSON.parse(stdout) as {
      readonly type: string;
      readonly additionalProperties: boolean;
      readonly properties: {
        readonly kind: unknown;
        readonly spec: { readonly additionalProperties: boolean };
      };
    };
    assert.equal(schema.type, 'object');
    assert.deepEqual(schema.properties.kind, { const: kind });
    assert.equal(schema.properties.spec.additionalProperties, false);
  });
}
