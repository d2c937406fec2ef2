import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Finding } from '../../../src/diagnosis/failure.ts';
import { lookForCaa } from '../../../src/evidence/caa-look.ts';
import type { DnsEyes } from '../../../src/evidence/zone-sight.ts';
import { parseDnsName } from '../../../src/solvers/dns/name.ts';
import { caa, cname, eyesOn, NODATA, type Say } from './zones.ts';

const OURS = 'ca.example';
const OTHER = 'other.example';

function look(name: string, eyes: DnsEyes, signal: AbortSignal = new AbortController().signal) {
  const question = { isWildcard: false, method: 'http-01', caaIdentities: [OURS] } as const;
  return lookForCaa(parseDnsName(name), question, eyes, signal);
}

/** A server with these CAA records, by name. */
function has(records: Readonly<Record<string, string>>): Say {
  return ({ name }) => {
    const value = records[name];
    return value === undefined ? NODATA : { answers: [caa(name, value)] };
  };
}

describe('servers of one zone that do not agree about CAA', () => {
  const cases: readonly {
    readonly name: string;
    readonly servers: readonly Say[];
    readonly finding: Finding;
    readonly at: string | undefined;
    readonly found: RegExp;
  }[] = [
    {
      name: 'the one that forbids counts, though another has none',
      servers: [has({}), has({ 'www.a.test': OTHER })],
      ...{ finding: 'caa-forbids', at: 'www.a.test', found: /do not agree, and one has: .*other\.example/ },
    },
    {
      name: 'the one that forbids counts, though another allows',
      servers: [has({ 'www.a.test': OURS }), has({ 'www.a.test': OTHER })],
      ...{ finding: 'caa-forbids', at: 'www.a.test', found: /do not agree/ },
    },
    {
      name: 'one without any leads further up, where it is forbidden',
      servers: [has({ 'www.a.test': OURS, 'a.test': OTHER }), has({ 'a.test': OTHER })],
      ...{ finding: 'caa-forbids', at: 'a.test', found: /^ca\.example is not named/ },
    },
    {
      name: 'one without any leads further up, where nothing forbids it',
      servers: [has({ 'www.a.test': OURS }), has({})],
      ...{ finding: 'caa-allows', at: 'www.a.test', found: /do not agree/ },
    },
    {
      name: 'those that agree are told as one',
      servers: [has({ 'www.a.test': OURS }), has({ 'www.a.test': OURS })],
      ...{ finding: 'caa-allows', at: 'www.a.test', found: /^ca\.example may issue/ },
    },
  ];
  for (const { name, servers, finding, at, found } of cases) {
    test(name, async () => {
      const seen = await look('www.a.test', eyesOn({ 'a.test': servers, test: [has({})] }));

      assert.deepEqual([seen.finding, seen.at], [finding, at], seen.found);
      assert.match(seen.found, found);
    });
  }
});

test('CNAMEs without an end are trouble, and not the absence of records', async () => {
  const say: Say = ({ name }) =>
    name === 'a.test'
      ? NODATA
      : { answers: [cname(name, name === 'www.a.test' ? 'b.a.test' : 'www.a.test')] };

  const seen = await look('www.a.test', eyesOn({ 'a.test': [say], test: [has({})] }));

  assert.equal(seen.finding, 'unknown');
  assert.match(seen.found, /^CNAMEs without an end: www\.a\.test → b\.a\.test → …$/);
});

test('a CNAME that one server of two does not have hides nothing of the records that the other has', async () => {
  const points: Say = ({ name }) => (name === 'www.a.test' ? { answers: [cname(name, 'b.test')] } : NODATA);
  const eyes = eyesOn({
    'a.test': [points, has({ 'www.a.test': OTHER })],
    'b.test': [has({ 'b.test': OURS })],
    test: [has({})],
  });

  const seen = await look('www.a.test', eyes);

  assert.equal(seen.finding, 'caa-forbids', seen.found);
});

describe('a name of many labels', () => {
  const name = `${'x.'.repeat(10)}a.test`;

  test('is not told to be free of CAA where the domain itself was not asked', async () => {
    const seen = await look(name, eyesOn({ 'a.test': [has({ 'a.test': OTHER })], test: [has({})] }));

    assert.equal(seen.finding, 'unknown');
    assert.match(seen.found, /those above were not asked/);
  });

  test('is judged where its own records count', async () => {
    const seen = await look(name, eyesOn({ 'a.test': [has({ [name]: OTHER })], test: [has({})] }));

    assert.equal(seen.finding, 'caa-forbids');
  });
});

test("a name's own records are judged while the zone above says nothing", async () => {
  const eyes = eyesOn({ 'a.test': [has({ 'www.a.test': OTHER })], test: [has({})] });
  const { serversFor } = eyes.authorities;
  eyes.authorities.serversFor = (at, signal) =>
    at === 'test' ? new Promise(() => {}) : serversFor.call(eyes.authorities, at, signal);

  const seen = await look('www.a.test', eyes);

  assert.equal(seen.finding, 'caa-forbids');
});
