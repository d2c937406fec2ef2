import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cause } from '../../../src/diagnosis/cause.ts';
import { remedyFor } from '../../../src/remedies/remedy-for.ts';
import { causeOf, issuerIn, patientsIn, situation } from './situation.ts';

function certificate(
  name: string,
  ref: string,
  fallbacks = 'Issuer/none, ClusterIssuer/backup, Issuer/own',
): string {
  return [
    'apiVersion: cert-manager.io/v1',
    'kind: Certificate',
    'metadata:',
    `  name: ${name}`,
    '  namespace: web',
    ...(fallbacks === ''
      ? []
      : ['  annotations:', `    certops.dev/fallback-issuers: ${fallbacks} # in order`]),
    'spec:',
    '  secretName: www-tls',
    ref,
    '  dnsNames: [www.example.com]',
    '',
  ].join('\n');
}

const BROKEN = causeOf('account-unusable', { class: 'account', scope: 'issuer' });

for (const [code, scope] of [
  ['caa-forbids', 'certificate'],
  ['request-refused', 'certificate'],
  ['no-challenge', 'certificate'],
  ['wrong-certificate', 'certificate'],
  ['dns-credential-refused', 'solver'],
] as const) {
  test(`what the issuer cannot do the first ready fallback may: ${code}`, () => {
    const cause = causeOf(code, { scope, failing: ['www.example.com'] });
    const patients = patientsIn(certificate('www', '  issuerRef: {name: le}'));

    const remedy = remedyFor(situation({ cause, patients, readyIssuers: ['ClusterIssuer/backup'] }));

    assert.deepEqual([remedy?.kind, remedy?.title], ['fallback-issuer', 'use ClusterIssuer/backup']);
  });
}

const REFERENCES: readonly {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly ready?: string;
}[] = [
  {
    name: 'in block style',
    before: '  issuerRef:\n    name: le # main\n    kind: ClusterIssuer',
    after: '  issuerRef:\n    name: backup # main\n    kind: ClusterIssuer',
  },
  {
    name: 'in flow style, with a kind that was left out',
    before: '  issuerRef: {name: "le"}',
    after: '  issuerRef: {name: "backup", kind: ClusterIssuer}',
  },
  {
    name: 'with the group of cert-manager',
    before: '  issuerRef:\n    group: cert-manager.io\n    kind: ClusterIssuer\n    name: le',
    after: '  issuerRef:\n    group: cert-manager.io\n    kind: Issuer\n    name: own',
    ready: 'Issuer/own',
  },
];

for (const { name, before, after, ready = 'ClusterIssuer/backup' } of REFERENCES) {
  test(`the first ready fallback takes the place of a broken issuer ${name}`, () => {
    const patients = patientsIn(certificate('www', before));

    const remedy = remedyFor(situation({ cause: BROKEN, patients, readyIssuers: [ready] }));

    assert.deepEqual([remedy?.kind, remedy?.title], ['fallback-issuer', `use ${ready}`]);
    assert.equal(remedy?.files.get('web/www.yaml'), certificate('www', after));
  });
}

test('all that name the fallback go along, whether or not they share a file, and no other', () => {
  const ref = '  issuerRef: {name: le}';
  const moved = '  issuerRef: {name: backup, kind: ClusterIssuer}';
  const shared = `${certificate('one', ref)}---\n${certificate('two', ref)}---\n${certificate('silent', ref, '')}`;
  const alone = certificate('three', ref, 'ClusterIssuer/backup');
  const elsewhere = certificate('four', '  issuerRef: {name: other}');
  const patients = [
    ...patientsIn(shared, 'shared.yaml'),
    ...patientsIn(alone, 'three.yaml'),
    ...patientsIn(elsewhere, 'four.yaml'),
  ];

  const remedy = remedyFor(situation({ cause: BROKEN, patients, readyIssuers: ['ClusterIssuer/backup'] }));

  assert.deepEqual(
    [...(remedy?.files ?? [])],
    [
      [
        'shared.yaml',
        `${certificate('one', moved)}---\n${certificate('two', moved)}---\n${certificate('silent', ref, '')}`,
      ],
      ['three.yaml', certificate('three', moved, 'ClusterIssuer/backup')],
    ],
  );
  assert.match(remedy?.promise ?? '', /3 Certificates .* 2 more do not name it/);
});

test('fifty of the five hundred in one file go along in one edit', () => {
  const text = Array.from({ length: 500 }, (_, index) =>
    certificate(`w${index}`, '  issuerRef: {name: le}'),
  ).join('---\n');
  const patients = patientsIn(text).slice(0, 50);

  const remedy = remedyFor(situation({ cause: BROKEN, patients, readyIssuers: ['ClusterIssuer/backup'] }));

  const after = remedy?.files.get('web/www.yaml') ?? '';
  assert.equal(after.split('issuerRef: {name: backup, kind: ClusterIssuer}').length - 1, 50);
  assert.equal(after.split('issuerRef: {name: le}').length - 1, 450);
});

const NO_FALLBACK: readonly (readonly [
  name: string,
  cause: Cause,
  ready: readonly string[],
  fallbacks?: string,
])[] = [
  ['none of them is ready', BROKEN, ['ClusterIssuer/other']],
  ['the Certificate names none', BROKEN, ['ClusterIssuer/backup'], ''],
  ['the only one is the broken one', BROKEN, ['Issuer/le'], 'Issuer/le'],
  ['the cause is no issuer’s', causeOf('connection-failed'), ['ClusterIssuer/backup']],
];

for (const [name, cause, readyIssuers, fallbacks] of NO_FALLBACK) {
  test(`no fallback is taken where ${name}`, () => {
    const patients = patientsIn(certificate('www', '  issuerRef: {name: le}', fallbacks));

    const remedy = remedyFor(situation({ cause, patients, readyIssuers }));

    assert.equal(remedy?.kind, 'retry');
  });
}

function issuer(...solvers: readonly string[]): string {
  return [
    'apiVersion: cert-manager.io/v1',
    'kind: ClusterIssuer',
    'metadata: {name: le}',
    'spec:',
    '  acme:',
    '    server: https://acme.example.com/directory',
    '    privateKeySecretRef: {name: le-account}',
    '    solvers:',
    ...solvers.map((line) => `    ${line}`),
    '',
  ].join('\n');
}

const RFC2136 = '  dns01: {rfc2136: {nameserver: "192.0.2.53"}}';
const HTTP01 = '  http01: {ingress: {}}';

const SOLVERS: readonly {
  readonly name: string;
  readonly names: string;
  readonly before: string;
  readonly after: string;
  readonly zone?: string;
}[] = [
  {
    name: 'a name gets into the zones of the only solver',
    names: 'www.example.org',
    before: issuer('- selector:', '    dnsZones:', '    - example.com # ours', RFC2136),
    after: issuer(
      '- selector:',
      '    dnsZones:',
      '    - example.com # ours',
      '    - www.example.org',
      RFC2136,
    ),
  },
  {
    name: 'a wildcard and its apex get in as one zone, in a flow list',
    names: '"*.example.org", example.org',
    before: issuer('- selector: {dnsZones: ["example.com"]}', RFC2136),
    after: issuer('- selector: {dnsZones: ["example.com", "example.org"]}', RFC2136),
  },
  {
    name: 'the zone that the cause names takes all names in it',
    names: 'a.example.org, b.example.org',
    zone: 'example.org',
    before: issuer('- selector: {dnsZones: [example.com]}', RFC2136),
    after: issuer('- selector: {dnsZones: [example.com, example.org]}', RFC2136),
  },
  {
    name: 'a solver for single names gets the name',
    names: 'www.example.org',
    before: issuer('- selector: {dnsNames: [www.example.com]}', HTTP01),
    after: issuer('- selector: {dnsNames: [www.example.com, www.example.org]}', HTTP01),
  },
  {
    name: 'a wildcard goes to the one solver that can validate it',
    names: '"*.example.org"',
    before: issuer(
      '- selector: {dnsZones: [example.com]}',
      HTTP01,
      '- selector: {dnsZones: [example.net]}',
      RFC2136,
    ),
    after: issuer(
      ...['- selector: {dnsZones: [example.com]}', HTTP01],
      ...['- selector: {dnsZones: [example.net, example.org]}', RFC2136],
    ),
  },
];

function asking(names: string): string {
  return certificate('www', '  issuerRef: {name: le, kind: ClusterIssuer}').replace('www.example.com', names);
}

for (const { name, names, before, after, zone } of SOLVERS) {
  test(`where no solver takes a name: ${name}`, () => {
    const cause = causeOf('no-solver', { class: 'specification', zone });

    const remedy = remedyFor(
      situation({ cause, patients: patientsIn(asking(names)), issuer: issuerIn(before) }),
    );

    assert.equal(remedy?.kind, 'name-solver');
    assert.deepEqual([...(remedy?.files ?? [])], [['issuers.yaml', after]]);
  });
}

const NO_SOLVER: readonly (readonly [name: string, names: string, text: string])[] = [
  [
    'two solvers could be meant',
    'www.example.org',
    issuer(
      '- selector: {dnsZones: [example.com]}',
      RFC2136,
      '- selector: {dnsZones: [example.net]}',
      RFC2136,
    ),
  ],
  [
    'none can validate a wildcard',
    '"*.example.org"',
    issuer('- selector: {dnsZones: [example.com]}', HTTP01),
  ],
  [
    'labels keep the solver away',
    'www.example.org',
    issuer('- selector: {dnsZones: [example.com], matchLabels: {a: b}}', RFC2136),
  ],
  [
    'another solver is not served and positions tell nothing',
    'www.example.org',
    issuer(
      ...[
        '- dns01: {acmeDNS: {host: x, accountSecretRef: {name: a, key: b}}}',
        '  selector: {dnsZones: [example.net]}',
      ],
      ...['- selector: {dnsZones: [example.com]}', RFC2136],
    ),
  ],
  [
    'an alias shares the list',
    'www.example.org',
    `x: &z [example.com]\n${issuer('- selector: {dnsZones: *z}', RFC2136)}`,
  ],
];

for (const [name, names, text] of NO_SOLVER) {
  test(`no solver is named where ${name}`, () => {
    const patients = patientsIn(asking(names));
    const [, ...rest] = text.split('x: &z [example.com]\n');
    const sound = rest.length === 0 ? text : (rest[0] ?? '').replace('*z', '[example.com]');
    const placed = { ...issuerIn(sound), file: { path: 'issuers.yaml', text } };

    const remedy = remedyFor(
      situation({ cause: causeOf('no-solver', { class: 'specification' }), patients, issuer: placed }),
    );

    assert.equal(remedy?.kind, 'retry');
  });
}
