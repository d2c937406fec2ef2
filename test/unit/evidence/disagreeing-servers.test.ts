import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findAddresses } from '../../../src/evidence/address-look.ts';
import { lookForTxt } from '../../../src/evidence/txt-look.ts';
import { parseDnsName } from '../../../src/solvers/dns/name.ts';
import { a, cname, eyesOn, NODATA, NXDOMAIN, type Say, txt } from './zones.ts';

const SIGNAL = new AbortController().signal;

/** Two servers each, and so more of everything than is told. */
function twice(...says: readonly Say[]): readonly Say[] {
  return says.flatMap((say) => [say, say]);
}

describe('of many things that servers say', () => {
  test('the one that knows the name is told, though most say otherwise', async () => {
    const knows: Say = ({ name, type }) => (type === 'A' ? { answers: [a(name, '192.0.2.9')] } : NODATA);
    const servers: readonly Say[] = [
      knows,
      ...twice(
        () => NXDOMAIN,
        () => NODATA,
        () => ({ rcode: 'REFUSED', isAuthoritative: false }),
      ),
    ];

    const { drafts } = await findAddresses(
      parseDnsName('www.a.test'),
      eyesOn({ 'a.test': servers }),
      () => false,
      SIGNAL,
    );

    assert.deepEqual(drafts.map(({ finding }) => finding).sort(), [
      'as-expected',
      'no-address',
      'no-such-domain',
      'unreachable',
    ]);
  });

  test('the TXT record that one server lacks is told, and at most three things', async () => {
    const holds = (value: string): Say => {
      return ({ name, type }) => (type === 'TXT' ? { answers: [txt(name, value)] } : NODATA);
    };
    const servers = [() => NXDOMAIN, ...twice(holds('one'), holds('two'), holds('three'))];

    const drafts = await lookForTxt(
      parseDnsName('_acme-challenge.a.test'),
      'expected',
      eyesOn({ 'a.test': servers }),
      SIGNAL,
    );

    const findings = drafts.map(({ finding }) => finding);
    assert.deepEqual(findings, ['something-else', 'something-else', 'missing']);
  });
});

describe('a CNAME that one server of two does not have', () => {
  const name = '_acme-challenge.a.test';
  const points: Say = () => ({ answers: [cname(name, 'a.acme.test')] });
  const target: Say = ({ type }) =>
    type === 'TXT'
      ? { answers: [txt('a.acme.test', 'expected')] }
      : { answers: [a('a.acme.test', '192.0.2.9')] };

  test('hides nothing of what the other says about the TXT record', async () => {
    const eyes = eyesOn({ 'a.test': [points, () => NXDOMAIN], 'acme.test': [target] });

    const drafts = await lookForTxt(parseDnsName(name), 'expected', eyes, SIGNAL);

    assert.deepEqual(
      drafts.map(({ asked, found, finding }) => [asked.replace(/ \(.*/, ''), found, finding]),
      [
        [
          `TXT ${name} at ns3.servers.test`,
          `CNAME ${name} → a.acme.test; the value that the CA looks for`,
          'as-expected',
        ],
        [`TXT ${name} at ns2.servers.test`, 'no TXT record (NXDOMAIN)', 'missing'],
      ],
    );
  });

  test('hides nothing of what the other says about addresses', async () => {
    const other: Say = ({ type }) => (type === 'A' ? { answers: [a(name, '192.0.2.1')] } : NODATA);
    const eyes = eyesOn({ 'a.test': [points, other], 'acme.test': [target] });

    const { addresses, drafts } = await findAddresses(parseDnsName(name), eyes, () => false, SIGNAL);

    assert.deepEqual(addresses, ['192.0.2.1', '192.0.2.9']);
    assert.equal(drafts.length, 2);
  });

  test('is no stray where the server only does not answer', async () => {
    const eyes = eyesOn({ 'a.test': [points, () => ({ errno: undefined })], 'acme.test': [target] });

    const drafts = await lookForTxt(parseDnsName(name), 'expected', eyes, SIGNAL);

    assert.deepEqual(
      drafts.map(({ finding }) => finding),
      ['as-expected'],
    );
  });
});

describe('TXT records of another zone', () => {
  const name = '_acme-challenge.a.test';
  const points: Say = () => ({ answers: [cname(name, 'secret.inner.test')] });
  const cases = [
    { expected: 'expected', found: 'not "expected" but 2 other TXT records' },
    { expected: undefined, found: '2 TXT records' },
  ];
  for (const { expected, found } of cases) {
    test(`are counted and not told: ${found}`, async () => {
      const inner: Say = () => ({
        answers: ['one-secret', 'two-secrets'].map((value) => txt('secret.inner.test', value)),
      });
      const eyes = eyesOn({ 'a.test': [points], 'inner.test': [inner] });

      const [seen] = await lookForTxt(parseDnsName(name), expected, eyes, SIGNAL);

      assert.equal(seen?.found, `CNAME ${name} → secret.inner.test; ${found}`);
    });
  }

  test('are counted and not told where only the resolver follows the CNAME', async () => {
    const eyes = eyesOn({ 'a.test': [() => ({ errno: undefined })] });
    const { ask } = eyes.resolver;
    eyes.resolver.ask = async (at, type, signal) => {
      const message = await ask.call(eyes.resolver, at, type, signal);
      if (type !== 'TXT') return message;
      return { ...message, answers: [{ name: 'secret.inner.test' as typeof at, type, value: 'one-secret' }] };
    };

    const drafts = await lookForTxt(parseDnsName(name), undefined, eyes, SIGNAL);

    assert.deepEqual(
      drafts.map(({ found }) => found.includes('one-secret')),
      [false, false],
    );
    assert.equal(drafts.at(-1)?.found, '1 TXT records');
  });
});
