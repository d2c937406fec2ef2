import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { requestFingerprint } from '../../../src/api/fingerprint.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { gitBlobId } from '../../../src/lib/git-blob-id.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { RuleRunner } from '../../../src/policy/rule-runner.ts';
import { certificateHash } from '../../../src/reconcile/desired-state.ts';
import { type PlanPorts, planMerge } from '../../../src/reconcile/planning.ts';
import { Sealer } from '../../../src/secrets/sealer.ts';
import { renderCertificateStatus } from '../../../src/status/certificate-status.ts';

type Files = Readonly<Record<string, string>>;

const NOW = new Date('2026-11-22T12:00:00Z');
const RECIPIENT = 'age174h38834z280lfk33m7jfwhx7dd8lez4vzuxtq8gfczmjdz0hqqq8lj68z';

/** A Certificate `web/<name>` by one line of its spec each. */
function certificate(name: string, ...more: readonly string[]): string {
  const lines = [
    `secretName: ${name}-tls`,
    `dnsNames: [${name}.example.com]`,
    'issuerRef: {name: own}',
    ...more,
  ];
  // A later line takes the place of an earlier one of the same field.
  const fields = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line]));
  const spec = [...fields.values()].map((line) => `  ${line}`).join('\n');
  return `apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata:\n  name: ${name}\n  namespace: web\nspec:\n${spec}\n`;
}

const ISSUERS = ['own', 'other']
  .map(
    (name) =>
      `apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: ${name}, namespace: web}\nspec: {selfSigned: {}}\n`,
  )
  .join('---\n');

const POLICY = `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata: {name: web}
spec:
  selector: {namespace: {matchNames: [web]}}
  allowed:
    usages: [digital signature, key encipherment]
    dnsNames:
      values: ['*.example.com']
      validations:
        - {rule: "!self.contains('shop')", message: no shops}
`;

/** What certops has on record once the Certificate in `text` was issued. */
function issued(text: string, path: string): Files {
  const [placed] = readManifestFile(Buffer.from(text)).objects;
  const object = placed?.object;
  assert.ok(object?.kind === 'Certificate');
  const { name, spec } = object;
  const secret = `sealed ${name.name}`;
  const status = renderCertificateStatus({
    name,
    createdAt: NOW,
    conditions: [],
    issued: {
      ...{ revision: 1, serialNumber: '01', fingerprintSHA256: 'SHA256:00', issuerRef: spec.issuerRef },
      dnsNames: spec.dnsNames,
      notBefore: new Date('2026-11-01T00:00:00Z'),
      notAfter: new Date('2027-01-30T00:00:00Z'),
      renewalTime: new Date('2026-12-31T00:00:00Z'),
      secretName: spec.secretName,
      secretBlob: gitBlobId(secret),
      requestHash: requestFingerprint(spec),
      issuedAt: new Date('2026-11-01T00:00:00Z'),
      recipients: [RECIPIENT],
    },
    source: { commit: '0'.repeat(40), blob: gitBlobId(text), path, specHash: certificateHash(object) },
  });
  return {
    [`secrets/web/${spec.secretName}.yaml`]: secret,
    [`status/web/certificates/${name.name}.yaml`]: status,
  };
}

const SOPS = `creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: ${RECIPIENT}\n`;

const BASE: Files = {
  '.sops.yaml': SOPS,
  'issuers.yaml': ISSUERS,
  'www.yaml': certificate('www'),
  ...issued(certificate('www'), 'www.yaml'),
};

const rules = new RuleRunner();
after(() => rules.close());

async function planOf(
  base: Files,
  change: Readonly<Record<string, string | null>>,
  more: { readonly dueBy?: Date } = {},
): Promise<Plan> {
  const head: Record<string, string> = { ...base };
  for (const [path, text] of Object.entries(change)) {
    if (text === null) delete head[path];
    else head[path] = text;
  }
  const blobs = new Map(
    [...Object.values(base), ...Object.values(head)].map((text) => [gitBlobId(text), Buffer.from(text)]),
  );
  const sealer = new Sealer({ identities: { identities: [], warnings: [], recipients: async () => [] } });
  const ports: PlanPorts = {
    store: {
      readBlob: async (oid) => blobs.get(oid) ?? assert.fail(`blob ${oid} is not there`),
      blobSizes: async (oids) => new Map(oids.map((oid) => [oid, blobs.get(oid)?.length ?? 0])),
    },
    readManifests: async (bytes) => readManifestFile(bytes),
    sealer,
    pki: {
      compareRequestWithSpec: async () => assert.fail('no request is on record'),
      describePrivateKeyMismatch: () => undefined,
      decodePrivateKey: () => assert.fail('no key is opened'),
    },
    rules,
  };
  const ids = (files: Files) => new Map(Object.entries(files).map(([path, text]) => [path, gitBlobId(text)]));
  return planMerge(
    ports,
    { base: ids(base), head: ids(head), loose: new Map(), state: {}, now: NOW, warnings: [], ...more },
    AbortSignal.timeout(30_000),
  );
}

/** `action reason kind name` of each change. */
function told({ changes }: Plan): readonly string[] {
  return changes.map(({ action, reason, kind, name }) => [action, reason, kind, name].join(' ').trim());
}

const WWW = certificate('www');

const CASES: readonly {
  readonly name: string;
  readonly base?: Files;
  readonly change: Readonly<Record<string, string | null>>;
  readonly told: readonly string[];
}[] = [
  {
    name: 'a new Certificate is issued',
    change: { 'new.yaml': certificate('new') },
    told: ['issue DoesNotExist Certificate new'],
  },
  {
    name: 'another name reissues',
    change: { 'www.yaml': certificate('www', 'dnsNames: [www.example.com, new.example.com]') },
    told: ['reissue RequestChanged Certificate www'],
  },
  {
    name: 'another issuer reissues',
    change: { 'www.yaml': certificate('www', 'issuerRef: {name: other}') },
    told: ['reissue IncorrectIssuer Certificate www'],
  },
  {
    name: 'a removed manifest removes',
    change: { 'www.yaml': null },
    told: ['remove Removed Certificate www'],
  },
  {
    name: 'a suspended Certificate is left alone whatever else changes',
    change: {
      'www.yaml': certificate('www', 'dnsNames: [new.example.com]').replace(
        '  namespace: web',
        '  namespace: web\n  annotations: {certops.dev/suspend: "moving"}',
      ),
    },
    told: ['suspended Suspended Certificate www'],
  },
  {
    name: 'an invalid manifest is told, and what was accepted goes on',
    change: { 'www.yaml': certificate('www', 'dnsNames: [a_b.example.com]') },
    told: ['invalid InvalidManifest Certificate www'],
  },
  {
    name: 'a new invalid manifest is told once',
    change: { 'new.yaml': certificate('new', 'dnsNames: [a_b.example.com]') },
    told: ['invalid InvalidManifest Certificate new'],
  },
  {
    name: 'a file that nobody can read is told by its name',
    change: { 'new.yaml': 'apiVersion: cert-manager.io/v1\n\tkind: x\n' },
    told: ['invalid InvalidManifest File'],
  },
  {
    name: 'the policies of the base deny',
    base: { ...BASE, 'policy.yaml': POLICY },
    change: { 'shop.yaml': certificate('shop') },
    told: ['denied Denied Certificate shop'],
  },
  {
    name: 'a change that takes the policy away and uses that is denied all the same',
    base: { ...BASE, 'policy.yaml': POLICY },
    change: { 'policy.yaml': null, 'shop.yaml': certificate('shop') },
    told: ['denied Denied Certificate shop'],
  },
  {
    name: 'a change that takes the tenancy rules away and uses that is denied all the same',
    base: {
      ...BASE,
      'certops.yaml': settings(
        'tenancy: [{path: "ops/**", namespaces: [ops], kinds: [Certificate]}, {path: "*", namespaces: ["*"], kinds: [Certificate, Issuer]}]',
      ),
    },
    change: { 'certops.yaml': settings(), 'ops/new.yaml': certificate('new') },
    told: ['denied NotAllowed Certificate new'],
  },
  {
    name: 'labels alone are taken over without another certificate',
    change: { 'www.yaml': WWW.replace('  namespace: web', '  namespace: web\n  labels: {team: shop}') },
    told: ['update ManifestChanged Certificate www'],
  },
  { name: 'whitespace changes nothing', change: { 'www.yaml': `# a remark\n${WWW}\n\n` }, told: [] },
  {
    name: 'a manifest that moves changes nothing else',
    change: { 'www.yaml': null, 'web/www.yaml': WWW },
    told: ['none Moved Certificate www'],
  },
  {
    name: 'of two claimants of one Secret the one that has it keeps it',
    change: { 'a.yaml': certificate('a', 'secretName: www-tls') },
    told: ['invalid SecretClaimed Certificate a'],
  },
  {
    name: 'an issuer that goes away is told',
    change: { 'issuers.yaml': ISSUERS.slice(ISSUERS.indexOf('---\n') + 4) },
    told: ['remove Removed Issuer own'],
  },
  {
    name: 'without its issuer nothing is issued',
    change: { 'new.yaml': certificate('new', 'issuerRef: {name: nobody}') },
    told: ['none IssuerNotFound Certificate new'],
  },
  {
    name: 'a Secret that is taken away is issued again',
    change: { 'secrets/web/www-tls.yaml': null },
    told: ['reissue DoesNotExist Certificate www'],
  },
  {
    name: 'records that a change makes up are not believed',
    change: { 'new.yaml': certificate('new'), ...issued(certificate('new'), 'new.yaml') },
    told: ['issue DoesNotExist Certificate new'],
  },
];

function settings(...lines: readonly string[]): string {
  const spec = ['exclude: [never/**]', ...lines].map((line) => `  ${line}\n`).join('');
  return `apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: r}\nspec:\n${spec}`;
}

describe('what a change comes to', () => {
  for (const { name, base = BASE, change, told: expected } of CASES) {
    it(name, async () => {
      const plan = await planOf(base, change);

      assert.deepEqual(told(plan), expected);
    });
  }
});

/** So many more Certificates that files which nothing touches need not be parsed; no issuer of theirs is there. */
const MANY: Files = Object.fromEntries(
  Array.from({ length: 600 }, (_, index) => [
    `many/m${index}.yaml`,
    certificate(`m${index}`, 'issuerRef: {name: third}'),
  ]),
);

it('among many files that nothing touches every change comes to the same', async () => {
  const plans = await Promise.all(
    CASES.map(async ({ name, base = BASE, change, told: expected }) => {
      const quiet = Object.keys(base).includes('certops.yaml') ? {} : MANY;
      const plan = await planOf({ ...base, ...quiet }, change);
      return { name, expected, found: told(plan), certificates: plan.summary.certificates };
    }),
  );

  for (const { name, expected, found } of plans) assert.deepEqual(found, expected, name);
  assert.equal(plans[0]?.certificates, 601);
});

it('who shares a Secret or a name with what changes is found among many files', async () => {
  const base = { ...BASE, ...MANY };

  const shared = await planOf(base, { 'a.yaml': certificate('a', 'secretName: m7-tls') });
  const twice = await planOf(base, { 'b.yaml': certificate('m9') });

  assert.deepEqual(told(shared), [
    'invalid SecretClaimed Certificate m7',
    'issue DoesNotExist Certificate a',
  ]);
  assert.ok(
    twice.summary.warnings.some((warning) =>
      warning.includes('web/m9 is declared in b.yaml and many/m9.yaml'),
    ),
  );
});

it('a change says what differs: names, issuer, key, Secret and recipients', async () => {
  const changed = certificate(
    'www',
    'dnsNames: [new.example.com]',
    'issuerRef: {name: other}',
    'privateKey: {algorithm: ECDSA}',
    'secretName: next-tls',
  );

  const [change] = (await planOf(BASE, { 'www.yaml': changed })).changes;

  assert.deepEqual(change?.namesAdded, ['new.example.com']);
  assert.deepEqual(change.namesRemoved, ['www.example.com']);
  assert.deepEqual(change.issuer, { from: 'Issuer/own', to: 'Issuer/other' });
  assert.deepEqual(change.key, { from: 'RSA 2048', to: 'ECDSA 256' });
  assert.deepEqual(change.secretPath, { from: 'secrets/web/www-tls.yaml', to: 'secrets/web/next-tls.yaml' });
  assert.equal(change.recipients, undefined, 'the same ones');
  assert.equal(`${change.file}:${change.line}`, 'www.yaml:1');
});

it('a denied change names the policy, its file and the line of the rule', async () => {
  const base = { ...BASE, 'policies/web.yaml': POLICY };

  const [change] = (await planOf(base, { 'shop.yaml': certificate('shop') })).changes;

  const [refusal] = change?.policies ?? [];
  assert.equal(`${refusal?.policy} ${refusal?.file}:${refusal?.line}`, 'web policies/web.yaml:11');
  assert.match(refusal?.message ?? '', /no shops/);
});

it('recipients that a change adds are warned of, and the rules of the base hold', async () => {
  const other = 'age19ee3t8qr4l7p38kdljysz37up7apfusjwwzczwmkgazf8uguqddqjrewwp';
  const change = { '.sops.yaml': `${SOPS.trimEnd()},${other}\n`, 'new.yaml': certificate('new') };

  const { changes, summary } = await planOf(BASE, change);

  assert.deepEqual(changes[0]?.recipients, { from: undefined, to: [RECIPIENT] });
  assert.ok(summary.warnings.some((warning) => warning.includes(`adds ${other}`)));
});

it('a policy that would block what stands is warned of', async () => {
  const { changes, summary } = await planOf(BASE, { 'policy.yaml': POLICY.replace("'shop'", "'www'") });

  assert.deepEqual(changes, []);
  assert.ok(summary.warnings.some((warning) => warning.includes('would not approve web/www')));
});

it('what falls due is listed only where a time is asked about', async () => {
  const later = new Date('2027-01-05T00:00:00Z');

  const now = await planOf(BASE, {});
  const due = await planOf(BASE, {}, { dueBy: later });

  assert.deepEqual(told(now), []);
  assert.deepEqual(told(due), ['renew Renewing Certificate www']);
});

it('the id is the same after unrelated commits, in another order of files and documents', async () => {
  const change = {
    'new.yaml': certificate('new'),
    'www.yaml': certificate('www', 'dnsNames: [b.example.com]'),
  };
  const moved = { 'z.yaml': `${change['www.yaml']}---\n${certificate('new')}`, 'www.yaml': null };
  const more = { ...BASE, 'a.yaml': certificate('a'), 'README.md': 'hello' };

  const id = (await planOf(BASE, change)).id;
  const elsewhere = (await planOf(more, change)).id;
  const reordered = (await planOf(BASE, moved)).id;
  const another = (await planOf(BASE, { ...change, 'new.yaml': certificate('new', 'duration: 100h') })).id;

  assert.equal(elsewhere, id);
  assert.equal(reordered, id);
  assert.notEqual(another, id);
});
