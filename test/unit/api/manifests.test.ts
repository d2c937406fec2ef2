import assert from 'node:assert/strict';
import test from 'node:test';
import { findingsOf, lintFiles } from '../../../src/api/lint/lint-files.ts';
import type { ManifestObject } from '../../../src/api/manifest.ts';
import { mayDeclareManifests, readManifestFile } from '../../../src/api/read-manifests.ts';
import { DEFAULT_SETTINGS } from '../../../src/api/repository.ts';
import { type ManifestCase, type Meaning, manifestCases } from './manifest-cases.ts';

interface Answer {
  readonly findings: readonly string[];
  readonly objects: readonly ManifestObject[];
}

function answer({ text, isTogether }: ManifestCase): Answer {
  const bytes = Buffer.from(text);
  assert.ok(mayDeclareManifests(bytes), 'the daemon would not even look at it');
  const file = { path: 'a.yaml', bytes, manifests: readManifestFile(bytes) };
  const findings = isTogether ? lintFiles([file], DEFAULT_SETTINGS) : findingsOf(file);
  return {
    findings: findings.map(({ severity, rule, path }) => `${severity} ${rule} ${path}`.trim()),
    objects: file.manifests.objects.map(({ object }) => object),
  };
}

/** The member at a dotted path. */
function member(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, step) => {
    if (typeof at !== 'object' || at === null) return undefined;
    return Object.hasOwn(at, step) ? Reflect.get(at, step) : undefined;
  }, value);
}

function meant({ object }: Meaning, objects: readonly ManifestObject[]): ManifestObject | undefined {
  if (object === undefined) return objects[0];
  return objects.find(({ kind, name }) => `${kind}/${name.name}` === object);
}

const cases = manifestCases();

for (const each of cases) {
  test(`${each.file}: ${each.name}`, () => {
    const { findings, objects } = answer(each);

    assert.deepEqual(findings, each.findings);
    const isValid = !findings.some((finding) => finding.startsWith('error'));
    assert.ok(!isValid || objects.length > 0, 'valid, and nothing was read');
    for (const meaning of each.meanings) {
      const found = member(meant(meaning, objects), meaning.path);
      const expected: unknown = meaning.json === undefined ? undefined : JSON.parse(meaning.json);
      assert.deepEqual(found, expected, meaning.path);
    }
  });
}

test('there are at least 150 manifests, a third of them invalid, each with a name of its own', () => {
  const names = cases.map(({ file, name }) => `${file}: ${name}`);
  const invalid = cases.filter(({ findings }) => findings.some((finding) => finding.startsWith('error')));

  assert.ok(cases.length >= 150, `${cases.length}`);
  assert.ok(invalid.length >= 50, `${invalid.length}`);
  assert.equal(new Set(names).size, names.length);
});
