import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BadFile, runBatch } from '../support/bad-batch.ts';
import { conditionOf, selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';

const OURS = '# cert-manager.io/v1\n';

/** A file that declared a good Certificate of its own name before it became this. */
function edited(name: string, lint: string, change: (good: string) => string | Uint8Array): BadFile {
  const before = selfSigned(name);
  return { name, content: change(before), lint, before };
}

function aliasBomb(): string {
  const names = [...'abcdefghij'];
  return names
    .map((name, index) => {
      const item = index === 0 ? 'x' : `*${names[index - 1]}`;
      return `${name}: &${name} [${Array.from({ length: 9 }, () => item).join(', ')}]\n`;
    })
    .join('');
}

const TWENTY = Array.from({ length: 20 }, (_, index) => `many-${String(index).padStart(2, '0')}`);
const MANY = TWENTY.map((name) => selfSigned(name)).join('---\n');

const THREE = ['one', 'two', 'three'].map((name) => selfSigned(name));

/** The row "Files" of what is refused; a new one is a line. */
const FILES: readonly BadFile[] = [
  edited('alias-bomb', '* yaml-too-many-aliases *', (good) => `${aliasBomb()}${good}`),
  edited('levels', '* yaml-too-deep ', () => `${OURS}a: ${'['.repeat(100_000)}`),
  edited('maps', '* yaml-too-deep ', () => `${OURS}a: ${'{a: '.repeat(100_000)}`),
  edited(
    'keys',
    '* yaml-too-large ',
    () => `${OURS}{${Array.from({ length: 200_000 }, (_, i) => i.toString(36)).join(',')}}`,
  ),
  {
    ...edited('huge', '1:1 yaml-too-large ', () => Buffer.alloc(100_000_000, `${OURS}# padding\n`)),
    pass: /bad\/huge\.yaml is over 1 MiB/,
  },
  edited('documents', '* yaml-too-many-documents ', (good) => `${good}${'---\na: 1\n'.repeat(10_000)}`),
  edited('duplicate-keys', '8:3 duplicate-key spec.secretName', (good) =>
    good.replace('  dnsNames', '  secretName: other\n  dnsNames'),
  ),
  edited('duplicate-name', '5:3 duplicate-key metadata.name', (good) =>
    good.replace('  namespace', '  name: other\n  namespace'),
  ),
  edited('unclosed', '* yaml-syntax ', (good) => good.replace('dnsNames:', 'dnsNames: [')),
  edited('latin-1', '8:17 yaml-encoding ', (good) =>
    Buffer.from(good.replace('  dnsNames', '  commonName: "Bücher"\n  dnsNames'), 'latin1'),
  ),
  edited('utf-16', '1:1 yaml-encoding ', (good) => Buffer.from(`\ufeff${good}`, 'utf16le')),
  edited('tabs', '7:1 yaml-syntax ', (good) => good.replace('  secretName', '\tsecretName')),
  edited('custom-tag', '7:15 yaml-tag ', (good) =>
    good.replace('secretName: ', 'secretName: !!js/function '),
  ),
  edited('number', '7:15 invalid-value spec.secretName', (good) =>
    good.replace(/secretName: .*/, 'secretName: 12'),
  ),
  edited('boolean', '9:7 invalid-value spec.dnsNames[0]', (good) => good.replace(/- ".*"/, '- yes')),
  edited('conflict', '7:1 merge-conflict ', (good) =>
    good.replace(
      '  secretName',
      '<<<<<<< HEAD\n  secretName: mine\n=======\n  secretName: theirs\n>>>>>>> theirs\n  secretName',
    ),
  ),
  edited('control-character', '7:32 yaml-syntax ', (good) => good.replace('-tls', '\u0007-tls')),
];

describe('bad files', () => {
  it('each is told with its place, renewed from its last good revision, and stops nobody', async (context) => {
    const scenario = await startOffline('bad-files', context);
    const already = { 'many.yaml': MANY, 'three.yaml': THREE.join('---\n') };
    const beside = {
      'empty.yaml': '',
      'comment.yaml': `${OURS}---\n---\n`,
      'good.yaml': selfSigned('good'),
      'many.yaml': MANY.replace(
        '  name: many-10\n',
        `<<<<<<< HEAD\n  name: many-10\n=======\n  name: other\n>>>>>>> theirs\n`,
      ),
      'three.yaml': [THREE[0], THREE[1]?.replace('dnsNames:', 'dnsNames: ['), THREE[2]].join('---\n'),
    };

    const report = await runBatch(scenario, FILES, beside, already);
    const { faults, pass, issued, lint, maxStallMs } = report;

    assert.deepEqual(faults, []);
    assert.deepEqual(issued, ['Issue web/good']);
    const good = await statusOf(scenario, 'web/certificates/good');
    assert.equal(conditionOf(good, 'Ready'), 'True Ready');
    assert.equal(good.certops.problem, undefined);
    const marker = lint.find(({ file, rule }) => file === 'many.yaml' && rule === 'merge-conflict');
    assert.ok(marker !== undefined, 'lint says where the marker is');
    const conflict = new RegExp(`^many\\.yaml:${marker.line}:1: `);
    for (const name of TWENTY) {
      const { revision, certops } = await statusOf(scenario, `web/certificates/${name}`);
      assert.equal(revision, 2, `${name} is renewed`);
      if (name === 'many-10') assert.match(certops.problem ?? '', conflict);
    }
    assert.match(pass.stdout, new RegExp(`many\\.yaml:${marker.line}:1: `));
    const problems = await Promise.all(
      ['one', 'two', 'three'].map(
        async (name) => (await statusOf(scenario, `web/certificates/${name}`)).certops.problem,
      ),
    );
    assert.deepEqual(
      [problems[0], problems[2]],
      [undefined, undefined],
      'the first and the third still count',
    );
    assert.match(problems[1] ?? '', /^three\.yaml:\d+:\d+: /);
    context.diagnostic(`the event loop was held up for ${maxStallMs} ms at most`);
    assert.ok(maxStallMs < 1000, `the event loop was held up for ${maxStallMs} ms`);
    await scenario.verifyCommits();
  });
});
