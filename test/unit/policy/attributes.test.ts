import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { RuleRunner } from '../../../src/policy/rule-runner.ts';
import { policyText, verdictOf } from './judging.ts';

const runner = new RuleRunner();
after(() => runner.close());

const USAGES = 'usages: [digital signature, key encipherment]';
const OID = '1.2.3.4';
const REQUIRED = 'Required value: true';

interface Attribute {
  /** Its path below `spec.allowed`, and in messages. */
  readonly path: string;
  /** The rule in flow style around `{…}` of it. */
  readonly allow: (body: string) => string;
  /** Lines of a Certificate that asks for `good.example.com`-like values, or for one that is not allowed. */
  readonly good: readonly string[];
  readonly bad: readonly string[];
  /** Patterns for the good one: exact, and with a wildcard. */
  readonly exact: string;
  readonly wild: string;
  readonly isText?: boolean;
}

const DNS = 'dnsNames: [x.test]';

function list(field: string, good: string, bad: string, wild: string): Attribute {
  return {
    path: field,
    allow: (body) => `${field}: {${body}}`,
    good: [`${field}: ["${good}"]`],
    bad: [`${field}: ["${good}", "${bad}"]`],
    exact: good,
    wild,
  };
}

function subject(field: string): Attribute {
  return {
    path: `subject.${field}`,
    allow: (body) => `subject: {${field}: {${body}}}`,
    good: ['commonName: cn', `subject: {${field}: [Good Ltd]}`],
    bad: ['commonName: cn', `subject: {${field}: [Good Ltd, Evil]}`],
    exact: 'Good Ltd',
    wild: 'Good*',
  };
}

function byOid(path: string, allow: Attribute['allow'], line: (value: string) => string[]): Attribute {
  return { path: `${path}[${OID}]`, allow, good: line('good'), bad: line('evil'), exact: 'good', wild: 'g*' };
}

const ATTRIBUTES: readonly Attribute[] = [
  {
    path: 'commonName',
    allow: (body) => `commonName: {${body}}`,
    good: ['commonName: good.example.com'],
    bad: ['commonName: evil.test'],
    exact: 'good.example.com',
    wild: '*.example.com',
    isText: true,
  },
  list('dnsNames', 'good.example.com', 'evil.test', '*.example.com'),
  list('ipAddresses', '10.0.0.1', '192.0.2.1', '10.*'),
  list('uris', 'spiffe://a/b', 'spiffe://evil/b', 'spiffe://a/*'),
  list('emailAddresses', 'a@example.com', 'a@evil.test', '*@example.com'),
  ...['organizations', 'countries', 'organizationalUnits', 'localities', 'provinces'].map(subject),
  ...['streetAddresses', 'postalCodes'].map(subject),
  {
    path: 'subject.serialNumber',
    allow: (body) => `subject: {serialNumber: {${body}}}`,
    good: ['commonName: cn', 'subject: {serialNumber: "12"}'],
    bad: ['commonName: cn', 'subject: {serialNumber: "99"}'],
    exact: '12',
    wild: '1*',
    isText: true,
  },
  byOid(
    'subject.otherAttributes',
    (body) => `subject: {otherAttributes: [{oid: ${OID}, ${body}}]}`,
    (value) => [DNS, `literalSubject: "${OID}=${value}"`],
  ),
  byOid(
    'otherNames',
    (body) => `otherNames: [{oid: ${OID}, ${body}}]`,
    (value) => [DNS, `otherNames: [{oid: ${OID}, utf8Value: ${value}}]`],
  ),
];

describe('every attribute that a policy can allow', { concurrency: true }, () => {
  for (const { path, allow, good, bad, exact, wild, isText = false } of ATTRIBUTES) {
    // What the Certificate has besides, so that this attribute alone decides.
    const besides = (rule: string): string => {
      const more = [
        ...(path === 'dnsNames' ? [] : ['dnsNames: {values: [x.test]}']),
        ...(path === 'commonName' ? [] : ['commonName: {value: cn}']),
      ];
      return policyText('allowed:', ...[rule, ...more, USAGES].map((line) => `  ${line}`));
    };
    const patterns = (text: string) => (isText ? `value: "${text}"` : `values: ["nobody", "${text}"]`);
    const kinds: readonly (readonly [
      what: string,
      policy: string,
      asked: readonly string[],
      says: RegExp | undefined,
    ])[] = [
      [
        'that it does not mention',
        policyText(
          'allowed:',
          `  ${USAGES}`,
          ...['  commonName: {value: cn}', '  dnsNames: {values: [x.test]}'].filter(
            (line) => !line.includes(`${path}:`),
          ),
        ),
        good,
        new RegExp(`spec\\.allowed\\.${escaped(path)}: Invalid value: .*no allowed value`),
      ],
      ['that it mentions without a value', besides(allow('required: false')), good, /no allowed value/],
      ['by its value', besides(allow(patterns(exact))), good, undefined],
      ['by a wildcard', besides(allow(patterns(wild))), good, undefined],
      [
        'that is another',
        besides(allow(patterns(exact))),
        bad,
        new RegExp(`${escaped(path)}\\.values?: Invalid value`),
      ],
      ['that is outside of a wildcard', besides(allow(patterns(wild))), bad, /Invalid value/],
      [
        'that it requires and that is there',
        besides(allow(`required: true, ${patterns(wild)}`)),
        good,
        undefined,
      ],
      [
        'that it requires and that is not there',
        besides(allow(`required: true, ${patterns(wild)}`)),
        path === 'dnsNames' ? ['commonName: cn'] : [DNS],
        new RegExp(`spec\\.allowed\\.${escaped(path)}\\.required: ${REQUIRED}`),
      ],
      [
        'that it allows and that is not there',
        besides(allow(patterns(wild))),
        path === 'dnsNames' ? ['commonName: cn'] : [DNS],
        undefined,
      ],
    ];
    for (const [what, policy, asked, says] of kinds) {
      test(`${path} ${what}`, async () => {
        const verdict = await verdictOf(policy, asked, { runner });

        assert.equal(verdict.kind, says === undefined ? 'approved' : 'denied', verdict.message);
        if (says !== undefined) assert.match(verdict.message, says);
      });
    }
  }
});

const OTHERS: readonly (readonly [
  name: string,
  policy: readonly string[],
  asked: readonly string[],
  says?: RegExp,
])[] = [
  ['a CA that it does not mention', [], ['isCA: true'], /spec\.allowed\.isCA: Invalid value: true: nil/],
  [
    'a CA that it forbids',
    ['isCA: false'],
    ['isCA: true'],
    /spec\.allowed\.isCA: Invalid value: true: false/,
  ],
  ['a CA that it allows', ['isCA: true'], ['isCA: true']],
  ['no CA where it allows one', ['isCA: true'], []],
  [
    'usages that it does not mention',
    ['usages: null'],
    [],
    /spec\.allowed\.usages: Invalid value: \["digital signature","key encipherment"\]: nil/,
  ],
  ['no usage at all', ['usages: []'], [], /spec\.allowed\.usages: Invalid value/],
  ['a usage too many', [], ['usages: [digital signature, server auth]'], /spec\.allowed\.usages/],
  ['fewer usages than it allows', [], ['usages: [digital signature]']],
];

const CONSTRAINTS: readonly (readonly [
  name: string,
  rule: string,
  asked: readonly string[],
  says?: RegExp,
])[] = [
  ['a duration at most', 'maxDuration: 24h', ['duration: 24h']],
  [
    'a duration over it',
    'maxDuration: 24h',
    ['duration: 24h1s'],
    /spec\.constraints\.maxDuration: Invalid value: "24h0m1s": 24h0m0s/,
  ],
  [
    'no duration where there is a most',
    'maxDuration: 2160h',
    [],
    /spec\.constraints\.maxDuration: Invalid value: ""/,
  ],
  ['a duration at least', 'minDuration: 2h', ['duration: 2h']],
  ['a duration under it', 'minDuration: 2h', ['duration: 1h'], /spec\.constraints\.minDuration/],
  [
    'another algorithm',
    'privateKey: {algorithm: ECDSA}',
    [],
    /spec\.constraints\.privateKey\.algorithm: Invalid value: "RSA": ECDSA/,
  ],
  ['the algorithm', 'privateKey: {algorithm: Ed25519}', ['privateKey: {algorithm: Ed25519}']],
  [
    'a key too small',
    'privateKey: {minSize: 3072}',
    [],
    /spec\.constraints\.privateKey\.minSize: Invalid value: "2048": 3072/,
  ],
  [
    'a key too large',
    'privateKey: {maxSize: 3072}',
    ['privateKey: {size: 4096}'],
    /spec\.constraints\.privateKey\.maxSize/,
  ],
  ['a key between', 'privateKey: {minSize: 2048, maxSize: 4096}', ['privateKey: {size: 4096}']],
  [
    'a key without a size where there is a least',
    'privateKey: {minSize: 1}',
    ['privateKey: {algorithm: Ed25519}'],
    /minSize: Invalid value: "-1"/,
  ],
];

describe('what a policy says besides', { concurrency: true }, () => {
  for (const [name, rules, asked, says] of OTHERS) {
    test(name, async () => {
      const usages = rules.some((rule) => rule.startsWith('usages')) ? [] : [USAGES];
      const policy = policyText(
        'allowed:',
        ...['dnsNames: {values: ["*"]}', ...usages, ...rules].map((line) => `  ${line}`),
      );

      const verdict = await verdictOf(policy, [DNS, ...asked], { runner });

      assert.equal(verdict.kind, says === undefined ? 'approved' : 'denied', verdict.message);
      if (says !== undefined) assert.match(verdict.message, says);
    });
  }
  for (const [name, rule, asked, says] of CONSTRAINTS) {
    test(name, async () => {
      const policy = policyText(
        'allowed:',
        '  dnsNames: {values: ["*"]}',
        `  ${USAGES}`,
        `constraints: {${rule}}`,
      );

      const verdict = await verdictOf(policy, [DNS, ...asked], { runner });

      assert.equal(verdict.kind, says === undefined ? 'approved' : 'denied', verdict.message);
      if (says !== undefined) assert.match(verdict.message, says);
    });
  }
});

function escaped(text: string): string {
  return text.replace(/[.[\]]/g, '\\$&');
}
