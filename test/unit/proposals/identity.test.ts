import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { CauseSubject } from '../../../src/diagnosis/cause.ts';
import {
  isProposalBranch,
  proposalBranch,
  proposalPrefix,
  readMarker,
} from '../../../src/proposals/identity.ts';
import { markerComment, markerTrailers, withMarker } from '../../../src/proposals/marker.ts';
import { cause, hours } from '../../support/open-causes.ts';

const KEY = 'deadbeef'.repeat(8);

const NAMED: readonly { readonly name: string; readonly subject: CauseSubject; readonly branch: string }[] = [
  {
    name: 'a Certificate',
    subject: { kind: 'Certificate', namespace: 'web', name: 'www' },
    branch: 'certops/failure/main/web-www-deadbeef',
  },
  {
    name: 'an Issuer',
    subject: { kind: 'Issuer', namespace: 'web', name: 'letsencrypt.prod' },
    branch: 'certops/failure/main/web-letsencrypt.prod-deadbeef',
  },
  {
    name: 'a ClusterIssuer',
    subject: { kind: 'ClusterIssuer', namespace: '', name: 'letsencrypt' },
    branch: 'certops/failure/main/cluster-letsencrypt-deadbeef',
  },
  {
    name: 'a file',
    subject: { kind: 'File', namespace: '', name: 'teams/Web/.hidden/a b.yaml' },
    branch: 'certops/failure/main/repository-teams-web-hidden-a-b.yaml-deadbeef',
  },
  {
    name: 'a file without a letter that a ref may have',
    subject: { kind: 'File', namespace: '', name: 'äöü' },
    branch: 'certops/failure/main/repository-deadbeef',
  },
];

for (const { name, subject, branch } of NAMED) {
  test(`the branch of ${name} says which it is`, () => {
    const found = proposalBranch('main', cause('www', { key: KEY, subject }));

    assert.equal(found, branch);
    assert.ok(isProposalBranch('main', found));
  });
}

test('git takes every branch, whatever the names, and none is over 200 bytes', () => {
  const names = [
    '..',
    'a..b',
    'x.lock',
    '@{1}',
    'a~b^c:d?e*[f\\',
    '-',
    '\u202e',
    'ß'.repeat(200),
    'a/../b',
    ' ',
  ];
  const sources = ['main', 'feature/x.y', 'ü'.repeat(60), `${'long/'.repeat(40)}end.lock`];

  const branches = sources.flatMap((source) =>
    names.flatMap((name) =>
      ['Certificate', 'File', 'ClusterIssuer'].map((kind) => {
        const subject = { kind, namespace: kind === 'Certificate' ? name : '', name };
        return proposalBranch(source, cause('www', { key: KEY, subject }));
      }),
    ),
  );

  for (const branch of new Set(branches)) {
    execFileSync('git', ['check-ref-format', `refs/heads/${branch}`]);
    assert.ok(Buffer.byteLength(branch) <= 200, branch);
  }
});

test('long source branches with the same beginning keep their proposals apart', () => {
  const long = `release/${'x'.repeat(200)}`;

  assert.notEqual(proposalPrefix(`${long}1`), proposalPrefix(`${long}2`));
});

test('branches of other source branches and of people are not taken for proposals', () => {
  assert.ok(!isProposalBranch('main', 'certops/failure/next/web-www-deadbeef'));
  assert.ok(!isProposalBranch('main', 'certops/failure/main/eu/web-www-deadbeef'));
  assert.ok(!isProposalBranch('main', 'certops/failure/main/my-own-idea'));
});

const MARKER = { key: KEY, meaning: 'aa.bb', state: 'open', changedAt: hours(0) } as const;

test('a marker is read again from a comment and from trailers, with the line ends of any forge', () => {
  const reopened = { ...MARKER, reopenedAt: hours(1) };
  const ending = { ...reopened, nearestEnd: hours(500) };

  for (const marker of [MARKER, reopened, ending]) {
    assert.deepEqual(readMarker(`Text\n\n${markerComment(marker)}`), marker);
    assert.deepEqual(readMarker(`Text\r\n\r\n${markerComment(marker)}\r\n`), marker);
    assert.deepEqual(readMarker(`Text\n\n${markerTrailers(marker).join('\n')}\n`), marker);
  }
});

test('a marker counts at the beginning of a line only, and the last one of several', () => {
  const forged = markerComment({ ...MARKER, state: 'healed', key: '0'.repeat(64) });

  assert.equal(readMarker(`> ${forged}\n- \`${forged}\``), undefined);
  assert.deepEqual(readMarker(`${forged}\n\n${markerComment(MARKER)}`), MARKER);
});

test('a marker is changed where it stands', () => {
  for (const marker of [MARKER, { ...MARKER, nearestEnd: hours(500) }]) {
    const changed = withMarker(`A\n${markerTrailers(marker).join('\n')}\nB`, (old) => ({
      ...old,
      state: 'healed',
    }));

    assert.deepEqual(changed, `A\n${markerTrailers({ ...marker, state: 'healed' }).join('\n')}\nB`);
  }
});
