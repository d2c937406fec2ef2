import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cause } from '../../../src/diagnosis/cause.ts';
import { zoneCauseOf, zoneCausesOf } from '../../../src/diagnosis/zone-cause.ts';
import { CONTEXT, diagnose, failure, invalid, named } from './failures.ts';

/** A Certificate for these names, all of which fail. */
function failing(certificate: string, names: readonly string[], type = 'dns', issuer = 'letsencrypt'): Cause {
  return diagnose(invalid(names.map((name) => named(name, type, 'dns-01'))), {
    certificate: { namespace: 'web', name: certificate },
    issuer: { ...CONTEXT.issuer, name: issuer },
  });
}

describe('three Certificates that fail alike below one domain', () => {
  const cases = [
    { name: 'are its zone’s', names: [['a.x.test'], ['b.x.test'], ['c.x.test']], zone: 'x.test' },
    { name: 'with the domain itself', names: [['x.test'], ['*.x.test'], ['b.x.test']], zone: 'x.test' },
    { name: 'deeper down', names: [['a.eu.x.test'], ['b.eu.x.test'], ['c.d.eu.x.test']], zone: 'eu.x.test' },
    {
      name: 'with several names each',
      names: [['a.x.test', 'b.x.test'], ['c.x.test'], ['d.x.test']],
      zone: 'x.test',
    },
    { name: 'in one country', names: [['a.co.uk'], ['b.co.uk'], ['c.co.uk']], zone: undefined },
    {
      name: 'of one owner in that country',
      names: [['a.x.co.uk'], ['b.x.co.uk'], ['c.x.co.uk']],
      zone: 'x.co.uk',
    },
    {
      name: 'at one host of pages',
      names: [['a.github.io'], ['b.github.io'], ['c.github.io']],
      zone: undefined,
    },
    {
      name: 'have a top-level domain alone in common',
      names: [['a.test'], ['b.test'], ['c.test']],
      zone: undefined,
    },
    { name: 'are addresses', names: [['192.0.2.1'], ['192.0.2.2'], ['192.0.2.3']], zone: undefined },
    { name: 'are two', names: [['a.x.test'], ['b.x.test']], zone: undefined },
    {
      name: 'are of two domains at once',
      names: [['a.x.test', 'a.y.test'], ['b.x.test'], ['c.x.test']],
      zone: undefined,
    },
  ];
  for (const { name, names, zone } of cases) {
    test(`${name}: ${zone ?? 'no zone'}`, () => {
      const cause = zoneCauseOf(names.map((some, index) => failing(`c${index}`, some)));

      assert.equal(cause?.zone, zone);
    });
  }

  test('are not the zone’s when one of them failed three times', () => {
    const causes = ['a', 'b', 'c'].map((name) => failing('same', [`${name}.x.test`]));

    assert.equal(zoneCauseOf(causes), undefined);
  });

  test('are not the zone’s when they fail differently, at different issuers, or without names', () => {
    const names = ['a.x.test', 'b.x.test', 'c.x.test'];

    const types = names.map((name, index) => failing(name, [name], index === 0 ? 'caa' : 'dns'));
    const issuers = names.map((name, index) => failing(name, [name], 'dns', `i${index}`));
    const nameless = names.map((name) =>
      diagnose(failure('solvers.dns-zone-not-found'), {
        ...CONTEXT,
        certificate: { namespace: 'web', name },
      }),
    );
    const rejected = names.map((name) => failing(name, [name], 'rejectedIdentifier'));

    for (const causes of [types, issuers, nameless, rejected]) assert.deepEqual(zoneCausesOf(causes), []);
  });
});

test('the cause of a zone belongs to its issuer, and is found again', () => {
  const [one, ...rest] = ['a', 'b', 'c', 'd'].map((name) => failing(name, [`${name}.x.test`]));

  const cause = zoneCauseOf(rest);
  const later = zoneCauseOf([...rest, ...(one === undefined ? [] : [one])].reverse());

  assert.deepEqual(
    [cause?.scope, cause?.code, cause?.class, cause?.subject],
    ['zone', 'dns-trouble', 'environment', { kind: 'ClusterIssuer', namespace: '', name: 'letsencrypt' }],
  );
  assert.equal(cause?.key, later?.key);
  assert.equal(later?.identifiers.length, 4);
  assert.match(cause?.explanation.what ?? '', /below x\.test$/);
});

test('zones are found in any mixture, the widest trouble first', () => {
  const causes = [
    ...['a', 'b', 'c'].map((name) => failing(`x-${name}`, [`${name}.x.test`])),
    failing('lone', ['www.lone.test']),
    ...['a', 'b', 'c', 'd'].map((name) => failing(`y-${name}`, [`${name}.y.test`])),
  ];

  assert.deepEqual(
    zoneCausesOf(causes).map(({ zone }) => zone),
    ['y.test', 'x.test'],
  );
});

test('five hundred Certificates make a small cause', () => {
  const causes = Array.from({ length: 500 }, (_, index) => failing(`c${index}`, [`n${index}.x.test`]));

  const cause = zoneCauseOf(causes);

  assert.equal(cause?.identifiers.length, 20);
  assert.ok(JSON.stringify(cause).length < 14 * 1024);
});
