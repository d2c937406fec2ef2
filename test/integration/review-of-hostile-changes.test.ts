import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { startGithubSimulator } from '../support/forges/github-simulator.ts';
import { certificate, POLICY, ReviewScene } from './review-scene.ts';

/** What strangers push, all at the same time; and what becomes of each. */
interface Hostile {
  readonly title: string;
  /** Files that a commit upon main has. */
  readonly files?: Readonly<Record<string, string>>;
  /** Or a head of its own making. */
  readonly make?: (scene: ReviewScene, branch: string) => Promise<void>;
  readonly verdict: RegExp;
}

const canary = createServer();
let canaryCalls = 0;
canary.on('connection', (socket) => {
  canaryCalls += 1;
  socket.destroy();
});
canary.listen(0, '127.0.0.1');
await once(canary, 'listening');
const address = canary.address();
const canaryUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/directory`;

const CASES: readonly Hostile[] = [
  {
    title: 'aliases that explode',
    files: { 'web/bomb.yaml': aliasBomb() },
    verdict: /^failure: 1 invalid/,
  },
  {
    title: '100,000 levels of nesting',
    files: { 'web/deep.yaml': `${certificate('deep')}  x: ${'['.repeat(100_000)}` },
    verdict: /^failure: 1 invalid/,
  },
  {
    title: 'a map of 60,000 keys twenty times',
    files: Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [
        `web/wide${index}.yaml`,
        `${certificate('wide')}${wideMap()}`,
      ]),
    ),
    verdict: /^(failure|error): /,
  },
  {
    title: 'symbolic links and submodules',
    make: (scene, branch) =>
      importUpon(
        scene,
        branch,
        'M 120000 inline web/passwd.yaml\ndata 11\n/etc/passwd\nM 120000 inline certops.yaml\ndata 11\n/etc/passwd\n' +
          `M 160000 ${'1'.repeat(40)} modules/other\n`,
      ),
    verdict: /^success: nothing to do/,
  },
  {
    title: 'an issuer at an address of its own',
    files: {
      'web/issuer.yaml': `apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: stranger, namespace: web}
spec:
  acme:
    server: ${canaryUrl}
    privateKeySecretRef: {name: account}
    solvers: [{http01: {ingress: {}}}]
`,
      'web/www.yaml': certificate('www').replace(
        'kind: ClusterIssuer, name: own',
        'kind: Issuer, name: stranger',
      ),
    },
    verdict: /^(success|failure): /,
  },
  {
    title: 'expressions that run for ever',
    files: { 'policies/slow.yaml': slowPolicy(), 'web/www.yaml': certificate('www') },
    verdict: /^(success|failure|error): /,
  },
  {
    title: 'names of files made to inject',
    files: {
      'web/$(id) --upload-pack=x.yaml': certificate('one'),
      'web/@everyone [x](www.evil.example) #1 -->.yaml': certificate('two'),
      'web/`"quoted`.yaml': 'apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: "@team"}\n',
    },
    verdict: /^failure: 1 invalid, 2 to issue/,
  },
  {
    title: '10,000 files',
    files: Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`many/f${index}.yaml`, `a: ${index}\n`]),
    ),
    verdict: /^(success|error): /,
  },
  {
    title: 'folders that explode',
    make: treeBomb,
    verdict: /^error: The repository holds more folders or files than can be looked at/,
  },
  {
    title: '100 MB of noise',
    make: (scene, branch) =>
      importUpon(scene, branch, 'M 100644 inline web/noise.yaml\n', randomBytes(100 * 1024 * 1024)),
    verdict: /^error: .*more than/,
  },
];

describe('pull requests of strangers who mean harm', () => {
  let scene: ReviewScene;
  const numbers = new Map<string, number>();
  let honest = 0;

  before(async () => {
    scene = await ReviewScene.start(() => startGithubSimulator('token'), { 'policies/web.yaml': POLICY });
    for (const [index, { title, files = { 'README.md': 'x' }, make }] of CASES.entries()) {
      const headBranch = `x-\u2060$(id)-${index}`.replace('\u2060', '');
      const { number } = await scene.open(files, { headBranch, isFork: make === undefined });
      numbers.set(title, number);
      await make?.(scene, headBranch);
    }
    honest = (await scene.open({ 'web/shop.yaml': certificate('shop') })).number;
    const daemon = await scene.daemon();
    // Each one's failure is its own: whatever is left over is gone on with.
    await daemon.review();
  });
  after(async () => {
    await scene.close();
    canary.close();
  });

  for (const { title, verdict } of CASES) {
    it(`come to an end: ${title}`, async () => {
      assert.match(await scene.verdict(numbers.get(title) ?? 0), verdict);
    });
  }

  it('keep nobody else from being reviewed', async () => {
    assert.match(await scene.verdict(honest), /^success: 1 to issue/);
  });

  it('make the daemon call nobody', () => {
    assert.equal(canaryCalls, 0);
  });

  it('render nothing of theirs', async () => {
    const comment = await scene.comment(numbers.get('names of files made to inject') ?? 0);

    const outside = comment.replace(/(`+)[^`](?:.*?[^`])?\1(?!`)/g, '');
    assert.doesNotMatch(outside, /@everyone|@team|evil\.example|#1|\$\(id\)/);
  });
});

function aliasBomb(): string {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const items = level === 0 ? 'x, x' : Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ');
    return `  a${level}: &a${level} [${items}]\n`;
  });
  return `apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: bomb, namespace: web}\nspec:\n${levels.join('')}`;
}

function wideMap(): string {
  return Array.from({ length: 60_000 }, (_, index) => `k${index}: 1\n`).join('');
}

function slowPolicy(): string {
  const list = `[${Array.from({ length: 60 }, (_, index) => index).join(',')}]`;
  const nested = Array.from({ length: 6 }, (_, depth) => `${list}.all(v${depth}, `).join('');
  return POLICY.replace('name: web', 'name: slow').replace(
    'dnsNames: {values: ["*.example.com"]}',
    `dnsNames: {values: ["*.example.com"], validations: [{rule: '${nested}true${')'.repeat(6)}'}]}`,
  );
}

/** Ten folders of ten folders each, ten levels deep, of a few hundred bytes. */
async function treeBomb(scene: ReviewScene, branch: string): Promise<void> {
  const main = await scene.inRepository('rev-parse', 'refs/heads/main');
  const blob = await scene.inRepository('rev-parse', `${main}:issuer.yaml`);
  let tree = await fed(scene, ['mktree'], `100644 blob ${blob}\tx.yaml\n`);
  for (let level = 0; level < 10; level++) {
    const lines = Array.from({ length: 10 }, (_, index) => `040000 tree ${tree}\t${index}\n`);
    tree = await fed(scene, ['mktree'], lines.join(''));
  }
  const identity = ['-c', 'user.name=Mallory', '-c', 'user.email=mallory@example.com'];
  const commit = await fed(scene, [...identity, 'commit-tree', '-p', main, tree], 'x');
  await scene.inRepository('update-ref', `refs/heads/${branch}`, commit);
}

async function importUpon(
  scene: ReviewScene,
  branch: string,
  change: string,
  content?: Uint8Array,
): Promise<void> {
  const main = await scene.inRepository('rev-parse', 'refs/heads/main');
  const head = `commit refs/heads/${branch}\ncommitter M <m@example.com> now\ndata 1\nx\nfrom ${main}\n${change}`;
  if (content === undefined) await fastImport(scene, head);
  else await fastImport(scene, `${head}data ${content.length}\n`, content);
}

async function fastImport(scene: ReviewScene, commands: string, content?: Uint8Array): Promise<void> {
  // Noise cannot be made smaller, and trying takes a minute.
  const plainly = ['-c', 'core.compression=0', '-c', 'core.bigFileThreshold=1m'];
  await fed(scene, [...plainly, 'fast-import', '--quiet', '--force', '--date-format=now'], commands, content);
}

/** Runs Git with input and gives what it prints. */
async function fed(
  scene: ReviewScene,
  args: readonly string[],
  input: string,
  more: Uint8Array = new Uint8Array(),
): Promise<string> {
  const child = spawn('git', ['-C', scene.forge.repository, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write(input);
  child.stdin.end(more);
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${String(code)}`);
  return printed.trim();
}
