import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  encodeName,
  formatName,
  specifiedCommonName,
  subjectName,
} from '../../../src/pki/distinguished-name.ts';
import { generatePrivateKey } from '../../../src/pki/private-key.ts';
import {
  acmeIdentifiers,
  compareRequestWithSpec,
  createSigningRequest,
} from '../../../src/pki/signing-request.ts';
import { EMPTY_SUBJECT, keySpec, openssl, specWith } from './fixtures.ts';

/** `encoded`: what `openssl asn1parse` reads, in the order of the encoding: SETs as `[…]`. */
const NAMES: readonly { name: string; text: string; encoded: string }[] = [
  {
    name: 'what stands last comes first',
    text: 'CN=www.example.com,OU=Web,O=Example,C=DE',
    encoded:
      '[countryName DE] [organizationName Example] [organizationalUnitName Web] [commonName www.example.com]',
  },
  {
    name: 'one type several times, each in a relative name of its own',
    text: 'CN=foo,OU=b,OU=a,DC=corp,DC=example,DC=com',
    encoded:
      '[domainComponent com] [domainComponent example] [domainComponent corp] [organizationalUnitName a] [organizationalUnitName b] [commonName foo]',
  },
  {
    name: 'several attributes in one',
    text: 'CN=foo+UID=77,O=x',
    encoded: '[organizationName x] [commonName foo,userId 77]',
  },
  {
    name: 'a type by its OID',
    text: '1.2.3.4.5.6.7.8=bar,CN=foo',
    encoded: '[commonName foo] [1.2.3.4.5.6.7.8 bar]',
  },
  {
    name: 'spaces around everything',
    text: ' CN = foo , O = a b ',
    encoded: '[organizationName a b] [commonName foo]',
  },
  { name: 'semicolons', text: 'CN=foo;O=x', encoded: '[organizationName x] [commonName foo]' },
  { name: 'an equals sign in a value', text: 'CN=a=b', encoded: '[commonName a=b]' },
  {
    name: 'escaped characters',
    text: 'CN=a\\,b\\+c\\\\d,O=\\#1\\ ',
    encoded: '[organizationName #1 ] [commonName a,b+c\\d]',
  },
  { name: 'octets in hex', text: 'CN=K\\c3\\b6ln', encoded: '[commonName Köln]' },
  {
    name: 'a quoted value',
    text: 'O="Sue, Grabbit; Runn",C=GB',
    encoded: '[countryName GB] [organizationName Sue, Grabbit; Runn]',
  },
  { name: 'a DER string in hex', text: '2.5.4.10=#0c0454657374', encoded: '[organizationName Test]' },
  {
    name: 'everything that has a name',
    text: 'STREET=s,L=l,ST=st,SERIALNUMBER=1,POSTALCODE=2',
    encoded: '[postalCode 2] [serialNumber 1] [stateOrProvinceName st] [localityName l] [streetAddress s]',
  },
];

const FAULTS = [
  'CN',
  'CN=a,,O=b',
  '=a',
  'X=1',
  'CN=a\\',
  'CN=\\zz',
  'O=#0c05aa',
  'O=#zz',
  'cn=lower',
  '1=a',
  '3.1=a',
];

async function encodedName(der: Uint8Array): Promise<string> {
  const text = await openssl(['asn1parse', '-inform', 'DER'], der);
  const words: string[] = [];
  for (const line of text.split('\n')) {
    const [, type = '', value = ''] = /(?:cons|prim): *([A-Z0-9 ]+?)\s*(?::(.*))?$/.exec(line) ?? [];
    if (type === 'SET') words.push('[');
    else if (type === 'OBJECT') words.push(`${value} `);
    else if (type.endsWith('STRING')) words.push(`${value},`);
  }
  return words.join('').replaceAll(',[', '] [').replaceAll(',]', ']').replace(/,$/, ']');
}

describe('a literalSubject', () => {
  for (const { name, text, encoded } of NAMES) {
    it(`is encoded as cert-manager does: ${name}`, async () => {
      const der = encodeName(subjectName({ literalSubject: text }));

      assert.equal(await encodedName(der), encoded);
    });
  }

  for (const text of FAULTS) {
    it(`is refused: ${text}`, () => {
      assert.throws(() => subjectName({ literalSubject: text }), { code: 'pki.bad-literal-subject' });
    });
  }

  it('reads back as the text it was made from', () => {
    const text = 'CN=foo\\, bar+UID=7,O=x,DC=example,DC=com';

    assert.equal(formatName(subjectName({ literalSubject: text })), text);
  });

  it('gives the common name that an ACME order asks for too', () => {
    const spec = specWith({ literalSubject: 'CN=first.example.com,CN=last.example.com,O=x' });

    assert.equal(specifiedCommonName(spec), 'first.example.com');
    assert.deepEqual(
      acmeIdentifiers(spec).map(({ value }) => value),
      ['first.example.com', 'www.example.com'],
    );
  });

  it('takes the place of the other fields in a request, which fulfils no other literalSubject', async () => {
    const spec = specWith({ literalSubject: 'CN=foo,O=b,O=a' });

    const csr = await createSigningRequest(spec, await generatePrivateKey(keySpec()));

    assert.deepEqual(await compareRequestWithSpec(csr, spec), []);
    const reordered = { ...spec, literalSubject: 'CN=foo,O=a,O=b' };
    assert.deepEqual(await compareRequestWithSpec(csr, reordered), ['spec.literalSubject']);
    const fields = {
      literalSubject: undefined,
      commonName: 'foo',
      subject: { ...EMPTY_SUBJECT, organizations: ['b'] },
    };
    assert.deepEqual(await compareRequestWithSpec(csr, { ...spec, ...fields }), [
      'spec.subject.organizations',
    ]);
  });

  it('that has what no field has is missed when it goes', async () => {
    const spec = specWith({ literalSubject: 'CN=foo,DC=com' });

    const csr = await createSigningRequest(spec, await generatePrivateKey(keySpec()));

    const fields = { ...spec, literalSubject: undefined, commonName: 'foo' };
    assert.deepEqual(await compareRequestWithSpec(csr, fields), ['spec.literalSubject']);
  });
});
