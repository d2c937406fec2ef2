import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAUSE_CODES, type CauseClass } from '../../../src/diagnosis/cause.ts';
import type { Patient, Remedy, RemedyInput } from '../../../src/remedies/remedy.ts';
import { remedyFor } from '../../../src/remedies/remedy-for.ts';
import { causeOf, issuerIn, NOW, onlyCertificate, patientsIn, STRANGER, situation } from './situation.ts';

const SPEC = 'spec:\n  secretName: www-tls\n  issuerRef: {name: le}\n  dnsNames: [www.example.com]\n';
const TYPE = 'apiVersion: cert-manager.io/v1\nkind: Certificate\n';
const STAMP = '"2026-11-22T05:06:07Z"';
const IN_USE: Partial<Patient> = {
  coveredNames: ['www.example.com'],
  notAfter: new Date('2027-01-01T00:00:00Z'),
};

function withMetadata(...lines: readonly string[]): string {
  return `${TYPE}metadata:\n  name: www\n  namespace: web\n${lines.map((line) => `  ${line}\n`).join('')}${SPEC}`;
}

function remedyOfText(
  code: (typeof CAUSE_CODES)[number],
  text: string,
  more: Partial<RemedyInput> = {},
): Remedy | undefined {
  const cause = causeOf(code, { class: classOf(code) });
  return remedyFor(situation({ cause, patients: patientsIn(text), ...more }));
}

function classOf(code: (typeof CAUSE_CODES)[number]): CauseClass {
  return ['denied', 'unapproved', 'plan-held'].includes(code) ? 'policy' : 'environment';
}

const MARKED: readonly (readonly [name: string, before: string, after: string])[] = [
  [
    'without annotations',
    withMetadata(),
    withMetadata('annotations:', `  certops.dev/retry-requested-at: ${STAMP}`),
  ],
  [
    'with others',
    withMetadata('annotations:', '  team: web # theirs', 'labels: {}'),
    withMetadata(
      'annotations:',
      '  team: web # theirs',
      `  certops.dev/retry-requested-at: ${STAMP}`,
      'labels: {}',
    ),
  ],
  [
    'that was retried before, in place',
    withMetadata(
      'annotations:',
      '  certops.dev/retry-requested-at: 2026-01-01T00:00:00Z # mended',
      '  team: web',
    ),
    withMetadata('annotations:', `  certops.dev/retry-requested-at: ${STAMP} # mended`, '  team: web'),
  ],
  [
    'in flow style',
    `${TYPE}metadata: {name: www, namespace: web}\n${SPEC}`,
    `${TYPE}metadata: {name: www, namespace: web, annotations: {certops.dev/retry-requested-at: ${STAMP}}}\n${SPEC}`,
  ],
  [
    'of an older API version, which is read as it stands',
    withMetadata().replace('cert-manager.io/v1', 'cert-manager.io/v1beta1'),
    withMetadata('annotations:', `  certops.dev/retry-requested-at: ${STAMP}`).replace(
      'cert-manager.io/v1',
      'cert-manager.io/v1beta1',
    ),
  ],
];

for (const [name, before, after] of MARKED) {
  test(`where only the world outside can be mended, it asks to try a Certificate ${name} again`, () => {
    const remedy = remedyOfText('connection-failed', before);

    assert.deepEqual([remedy?.kind, remedy?.title], ['retry', 'try again']);
    assert.equal(remedy?.files.get('web/www.yaml'), after);
    assert.equal(
      onlyCertificate(after).directives.retryRequestedAt?.getTime(),
      Date.parse('2026-11-22T05:06:07Z'),
    );
  });
}

test('the first of several Certificates that can carry it is marked', () => {
  const unreadable = patientsIn(withMetadata()).map((patient) => ({
    ...patient,
    file: { path: 'a.yaml', text: 'a: [' },
  }));
  const patients = [
    ...unreadable,
    ...patientsIn(withMetadata(), 'b.yaml'),
    ...patientsIn(withMetadata(), 'c.yaml'),
  ];

  const remedy = remedyFor(
    situation({ cause: causeOf('dns-credential-refused', { scope: 'solver' }), patients }),
  );

  assert.deepEqual([...(remedy?.files.keys() ?? [])], ['b.yaml']);
});

test('what was tried a moment ago is not proposed again', () => {
  const text = withMetadata('annotations:', `  certops.dev/retry-requested-at: ${STAMP}`);

  assert.equal(remedyOfText('connection-failed', text), undefined);
});

test('an issuer that nothing depends on yet is marked itself', () => {
  const issuer = issuerIn(
    'apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: le}\nspec: {ca: {secretName: x}}\n',
  );

  const remedy = remedyFor(
    situation({ cause: causeOf('issuer-misconfigured', { scope: 'issuer' }), issuer }),
  );

  assert.match(
    remedy?.files.get('issuers.yaml') ?? '',
    /\{name: le, annotations: \{certops\.dev\/retry-requested-at: "2026/,
  );
});

test('a Certificate that was never issued and never will be is suspended, for a reason of ours', () => {
  const cause = causeOf('denied', { class: 'policy', title: 'the policy: "web" says no # now' });

  const remedy = remedyFor(situation({ cause, patients: patientsIn(withMetadata()) }));

  assert.equal(remedy?.kind, 'suspend');
  assert.equal(
    onlyCertificate(remedy?.files.get('web/www.yaml') ?? '').directives.suspend?.reason,
    'the policy: "web" says no # now',
  );
});

for (const code of ['denied', 'unapproved', 'request-refused', 'identifier-rejected'] as const) {
  test(`a certificate in use is not suspended for ${code}`, () => {
    const remedy = remedyOfText(code, withMetadata(), {
      patients: patientsIn(withMetadata(), 'web/www.yaml', IN_USE),
    });

    assert.equal(remedy?.kind, 'retry');
  });
}

for (const code of ['not-allowed-here', 'not-served'] as const) {
  test(`an edit that would change nothing is not promised to: ${code}`, () => {
    const file = { path: 'web/www.yaml', text: withMetadata() };
    const subject = { file, kind: 'Certificate', name: { namespace: 'web', name: 'www' } };

    const remedy = remedyOfText(code, withMetadata(), { subject });

    assert.deepEqual([remedy?.kind, remedy?.title], ['retry', 'correct it and try again']);
    assert.match(remedy?.promise ?? '', /Merging this alone does not mend it/);
  });
}

test('names for which the CA has paused issuance are dropped where they were never covered', () => {
  const text = withMetadata().replace('[www.example.com]', '[www.example.com, old.example.com]');
  const cause = causeOf('paused', { class: 'account', failing: ['old.example.com'] });

  assert.equal(remedyFor(situation({ cause, patients: patientsIn(text) }))?.title, 'drop old.example.com');
});

const RESUMED: readonly (readonly [name: string, before: string, after: string])[] = [
  [
    'with its end, among others',
    withMetadata(
      ...['annotations:', '  certops.dev/suspend: moving # ask Bo', '  team: web'],
      '  certops.dev/suspend-until: "2027-01-01T00:00:00Z"',
    ),
    withMetadata('annotations:', '  team: web'),
  ],
  [
    'alone, with the map',
    withMetadata('annotations:', '  certops.dev/suspend: moving', 'labels: {a: b}'),
    withMetadata('labels: {a: b}'),
  ],
  [
    'in flow style',
    `${TYPE}metadata: {name: www, namespace: web, annotations: {certops.dev/suspend: "x, y"}}\n${SPEC}`,
    `${TYPE}metadata: {name: www, namespace: web}\n${SPEC}`,
  ],
];

for (const [name, before, after] of RESUMED) {
  test(`a suspension that lasts too long goes away ${name}`, () => {
    const remedy = remedyOfText('suspended-too-long', before);

    assert.equal(remedy?.kind, 'resume');
    assert.equal(remedy?.files.get('web/www.yaml'), after);
  });
}

test('the newcomer of two claimants gets the next free Secret', () => {
  const takenSecretNames = ['www-tls', 'www-tls-2', 'www-tls-4'];

  const remedy = remedyOfText('secret-claimed', withMetadata(), { takenSecretNames });

  assert.deepEqual([remedy?.kind, remedy?.title], ['rename-secret', 'use the Secret www-tls-3']);
  assert.equal(remedy?.files.get('web/www.yaml'), withMetadata().replace('www-tls', 'www-tls-3'));
});

const ID = '0123456789abcdef';
const SETTINGS = 'apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: certificates}\n';

const CONFIRMED: readonly (readonly [name: string, before: string | undefined, after: string])[] = [
  [
    'a new file',
    undefined,
    `apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata:\n  name: certificates\nspec:\n  confirmed:\n    - "0123456789abcdef"\n`,
  ],
  ['settings without a spec', SETTINGS, `${SETTINGS}spec:\n  confirmed:\n    - 0123456789abcdef\n`],
  [
    'settings that confirm nothing',
    `${SETTINGS}spec:\n  # many\n  exclude: []\n`,
    `${SETTINGS}spec:\n  # many\n  exclude: []\n  confirmed:\n    - 0123456789abcdef\n`,
  ],
  [
    'an empty list',
    `${SETTINGS}spec:\n  confirmed: [] # none\n`,
    `${SETTINGS}spec:\n  confirmed: [0123456789abcdef] # none\n`,
  ],
  [
    'a list of others',
    `${SETTINGS}spec:\n  confirmed:\n  - "aaaaaaaaaaaaaaaa" # done\n  prune: {}\n`.replace(
      '  prune: {}\n',
      '',
    ),
    `${SETTINGS}spec:\n  confirmed:\n  - "aaaaaaaaaaaaaaaa" # done\n  - 0123456789abcdef\n`,
  ],
];

for (const [name, before, after] of CONFIRMED) {
  test(`a held plan is confirmed in ${name}`, () => {
    const settings = before === undefined ? undefined : { path: 'certops.yaml', text: before };

    const remedy = remedyFor(situation({ cause: causeOf('plan-held'), settings, heldPlanId: ID }));

    assert.deepEqual([remedy?.kind, remedy?.title], ['confirm-plan', `confirm plan ${ID}`]);
    assert.deepEqual([...(remedy?.files ?? [])], [['certops.yaml', after]]);
  });
}

test('an id of digits alone is written as a text', () => {
  const remedy = remedyFor(situation({ cause: causeOf('plan-held'), heldPlanId: '1234567812345678' }));

  assert.match(remedy?.files.get('certops.yaml') ?? '', /- "1234567812345678"\n/);
});

test('what is no id of a plan is not confirmed', () => {
  const heldPlanId = `x, ${STRANGER}`;

  assert.equal(remedyFor(situation({ cause: causeOf('plan-held'), heldPlanId })), undefined);
});

const SEALED =
  'apiVersion: v1\nkind: Secret\nmetadata: {name: tsig, namespace: web}\nstringData: {key: "ENC[AES256_GCM,data:x]"}\nsops: {version: 3.9.0}\n';
const LOST = { name: { namespace: 'web', name: 'tsig' }, path: 'credentials/tsig.yaml', text: SEALED };

test('a sealed Secret that was taken away comes back as it was', () => {
  const remedy = remedyOfText('credential-missing', withMetadata(), { lostSecrets: [LOST] });

  assert.deepEqual([remedy?.kind, remedy?.title], ['put-back-secret', 'put back the Secret web/tsig']);
  assert.deepEqual([...(remedy?.files ?? [])], [['credentials/tsig.yaml', SEALED]]);
});

const NOT_PUT_BACK: readonly (readonly [name: string, lost: typeof LOST])[] = [
  ['it is not sealed', { ...LOST, text: SEALED.replace(/sops.*\n/, '') }],
  ['its values stood in clear', { ...LOST, text: SEALED.replace(/"ENC.*"/, 'hunter2') }],
  ['its file held more', { ...LOST, text: `${SEALED}---\n${withMetadata()}` }],
  ['it is another', { ...LOST, text: SEALED.replace('tsig', 'other') }],
  ['its path leads elsewhere', { ...LOST, path: '../tsig.yaml' }],
  ['its folder is hidden', { ...LOST, path: '.github/tsig.yaml' }],
];

for (const [name, lost] of NOT_PUT_BACK) {
  test(`a Secret is not put back where ${name}`, () => {
    assert.equal(remedyOfText('credential-missing', withMetadata(), { lostSecrets: [lost] })?.kind, 'retry');
  });
}

for (const code of CAUSE_CODES) {
  test(`for ${code} there is a remedy with a difference, and nothing strange in it`, () => {
    const cause = causeOf(code, { failing: ['www.example.com'], title: 'a title of ours' });
    const text = withMetadata();
    const subject = {
      file: { path: 'web/www.yaml', text },
      name: { namespace: 'web', name: 'www' },
      kind: 'Certificate',
    };

    const remedy = remedyFor(situation({ cause, patients: patientsIn(text), subject, now: NOW }));

    assert.ok(remedy !== undefined);
    assert.ok(remedy.files.size > 0);
    for (const content of remedy.files.values()) assert.notEqual(content, text);
    assert.ok(!JSON.stringify([[...remedy.files], remedy.title, remedy.promise]).includes(STRANGER));
    assert.match(remedy.promise, /\. ?This pull request|then closes\.$/);
    assert.ok(remedy.title.length <= 72);
  });
}
