import { createHash } from 'node:crypto';
import type { Cause } from '../../src/diagnosis/cause.ts';
import { proposalBranch } from '../../src/proposals/identity.ts';
import { markerComment, type ProposalMarker } from '../../src/proposals/marker.ts';
import { proposalMeaning } from '../../src/proposals/meaning.ts';
import type { Affected, OpenCause } from '../../src/proposals/open-cause.ts';
import type { PullRequest } from '../../src/proposals/pull-request.ts';
import type { ExistingProposal } from '../../src/proposals/steps.ts';
import type { Remedy } from '../../src/remedies/remedy.ts';

/** The moment that everything here is told from. */
export const NOON = new Date('2026-11-22T12:00:00Z');
const HOUR_MS = 3_600_000;

/** So many hours after noon; before it where negative. */
export function hours(count: number): Date {
  return new Date(NOON.getTime() + count * HOUR_MS);
}

/** A certificate in use that ends so many days after noon, with a renewal window of 30 days. */
export function inUse(name: string, daysLeft: number): Affected {
  return {
    name: { namespace: 'web', name },
    notBefore: hours((daysLeft - 90) * 24),
    notAfter: hours(daysLeft * 24),
    renewalTime: hours((daysLeft - 30) * 24),
  };
}

export function neverIssued(name: string): Affected {
  return { name: { namespace: 'web', name } };
}

/** A cause of the Certificate `web/<name>`: a name that DNS does not know. */
export function cause(name: string, changes: Partial<Cause> = {}): Cause {
  return {
    key: createHash('sha256').update(name).digest('hex'),
    class: 'environment',
    scope: 'certificate',
    subject: { kind: 'Certificate', namespace: 'web', name },
    code: 'name-not-found',
    title: 'no such domain',
    explanation: {
      what: 'The CA cannot find old.example.com in DNS',
      why: 'The name servers of example.com say that the name does not exist',
      next: 'Put the record of old.example.com back, if the name is still wanted',
    },
    otherCures: ['Use a DNS-01 solver for `_acme-challenge.old.example.com`'],
    identifiers: [
      {
        identifier: 'old.example.com',
        challengeType: 'http-01',
        problem: {
          type: 'dns',
          detail: 'DNS problem: NXDOMAIN looking up A for old.example.com',
          status: 400,
        },
      },
    ],
    observations: [
      {
        kind: 'dns',
        identifier: 'old.example.com',
        asked: 'A old.example.com at ns1.example.com (192.0.2.1)',
        found: 'NXDOMAIN',
        finding: 'no-such-domain',
      },
    ],
    ...changes,
  };
}

/** A cause that stands: three attempts failed, and the certificate in use lasts for 25 days. */
export function openCause(name: string, changes: Partial<OpenCause> = {}): OpenCause {
  return {
    cause: cause(name),
    since: hours(-48),
    attempts: 3,
    nextAttemptAt: hours(8),
    isLimit: false,
    affected: [inUse(name, 25)],
    lastAttempts: [
      { at: hours(-1), object: `web/${name}`, what: 'The CA could not validate old.example.com' },
    ],
    ...changes,
  };
}

export function remedy(changes: Partial<Remedy> = {}): Remedy {
  return {
    kind: 'drop-names',
    files: new Map([['teams/web/www.yaml', 'kind: Certificate\n']]),
    title: 'drop old.example.com',
    promise: 'The certificate is ordered without old.example.com',
    ...changes,
  };
}

/** A pull request of a cause as a forge shows it, opened two hours before noon; its marker as `marker` has it. */
export function proposalOf(
  open: OpenCause,
  changes: {
    readonly pullRequest?: Partial<PullRequest>;
    readonly marker?: Partial<ProposalMarker>;
    readonly branch?: ExistingProposal['branch'];
  } = {},
): ExistingProposal {
  const headBranch = proposalBranch('main', open.cause);
  const marker: ProposalMarker = {
    key: open.cause.key,
    meaning: proposalMeaning({ open, remedy: remedy(), now: NOON }),
    state: 'open',
    changedAt: hours(-2),
    ...changes.marker,
  };
  return {
    branch: changes.branch ?? 'ours',
    pullRequest: {
      number: 7,
      url: 'https://forge.example/team/certificates/pulls/7',
      state: 'open',
      title: 'web/www: drop old.example.com',
      body: `Words.\n\n${markerComment(marker)}`,
      headBranch,
      headCommit: '1'.repeat(40),
      baseBranch: 'main',
      isFork: false,
      isDraft: false,
      author: 'certops',
      labels: ['certops'],
      createdAt: hours(-2),
      updatedAt: hours(-2),
      ...changes.pullRequest,
    },
  };
}
