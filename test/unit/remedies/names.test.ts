import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cause } from '../../../src/diagnosis/cause.ts';
import type { Patient } from '../../../src/remedies/remedy.ts';
import { remedyFor } from '../../../src/remedies/remedy-for.ts';
import { causeOf, onlyCertificate, patientsIn, STRANGER, situation } from './situation.ts';

const HEAD = 'apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: www, namespace: web}\n';
const REST = '  secretName: www-tls\n  issuerRef: {name: le}\n';

function withSpec(spec: string): string {
  return `${HEAD}spec:\n${REST}${spec}`;
}

interface Case {
  readonly name: string;
  readonly before: string;
  readonly failing: readonly string[];
  readonly after: string;
  readonly title: string;
  readonly code?: Cause['code'];
}

const DROPPED: readonly Case[] = [
  {
    name: 'in a block list, with the comment on its line',
    before: withSpec(
      '  dnsNames:\n  # ours\n  - www.example.com\n  - old.example.com # gone?\n  - "api.example.com"\n',
    ),
    failing: ['old.example.com'],
    after: withSpec('  dnsNames:\n  # ours\n  - www.example.com\n  - "api.example.com"\n'),
    title: 'drop old.example.com',
  },
  {
    name: 'in a flow list, whatever its case',
    before: withSpec('  dnsNames: [www.example.com, OLD.Example.com, a.example.com] # three\n'),
    failing: ['old.example.com', 'a.example.com'],
    after: withSpec('  dnsNames: [www.example.com] # three\n'),
    title: 'drop old.example.com and 1 more',
  },
  {
    name: 'that is the common name as well',
    before: withSpec(
      '  commonName: old.example.com\n  dnsNames:\n    - old.example.com\n    - www.example.com\n',
    ),
    failing: ['old.example.com'],
    after: withSpec('  dnsNames:\n    - www.example.com\n'),
    title: 'drop old.example.com',
  },
  {
    name: 'that is all of one list, with the list',
    before: withSpec('  dnsNames: [www.example.com]\n  ipAddresses:\n    - "2001:DB8::1"\n'),
    failing: ['2001:db8:0:0::1'],
    after: withSpec('  dnsNames: [www.example.com]\n'),
    title: 'drop 2001:DB8::1',
  },
  {
    name: 'that is a wildcard, and not the name below it',
    before: withSpec('  dnsNames: ["*.example.com", example.com]\n'),
    failing: ['*.example.com'],
    after: withSpec('  dnsNames: [example.com]\n'),
    title: 'drop *.example.com',
  },
  {
    name: 'with CRLF, in the second of three documents',
    before: [
      '# first\nkind: Other\napiVersion: x/v1\n',
      withSpec('  dnsNames:\n  - a.example.com\n  - b.example.com\n'),
      withSpec('  dnsNames:\n  - a.example.com\n').replace('name: www', 'name: two'),
    ]
      .join('---\n')
      .replaceAll('\n', '\r\n'),
    failing: ['a.example.com'],
    after: [
      '# first\nkind: Other\napiVersion: x/v1\n',
      withSpec('  dnsNames:\n  - b.example.com\n'),
      withSpec('  dnsNames:\n  - a.example.com\n').replace('name: www', 'name: two'),
    ]
      .join('---\n')
      .replaceAll('\n', '\r\n'),
    title: 'drop a.example.com',
  },
  {
    name: 'that the CA rejects',
    code: 'identifier-rejected',
    before: withSpec('  dnsNames: [www.example.com, host.internal]\n'),
    failing: ['host.internal'],
    after: withSpec('  dnsNames: [www.example.com]\n'),
    title: 'drop host.internal',
  },
];

for (const { name, before, failing, after, title, code = 'name-not-found' } of DROPPED) {
  test(`of a Certificate that was never issued it drops a name ${name}`, () => {
    const patients = patientsIn(before).slice(0, 1);

    const remedy = remedyFor(situation({ cause: causeOf(code, { failing }), patients }));

    assert.equal(remedy?.files.get('web/www.yaml'), after);
    assert.deepEqual([remedy?.kind, remedy?.title], ['drop-names', title]);
  });
}

const TWO = withSpec('  dnsNames: [www.example.com, old.example.com]\n');
const COVERED = {
  coveredNames: ['www.example.com', 'old.example.com'],
  notAfter: new Date('2027-01-01T00:00:00Z'),
};
const WITHOUT_OLD = withSpec('  dnsNames: [www.example.com]\n');

const IN_USE: readonly {
  readonly name: string;
  readonly cause: Cause;
  readonly facts: Partial<Patient>;
  readonly kind: string;
}[] = [
  {
    name: 'it goes on being tried for without evidence',
    cause: causeOf('connection-failed', {
      failing: ['old.example.com'],
      seen: [['old.example.com', 'unreachable']],
    }),
    facts: COVERED,
    kind: 'retry',
  },
  {
    name: 'evidence about another name counts for nothing',
    cause: causeOf('name-not-found', {
      failing: ['old.example.com'],
      seen: [['www.example.com', 'no-such-domain']],
    }),
    facts: COVERED,
    kind: 'retry',
  },
  {
    name: 'it is not covered any more where it is gone from DNS',
    cause: causeOf('name-not-found', {
      failing: ['old.example.com'],
      seen: [['old.example.com', 'no-such-domain']],
    }),
    facts: COVERED,
    kind: 'stop-covering',
  },
  {
    name: 'it is not covered any more where another server presents it',
    cause: causeOf('wrong-answer', {
      failing: ['old.example.com'],
      seen: [['old.example.com', 'served-elsewhere']],
    }),
    facts: COVERED,
    kind: 'stop-covering',
  },
  {
    name: 'a name server that is out of date is no evidence against those that know the name',
    cause: causeOf('connection-failed', {
      failing: ['old.example.com'],
      seen: [
        ['old.example.com', 'as-expected'],
        ['old.example.com', 'no-such-domain'],
      ],
    }),
    facts: COVERED,
    kind: 'retry',
  },
  ...(['unreachable', 'unknown', 'no-address'] as const).map((other) => ({
    name: `one name server that does not know the name is no evidence while of the others it is said: ${other}`,
    cause: causeOf('connection-failed', {
      failing: ['old.example.com'],
      seen: [
        ['old.example.com', 'no-such-domain'],
        ['old.example.com', other],
      ],
    }),
    facts: COVERED,
    kind: 'retry',
  })),
  {
    name: 'that the TXT record of its challenge is missing fits a name that is gone',
    cause: causeOf('dns-record-missing', {
      failing: ['old.example.com'],
      seen: [
        ['old.example.com', 'missing'],
        ['old.example.com', 'no-such-domain'],
      ],
    }),
    facts: COVERED,
    kind: 'stop-covering',
  },
  {
    name: 'another server at one address is no evidence while ours is presented at another',
    cause: causeOf('wrong-answer', {
      failing: ['old.example.com'],
      seen: [
        ['old.example.com', 'served-elsewhere'],
        ['old.example.com', 'served-here'],
      ],
    }),
    facts: COVERED,
    kind: 'retry',
  },
  {
    name: 'it is not covered any more when the end is near',
    cause: causeOf('connection-failed', { failing: ['old.example.com'] }),
    facts: { ...COVERED, isNearEnd: true },
    kind: 'stop-covering',
  },
  {
    name: 'a wildcard in use covers it as well',
    cause: causeOf('connection-failed', { failing: ['old.example.com'] }),
    facts: { ...COVERED, coveredNames: ['*.example.com'] },
    kind: 'retry',
  },
  {
    name: 'a name that came later and was never covered is dropped',
    cause: causeOf('connection-failed', { failing: ['old.example.com'] }),
    facts: { ...COVERED, coveredNames: ['www.example.com'] },
    kind: 'drop-names',
  },
];

for (const { name, cause, facts, kind } of IN_USE) {
  test(`of a certificate in use: ${name}`, () => {
    const patients = patientsIn(TWO, 'web/www.yaml', facts);

    const remedy = remedyFor(situation({ cause, patients }));

    assert.equal(remedy?.kind, kind);
    if (kind === 'retry') return;
    assert.equal(remedy?.files.get('web/www.yaml'), WITHOUT_OLD);
    assert.equal(
      remedy?.title,
      kind === 'drop-names' ? 'drop old.example.com' : 'stop covering old.example.com',
    );
  });
}

test('the title names one of several names that will not be covered any more', () => {
  const names = ['a.example.com', 'b.example.com', 'c.example.com', 'd.example.com'];
  const patients = patientsIn(withSpec(`  dnsNames: [${names.join(', ')}]\n`), 'a.yaml', {
    ...{ coveredNames: names, isNearEnd: true },
  });
  const cause = causeOf('connection-failed', { failing: names.slice(1) });

  const remedy = remedyFor(situation({ cause, patients }));

  assert.equal(remedy?.title, 'stop covering b.example.com and 2 more');
});

test('an address of a certificate in use is not dropped without evidence, though the record tells no addresses', () => {
  const text = withSpec('  dnsNames: [www.example.com]\n  ipAddresses: [192.0.2.1]\n');
  const patients = patientsIn(text, 'web/www.yaml', { ...COVERED, coveredNames: ['www.example.com'] });
  const cause = causeOf('connection-failed', { failing: ['192.0.2.1'] });

  const kinds = [false, true].map((isNearEnd) => {
    const remedy = remedyFor(situation({ cause, patients: patients.map((one) => ({ ...one, isNearEnd })) }));
    return remedy?.title;
  });

  assert.deepEqual(kinds, ['try again', 'stop covering 192.0.2.1']);
});

const KEPT: readonly {
  readonly name: string;
  readonly cause: Cause;
  readonly kind: string;
  readonly text?: string;
}[] = [
  {
    name: 'all of its names fail',
    cause: causeOf('connection-failed', { failing: ['www.example.com', 'old.example.com'] }),
    kind: 'retry',
  },
  {
    name: 'the CA rejects all of its names',
    cause: causeOf('identifier-rejected', {
      ...{ class: 'specification', failing: ['www.example.com', 'old.example.com'] },
    }),
    kind: 'suspend',
  },
  {
    name: 'a name fails that it does not have',
    cause: causeOf('connection-failed', { failing: ['old.example.com', 'other.example.com'] }),
    kind: 'retry',
  },
  {
    name: 'nobody knows how many names fail besides those that are told',
    cause: causeOf('connection-failed', {
      failing: ['old.example.com', ...Array.from({ length: 19 }, (_, index) => `n${index}.example.com`)],
    }),
    kind: 'retry',
  },
  {
    name: 'the zone is to blame',
    cause: causeOf('caa-forbids', { scope: 'zone', failing: ['old.example.com'] }),
    kind: 'retry',
  },
  {
    name: 'an anchor shares its list',
    cause: causeOf('connection-failed', { failing: ['old.example.com'] }),
    text: withSpec('  dnsNames: &n [www.example.com, old.example.com]\n  subject: {organizations: *n}\n'),
    kind: 'retry',
  },
];

for (const { name, cause, kind, text = TWO } of KEPT) {
  test(`it drops no name where ${name}`, () => {
    const patients = patientsIn(text);

    const remedy = remedyFor(situation({ cause, patients }));

    assert.equal(remedy?.kind, kind);
    const after = remedy?.files.get('web/www.yaml');
    if (after !== undefined) assert.equal(onlyCertificate(after).spec.dnsNames.length, 2);
  });
}

test('nothing that a stranger wrote gets into a file or a title', () => {
  const cause = causeOf('name-not-found', { failing: ['old.example.com'], title: 'the name does not exist' });

  const remedy = remedyFor(situation({ cause, patients: patientsIn(TWO) }));

  assert.ok(remedy !== undefined);
  assert.ok(!JSON.stringify([...remedy.files, remedy.title, remedy.promise]).includes(STRANGER));
});
