import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BadFile, runBatch } from '../support/bad-batch.ts';
import { conditionOf, messageOf, selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';
import { certificate } from '../support/scenario.ts';

const GOOD = selfSigned('good');

/** A manifest of Certificate `web/good` with an edit. */
function refused(name: string, lint: string, change: (good: string) => string, pass?: RegExp): BadFile {
  return { name, content: change(GOOD), lint, ...(pass === undefined ? {} : { pass }) };
}

const named = (value: string) => (good: string) => good.replace('name: good', `name: ${value}`);
const inNamespace = (value: string) => (good: string) =>
  good.replace('namespace: web', `namespace: ${value}`);
const secretNamed = (value: string) => (good: string) => good.replace('good-tls', value);
const versioned = (value: string) => (good: string) =>
  named('versioned')(good).replace('cert-manager.io/v1', value);
const issuedBy = (from: string, to: string) => (good: string) => good.replace(from, to);

const LONG = 'a'.repeat(254);
const NAME = '4:9 invalid-value metadata.name';
const NAMESPACE = '5:14 invalid-value metadata.namespace';
const SECRET = '7:15 invalid-value spec.secretName';

/** The row "Identity" of what is refused; a new one is a line. */
const IDENTITIES: readonly BadFile[] = [
  refused('name-climbs', NAME, named('"../x"')),
  refused('name-slash', NAME, named('a/b')),
  refused('name-upper-case', NAME, named('Good')),
  refused('name-254', NAME, named(LONG)),
  refused('name-path-too-long', NAME, named('a'.repeat(200))),
  refused('name-composed', NAME, named('"caf\u00e9"')),
  refused('name-decomposed', NAME, named('"cafe\u0301"')),
  refused('name-colon', NAME, named('"x:web/ours"')),
  refused('name-absent', '* required metadata.name', (good) => good.replace('  name: good\n', '')),
  refused('name-empty', '4:9 required metadata.name', named('""')),
  refused('name-number', '4:9 invalid-value metadata.name', named('12')),
  refused('namespace-climbs', NAMESPACE, inNamespace('"../x"')),
  refused('namespace-slash', NAMESPACE, inNamespace('a/b')),
  refused('namespace-upper-case', NAMESPACE, inNamespace('Web')),
  refused('namespace-dot', NAMESPACE, inNamespace('a.b')),
  refused('namespace-254', NAMESPACE, inNamespace(LONG)),
  refused('namespace-of-ours', NAMESPACE, inNamespace('_cluster')),
  refused('secret-climbs', SECRET, secretNamed('"../x"')),
  refused('secret-slash', SECRET, secretNamed('a/b')),
  refused('secret-upper-case', SECRET, secretNamed('Good-tls')),
  refused('secret-254', SECRET, secretNamed(LONG)),
  refused('secret-reserved', SECRET, secretNamed('kustomization')),
  refused(
    'secret-of-another',
    '7:15 duplicate-secret-name spec.secretName',
    named('other'),
    /web\/other: .*belongs to Certificate "web\/good"/,
  ),
  refused(
    'issuer-of-no-kind',
    '* invalid-value spec.issuerRef.kind',
    issuedBy('kind: ClusterIssuer', 'kind: Isuer'),
  ),
  refused('issuer-of-no-group', '* not-served spec.issuerRef.group', (good) =>
    named('no-group')(good).replace('name: selfsigned', 'name: selfsigned\n    group: example.org'),
  ),
  refused('version-unknown', '1:13 unknown-api-version apiVersion', versioned('cert-manager.io/v1alpha9')),
  refused('version-upper-case', '1:13 unknown-api-version apiVersion', versioned('cert-manager.io/V1')),
  refused('version-absent', '* required apiVersion', (good) =>
    named('versioned')(good).replace('apiVersion: cert-manager.io/v1\n', '# cert-manager.io\n'),
  ),
  refused(
    'kind-misspelt',
    '2:7 near-miss kind',
    (good) => named('misspelt')(good).replace('kind: Certificate\n', 'kind: Certifcate\n'),
    /^/,
  ),
  refused('group-misspelt', '1:13 near-miss apiVersion', versioned('cert-manger.io/v1'), /^/),
  refused('unknown-field', '7:3 unknown-field spec.secretNam', (good) =>
    named('unknown')(good).replace('  secretName', '  secretNam: x\n  secretName'),
  ),
  refused('unknown-nested-field', '* unknown-field spec.privateKey.algoritm', (good) =>
    named('unknown-nested')(good).replace('    algorithm', '    algoritm: RSA\n    algorithm'),
  ),
  refused('unknown-top-field', '* unknown-field specs', (good) => `${named('unknown-top')(good)}specs: {}\n`),
];

const OLD = [
  ['certmanager.k8s.io/v1alpha1', 'old-1'],
  ['cert-manager.io/v1alpha2', 'old-2'],
  ['cert-manager.io/v1alpha3', 'old-3'],
  ['cert-manager.io/v1beta1', 'old-4'],
] as const;

function oldManifest(version: string, name: string): string {
  return selfSigned(name)
    .replace('cert-manager.io/v1', version)
    .replace(/ {2}privateKey:\n.*\n/, version.endsWith('v1beta1') ? '$&' : '  keyAlgorithm: ecdsa\n');
}

describe('bad identities', () => {
  it('each is told with its place, and nothing is issued for it', async (context) => {
    const scenario = await startOffline('bad-identity', context);
    await scenario.push({ 'good.yaml': GOOD, 'twice.yaml': selfSigned('twice') });
    const first = await scenario.runOnce();
    assert.equal(first.code, 0, first.stdout + first.stderr);
    const twice = await statusOf(scenario, 'web/certificates/twice');
    const waiting = certificate({ name: 'waiting', dnsNames: ['w.example.com'], issuer: 'Issuer/absent' });

    const { faults, issued, lint } = await runBatch(scenario, IDENTITIES, {
      ...Object.fromEntries(OLD.map(([version, name]) => [`${name}.yaml`, oldManifest(version, name)])),
      'a-first/twice.yaml': selfSigned('twice', '', ['other.example.com']),
      'waiting.yaml': waiting,
      'new.yaml': selfSigned('new'),
      // Files whose names are equal but for case, and but for normal form, are files like others.
      'NEW.yaml': selfSigned('new-upper'),
      'caf\u00e9.yaml': selfSigned('composed'),
      'cafe\u0301.yaml': selfSigned('decomposed'),
    });

    assert.deepEqual(faults, []);
    const added = ['composed', 'decomposed', 'new', 'new-upper', ...OLD.map(([, name]) => name)];
    assert.deepEqual(
      issued,
      added.map((name) => `Issue web/${name}`),
    );
    const served = ['good', ...added];
    for (const name of served) {
      const status = await statusOf(scenario, `web/certificates/${name}`);
      assert.equal(conditionOf(status, 'Ready'), 'True Ready', name);
      assert.equal(status.certops.problem, undefined, name);
    }
    for (const [, name] of OLD) {
      const told = lint.filter(
        ({ file, rule }) => file === `${name}.yaml` && rule === 'deprecated-api-version',
      );
      assert.equal(told.length, 1, name);
    }
    const still = await statusOf(scenario, 'web/certificates/twice');
    assert.deepEqual([still.revision, twice.revision], [2, 1], 'the file on record is renewed');
    const facts = (await scenario.show('status/web/certificates/twice.yaml')) ?? '';
    assert.match(facts, /twice\.example\.com/);
    assert.doesNotMatch(facts, /other\.example\.com/);
    assert.ok(lint.some(({ rule, file }) => rule === 'duplicate-object' && file.endsWith('twice.yaml')));
    const absent = await statusOf(scenario, 'web/certificates/waiting');
    assert.match(messageOf(absent, 'Issuing'), /Issuer "web\/absent" not found/);
    const commits = (await scenario.subjects()).filter((subject) => subject.includes('web/waiting'));
    assert.equal(commits.length, 1, `it waits without noise: ${commits.join('; ')}`);
    const outputs = [...(await scenario.list('status')), ...(await scenario.list('secrets'))];
    assert.deepEqual(
      outputs.filter((path) =>
        /\.\.|:|[A-Z](?!EADME)|aaaa|caf|kustomization/.test(path.replace('README', '')),
      ),
      [],
    );
    await scenario.verifyCommits();
  });
});
