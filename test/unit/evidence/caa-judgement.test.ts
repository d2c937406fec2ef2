import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CaaQuestion, judgeCaa, readIssueValue } from '../../../src/evidence/caa-judgement.ts';

const QUESTION: CaaQuestion = {
  ...{ isWildcard: false, method: 'http-01', caaIdentities: ['ca.example', 'ca.test'] },
  accountUri: 'https://ca.example/acct/1',
};

describe('an issue value (RFC 8659, section 4.2)', () => {
  const cases: readonly (readonly [text: string, domain: string, parameters: readonly string[]])[] = [
    ['ca.example', 'ca.example', []],
    ['  CA.example ;', 'ca.example', []],
    [';', '', []],
    ['', '', []],
    ['ca.example; a=b ; C = d', 'ca.example', ['a=b', 'c=d']],
    [
      'ca.example; accounturi=https://ca.example/acct/1',
      'ca.example',
      ['accounturi=https://ca.example/acct/1'],
    ],
    ['ca.example; no equals sign', '', []],
    ['ca example', '', []],
    ['%%%%%', '', []],
  ];
  for (const [text, domain, parameters] of cases) {
    test(`"${text}"`, () => {
      const value = readIssueValue(text);

      assert.equal(value.domain, domain);
      assert.deepEqual(
        value.parameters.map((parameter) => `${parameter.tag}=${parameter.value}`),
        parameters,
      );
    });
  }
});

describe('records in force', () => {
  const cases: readonly {
    readonly name: string;
    readonly records: readonly (readonly [tag: string, value: string])[];
    readonly isCritical?: boolean;
    readonly more?: Partial<CaaQuestion>;
    readonly finding: string;
  }[] = [
    { name: 'a second name of the CA counts', records: [['issue', 'ca.test']], finding: 'caa-allows' },
    {
      name: 'one of several suffices',
      records: [
        ['issue', 'other.example'],
        ['issue', 'ca.example'],
      ],
      finding: 'caa-allows',
    },
    { name: 'only iodef restricts nothing', records: [['iodef', 'mailto:a@b.test']], finding: 'caa-allows' },
    { name: 'only issuewild restricts no plain name', records: [['issuewild', ';']], finding: 'caa-allows' },
    {
      name: 'issue binds a wildcard where there is no issuewild',
      records: [['issue', 'other.example']],
      more: { isWildcard: true, method: 'dns-01' },
      finding: 'caa-forbids',
    },
    {
      name: 'one property that binds and one that does not let it issue',
      records: [
        ['issue', 'ca.example; validationmethods=dns-01'],
        ['issue', 'ca.example; validationmethods=http-01,tls-alpn-01'],
      ],
      finding: 'caa-allows',
    },
    {
      name: 'two accounturi allow nobody (RFC 8657, section 3)',
      records: [
        ['issue', 'ca.example; accounturi=https://ca.example/acct/1; accounturi=https://ca.example/acct/2'],
      ],
      finding: 'caa-forbids',
    },
    {
      name: 'a method that is not known is not held against it',
      records: [['issue', 'ca.example; validationmethods=dns-01']],
      more: { method: undefined },
      finding: 'caa-allows',
    },
    {
      name: 'a CA without a name is not judged',
      records: [['issue', 'other.example']],
      more: { caaIdentities: [] },
      finding: 'unknown',
    },
    {
      name: 'a critical property of mail is known',
      records: [['issuemail', ';']],
      isCritical: true,
      finding: 'caa-allows',
    },
    {
      name: 'a critical property that Boulder does not know stops it',
      records: [
        ['issue', 'ca.example'],
        ['contactemail', 'a@b.test'],
      ],
      isCritical: true,
      finding: 'caa-forbids',
    },
    {
      name: 'nobody may issue, whoever the CA is',
      records: [['issue', ';']],
      more: { caaIdentities: undefined },
      finding: 'caa-forbids',
    },
  ];
  for (const { name, records, isCritical = false, more = {}, finding } of cases) {
    test(name, () => {
      const data = records.map(([tag, value]) => ({ isCritical, tag, value }));

      assert.equal(judgeCaa(data, { ...QUESTION, ...more }).finding, finding);
    });
  }
});
