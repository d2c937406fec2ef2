import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { type BlobSource, quietFiles } from '../../../src/reconcile/quiet-files.ts';

const QUIET = `# A comment
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: quiet
spec:
  secretName: quiet-tls
  dnsNames:
    - quiet.example.com

  issuerRef:
    name: own
`;
/** Fewer are not looked at. */
const MANY = Array.from({ length: 500 }, (_, index) => ({ path: `many/${index}.yaml`, oid: 'many' }));

const CASES: readonly { readonly name: string; readonly text: string; readonly certificates: number }[] = [
  { name: 'one plain Certificate', text: QUIET, certificates: 1 },
  { name: 'two plain Certificates', text: `${QUIET}---\n${QUIET}`, certificates: 2 },
  { name: 'a marker at the beginning', text: `---\n${QUIET}--- # two\n${QUIET}`, certificates: 2 },
  { name: 'no line end at the end', text: QUIET.trimEnd(), certificates: 1 },
  {
    name: 'a comment behind the kind',
    text: QUIET.replace('Certificate', 'Certificate # one'),
    certificates: 1,
  },
  { name: 'another kind', text: QUIET.replace('Certificate', 'Issuer'), certificates: 0 },
  {
    name: 'a kind that only begins so',
    text: QUIET.replace('Certificate', 'CertificateRequest'),
    certificates: 0,
  },
  { name: 'a document without a kind', text: `${QUIET}---\nspec:\n`, certificates: 0 },
  { name: 'another field of the root', text: `${QUIET}data:\n`, certificates: 0 },
  { name: 'another field first of all', text: `data: 1\n${QUIET}`, certificates: 0 },
  { name: 'a kind that is quoted', text: QUIET.replace('Certificate', '"Issuer"'), certificates: 0 },
  { name: 'a key that is quoted', text: `${QUIET}"kind": Issuer\n`, certificates: 0 },
  { name: 'text behind a marker', text: `${QUIET}--- {kind: Issuer}\n`, certificates: 0 },
  { name: 'the end of a document', text: `${QUIET}...\n`, certificates: 0 },
  { name: 'an anchor', text: QUIET.replace('quiet-tls', '&name quiet-tls'), certificates: 0 },
  { name: 'a tag', text: QUIET.replace('quiet-tls', '!!str quiet-tls'), certificates: 0 },
  { name: 'an escape', text: QUIET.replace('quiet-tls', '"q\\x75iet"'), certificates: 0 },
  { name: 'a tab', text: `${QUIET}\t\n`, certificates: 0 },
  { name: 'line ends of Windows', text: QUIET.replaceAll('\n', '\r\n'), certificates: 0 },
  {
    name: 'a carriage return as a line end',
    text: QUIET.replace('Certificate', 'Certificate # \rkind: Issuer'),
    certificates: 0,
  },
  { name: 'a byte order mark', text: `\ufeff${QUIET}`, certificates: 0 },
  { name: 'nothing', text: '', certificates: 0 },
  { name: 'the changed name', text: QUIET.replace('name: own', 'name: changed'), certificates: 0 },
  { name: 'the changed name in a comment', text: `${QUIET}# like changed.\n`, certificates: 0 },
  { name: 'the changed Secret', text: QUIET.replace('quiet-tls', 'changed-secret'), certificates: 0 },
  { name: 'a longer name', text: QUIET.replace('name: own', 'name: unchanged-too'), certificates: 1 },
  { name: 'a name that goes on', text: QUIET.replace('name: own', 'name: changed-too'), certificates: 1 },
];

const CHANGED = QUIET.replaceAll('quiet-tls', 'changed-secret').replace('name: quiet', 'name: changed');

function source(text: string, isBulk: boolean): BlobSource {
  const blobs = new Map([
    ['case', text],
    ['many', QUIET],
    ['changed', CHANGED],
  ]);
  const readBlob = async (oid: string) => Buffer.from(blobs.get(oid) ?? assert.fail(`${oid} is not there`));
  if (!isBulk) return { readBlob };
  return {
    readBlob,
    eachBlob: async (oids, _, visit) => {
      for (const [index, oid] of oids.entries()) if (blobs.has(oid)) visit(await readBlob(oid), index);
    },
  };
}

for (const isBulk of [false, true]) {
  describe(`files that a plan need not parse, ${isBulk ? 'read together' : 'read one by one'}`, () => {
    for (const { name, text, certificates } of CASES) {
      it(`${name}: ${certificates === 0 ? 'is parsed' : 'is not parsed'}`, async () => {
        const candidates = [{ path: 'case.yaml', oid: 'case' }, ...MANY, { path: 'gone.yaml', oid: 'gone' }];
        const read = async (bytes: Uint8Array) => readManifestFile(bytes);

        const quiet = await quietFiles(source(text, isBulk), read, candidates, ['changed'], []);

        assert.equal(quiet.get('case.yaml') ?? 0, certificates);
        assert.equal(quiet.size, MANY.length + (certificates === 0 ? 0 : 1));
      });
    }
  });
}
