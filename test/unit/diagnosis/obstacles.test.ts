import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CauseSubject, Obstacle } from '../../../src/diagnosis/cause.ts';
import { diagnoseObstacle } from '../../../src/diagnosis/diagnose-obstacle.ts';
import { gist } from './failures.ts';

const WWW: CauseSubject = { kind: 'Certificate', namespace: 'web', name: 'www' };
const API: CauseSubject = { kind: 'Certificate', namespace: 'web', name: 'api' };
const PLACE = { path: 'web/www.yaml', line: 7, column: 3 };

const CASES: readonly {
  readonly obstacle: Obstacle;
  readonly subject?: CauseSubject;
  readonly expected: string;
  readonly said?: string;
}[] = [
  {
    obstacle: { kind: 'invalid', ...PLACE, field: 'spec.duration', rule: 'duration', message: 'too\nshort' },
    expected: 'manifest-invalid specification certificate Certificate',
    said: 'web/www.yaml:7:3: too short',
  },
  {
    obstacle: { kind: 'invalid', ...PLACE, rule: 'schema', message: 'no server' },
    subject: { kind: 'ClusterIssuer', namespace: '', name: 'letsencrypt' },
    expected: 'manifest-invalid specification issuer ClusterIssuer',
    said: 'web/www.yaml:7:3: no server',
  },
  {
    obstacle: { kind: 'invalid', ...PLACE, rule: 'yaml', message: 'not YAML' },
    subject: { kind: 'File', namespace: '', name: 'web/www.yaml' },
    expected: 'manifest-invalid specification repository File',
    said: 'web/www.yaml:7:3: not YAML',
  },
  {
    obstacle: { kind: 'not-allowed', path: 'web/www.yaml', message: 'no rule' },
    expected: 'not-allowed-here specification certificate Certificate',
    said: 'web/www.yaml: no rule',
  },
  {
    obstacle: { kind: 'not-served', path: 'web/www.yaml', message: 'no vault' },
    expected: 'not-served specification certificate Certificate',
    said: 'web/www.yaml: no vault',
  },
  {
    obstacle: { kind: 'denied', message: 'by "public": no wildcards' },
    expected: 'denied policy certificate Certificate',
    said: 'by "public": no wildcards',
  },
  {
    obstacle: { kind: 'unapproved', message: 'none selects it' },
    expected: 'unapproved policy certificate Certificate',
    said: 'none selects it',
  },
  {
    obstacle: { kind: 'issuer-missing', message: 'not found' },
    expected: 'issuer-missing specification issuer ClusterIssuer',
    said: 'not found',
  },
  {
    obstacle: { kind: 'secret-claimed', owner: 'web/api', message: 'belongs to web/api' },
    expected: 'secret-claimed specification certificate Certificate',
    said: 'belongs to web/api',
  },
  {
    obstacle: { kind: 'secret-not-owned', message: 'written by people' },
    expected: 'secret-not-owned specification certificate Certificate',
    said: 'written by people',
  },
  {
    obstacle: { kind: 'suspended', reason: 'moving hosts', notAfter: new Date('2026-02-01T00:00:00Z') },
    expected: 'suspended-too-long specification certificate Certificate',
    said: 'moving hosts',
  },
  {
    obstacle: { kind: 'held', planId: '0123abcd', message: 'Plan 0123abcd waits' },
    expected: 'plan-held policy repository File',
    said: 'Plan 0123abcd waits',
  },
];

describe('what stands in the way is a cause', () => {
  for (const { obstacle, subject = WWW, expected, said } of CASES) {
    test(`${obstacle.kind}, of a ${subject.kind}`, () => {
      const cause = diagnoseObstacle(obstacle, { subject, issuer: 'ClusterIssuer/letsencrypt' });

      assert.equal(gist(cause), expected);
      assert.equal(cause.problem?.detail, said);
      assert.match(cause.key, /^[0-9a-f]{64}$/);
    });
  }
});

describe('the key of an obstacle', () => {
  const key = (obstacle: Obstacle, subject = WWW, issuer = 'ClusterIssuer/letsencrypt'): string =>
    diagnoseObstacle(obstacle, { subject, issuer }).key;
  const invalid = { kind: 'invalid', ...PLACE, rule: 'a', message: 'x' } as const;

  test('is the same for two bad fields of one object, wherever they stand', () => {
    assert.equal(key(invalid), key({ ...invalid, rule: 'b', message: 'y', line: 9, path: 'other.yaml' }));
  });

  test('is the same for all that want an issuer which is not there', () => {
    const missing = { kind: 'issuer-missing', message: 'x' } as const;

    assert.equal(key(missing), key({ ...missing, message: 'y' }, API));
    assert.notEqual(key(missing), key(missing, WWW, 'ClusterIssuer/other'));
    assert.notEqual(
      key(missing, WWW, 'Issuer/own'),
      key(missing, { ...WWW, namespace: 'shop' }, 'Issuer/own'),
    );
  });

  test('is the same whenever a suspended certificate ends', () => {
    const suspended = { kind: 'suspended', reason: 'x', notAfter: new Date(0) } as const;

    assert.equal(key(suspended), key({ ...suspended, reason: 'y', notAfter: new Date(1) }));
  });

  test('is another for another object, owner or plan', () => {
    const claimed = { kind: 'secret-claimed', owner: 'web/a', message: 'x' } as const;
    const held = { kind: 'held', planId: 'a', message: 'x' } as const;

    assert.notEqual(key(invalid), key(invalid, API));
    assert.notEqual(key(claimed), key({ ...claimed, owner: 'web/b' }));
    assert.notEqual(key(held), key({ ...held, planId: 'b' }));
  });
});

test('an issuer of another kind is left out', () => {
  const cause = diagnoseObstacle(
    { kind: 'issuer-missing', message: 'x' },
    { subject: WWW, issuer: 'AWSPCAIssuer/a' },
  );

  assert.deepEqual([cause.issuer, cause.subject, cause.scope], [undefined, WWW, 'certificate']);
});
