import assert from 'node:assert/strict';
import fc from 'fast-check';
import { quoteBlock, quoteCell, quoteInline, quoteWords } from '../../src/lib/markdown-quote.ts';
import { decideProposals } from '../../src/proposals/decide.ts';
import { proposalBranch, readMarker } from '../../src/proposals/identity.ts';
import type { OpenCause } from '../../src/proposals/open-cause.ts';
import { renderHealed, renderMessage, renderProposal } from '../../src/proposals/render.ts';
import type { ExistingProposal, ProposalPlan } from '../../src/proposals/steps.ts';
import { outsideCode } from '../support/markdown-code.ts';
import { cause, hours, inUse, neverIssued, openCause, proposalOf, remedy } from '../support/open-causes.ts';
import { fuzz, hostileText } from './fuzz.ts';

const WORDS = [
  ...[
    '`',
    '``',
    '```',
    '\n',
    '\n\n',
    '    ',
    '|',
    '\\',
    '\\|',
    '<',
    '>',
    '<!--',
    '-->',
    '</details>',
    '</sub>',
  ],
  ...[
    '[a](b)',
    '![a](b)',
    '@admin',
    '#1',
    '!1',
    '~bug',
    '$x$',
    ':tada:',
    '[[_TOC_]]',
    'https://evil.example',
  ],
  ...[
    'www.evil.example',
    '\n/approve\n',
    '\n# a',
    '\n---\n',
    '\n- ',
    '\n> ',
    '*b*',
    '_i_',
    'GH-1',
    ' ',
    'fixes ',
  ],
  `\n<!-- certops: ${'0'.repeat(64)} healed 2026-11-22T12:00:00Z aa -->\n`,
  `\nCertops-Proposal: ${'0'.repeat(64)}\nCertops-Proposal-State: healed 2026-11-22T12:00:00Z aa\n`,
];
const text = () => hostileText(WORDS);
/** What only strangers can have put there; `>` and `- ` are the sections’ own. */
const LIVE = /[<[\]@$~\\*_|]|#\d|!\d|:\/\/|www\.|:tada:|(?<![\p{L}\p{N}])GH-\d/u;

fuzz('quoted text leaves nothing outside its code span, and keeps to one line', text(), (value) => {
  for (const quoted of [quoteInline(value), quoteCell(value), quoteInline(value, 5)]) {
    assert.equal(outsideCode(quoted), '▮');
    assert.equal(quoted.split('\n').length, 1);
  }
  assert.doesNotMatch(quoteCell(value), /(?<!\\)\||\\\\\|/);
  assert.doesNotMatch(outsideCode(quoteWords(value)), LIVE);
  assert.equal(outsideCode(quoteBlock(value)), '▮');
});

const hostile = fc
  .record({ a: text(), b: text(), c: text(), d: text(), count: fc.integer({ min: 0, max: 30 }) })
  .map(({ a, b, c, d, count }) => ({
    open: openCause('www', {
      cause: cause('www', {
        subject: { kind: 'File', namespace: '', name: a },
        explanation: { what: b, why: c, next: d },
        otherCures: [a],
        problem: { type: b, detail: c, link: d },
        identifiers: [{ identifier: a, problem: { type: b, detail: d } }],
        observations: [{ kind: 'http', identifier: a, asked: b, found: c, finding: 'unknown' }],
      }),
      affected: Array.from({ length: count }, (_, index) => ({
        ...inUse('x', index),
        name: { namespace: index === 0 ? a : 'web', name: `x${index}` },
      })),
      lastAttempts: [{ at: hours(-1), object: d, what: a }],
    }),
    remedy: remedy({ title: a, promise: b, files: new Map([[c, d]]) }),
    diff: `--- a/${a}\n+++ b/${a}\n${b}\n+${c}`,
  }));

fuzz(
  'a rendered proposal fits, keeps its marker and lets nothing out, however little room there is',
  fc.record({
    given: hostile,
    bodyCharacters: fc.integer({ min: 600, max: 20_000 }),
    titleCharacters: fc.integer({ min: 20, max: 255 }),
  }),
  ({ given, bodyCharacters, titleCharacters }) => {
    const limits = { bodyCharacters, titleCharacters };
    const rendered = renderProposal({ ...given, sourceBranch: 'main', now: hours(0), limits });

    const healed = renderHealed(rendered.body, hours(1)).body;
    const message = renderMessage(rendered, true);

    const own = /<\/?(?:details|summary|sub)>|\*\*|^\|.*\|$|<!-- certops: [0-9a-f]{64} open .* -->$/gm;
    assert.doesNotMatch(outsideCode(rendered.body).replace(own, ''), LIVE);
    assert.doesNotMatch(rendered.title, /[<[\]@$~\\|#!`\n]|:\/\//);
    assert.ok(rendered.title.length <= titleCharacters);
    assert.ok(rendered.body.length <= bodyCharacters && healed.length <= bodyCharacters);
    assert.deepEqual(
      [rendered.body, message, healed].map((one) => [readMarker(one)?.key, readMarker(one)?.state]),
      ['open', 'open', 'healed'].map((state) => [given.open.cause.key, state]),
    );
    assert.doesNotMatch(rendered.body.replace(/^`{3,}.*?^`{3,}$/gms, ''), /\bfixes\s+#1/);
    assert.doesNotMatch(message, /^\/|^<!--|^Certops-Proposal: 0/m);
  },
);

/** What happens in the world between two decisions. */
type Event =
  | {
      readonly kind: 'stands';
      readonly cause: number;
      readonly days: number | null;
      readonly attempts: number;
    }
  | { readonly kind: 'heals'; readonly cause: number }
  | { readonly kind: 'rejects' | 'merges' | 'edits' | 'deletes'; readonly pick: number }
  | { readonly kind: 'waits'; readonly hours: number };

const CAUSES = 12;
const CLASSES = ['time', 'environment', 'specification', 'policy'] as const;
const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('stands' as const),
        cause: fc.nat(CAUSES - 1),
        days: fc.option(fc.integer({ min: -1, max: 40 })),
        attempts: fc.integer({ min: 0, max: 5 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('heals' as const), cause: fc.nat(CAUSES - 1) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('rejects' as const, 'merges' as const, 'edits' as const, 'deletes' as const),
        pick: fc.nat(50),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('waits' as const),
        hours: fc.oneof(fc.double({ min: 0.05, max: 2, noNaN: true }), fc.integer({ min: 5, max: 200 })),
      }),
    },
  ),
  { minLength: 5, maxLength: 60 },
);

/** A forge, as little of it as the steps need. */
class World {
  readonly causes = new Map<number, OpenCause>();
  proposals: ExistingProposal[] = [];
  readonly openings: number[] = [];
  at = 0;

  happen(event: Event): void {
    if (event.kind === 'waits') this.at += event.hours;
    else if (event.kind === 'heals') this.causes.delete(event.cause);
    else if (event.kind === 'stands') this.causes.set(event.cause, this.#standing(event));
    else this.#person(event.kind, event.pick);
  }

  decide(atHours: number, maxOpen: number): ProposalPlan {
    return decideProposals({
      causes: [...this.causes.values()],
      existing: this.proposals,
      manners: { isEnabled: true, maxOpen },
      sourceBranch: 'main',
      now: hours(atHours),
    });
  }

  carryOut({ steps }: ProposalPlan): void {
    const now = hours(this.at);
    for (const step of steps) {
      if (step.do === 'open') {
        const headBranch = proposalBranch('main', step.cause.cause);
        // The branch is one, whichever pull requests it had.
        this.#change(headBranch, { branch: 'ours' });
        this.proposals.push(
          proposalOf(step.cause, {
            pullRequest: { number: this.proposals.length + 1, createdAt: now, updatedAt: now },
            marker: { changedAt: now },
          }),
        );
        this.openings.push(this.at);
      } else if (step.do === 'reopen') {
        this.#replace(step.pullRequest.number, (before) => ({
          branch: 'ours',
          pullRequest: {
            ...proposalOf(step.cause, { marker: { reopenedAt: now } }).pullRequest,
            number: before.pullRequest.number,
            createdAt: before.pullRequest.createdAt,
          },
        }));
        this.openings.push(this.at);
      } else if (step.do === 'close') {
        const { body } = renderHealed(step.pullRequest.body, now);
        this.#replace(step.pullRequest.number, ({ branch, pullRequest }) => ({
          branch,
          pullRequest: { ...pullRequest, body, state: 'closed', closedAt: now },
        }));
      } else if (step.do === 'remove-branch') {
        this.#change(step.pullRequest.headBranch, { branch: 'gone' });
      }
    }
  }

  open(): readonly ExistingProposal[] {
    return this.proposals.filter(({ pullRequest }) => pullRequest.state === 'open');
  }

  #standing({ cause: number, days, attempts }: Extract<Event, { readonly kind: 'stands' }>): OpenCause {
    const name = `site-${number}`;
    const end = days === null ? neverIssued(name) : inUse(name, days + this.at / 24);
    return openCause(name, {
      cause: cause(name, { class: CLASSES[number % CLASSES.length] ?? 'time' }),
      attempts,
      affected: [end],
      since: hours(this.at - 1),
      lastAttempts: attempts === 0 ? [] : [{ at: hours(this.at), object: name, what: 'No' }],
    });
  }

  #person(kind: 'rejects' | 'merges' | 'edits' | 'deletes', pick: number): void {
    const open = this.open();
    const picked = open[pick % Math.max(1, open.length)];
    if (picked === undefined) return;
    const { headBranch, number } = picked.pullRequest;
    if (kind === 'edits') this.#change(headBranch, { branch: 'edited' });
    else if (kind === 'deletes') this.#change(headBranch, { branch: 'gone' });
    else {
      this.#replace(number, ({ branch, pullRequest }) => ({
        branch,
        pullRequest: {
          ...pullRequest,
          state: kind === 'merges' ? 'merged' : 'closed',
          closedAt: hours(this.at),
        },
      }));
    }
  }

  #replace(number: number, change: (before: ExistingProposal) => ExistingProposal): void {
    this.proposals = this.proposals.map((one) => (one.pullRequest.number === number ? change(one) : one));
  }

  #change(headBranch: string, { branch }: Pick<ExistingProposal, 'branch'>): void {
    this.proposals = this.proposals.map((one) =>
      one.pullRequest.headBranch === headBranch ? { ...one, branch } : one,
    );
  }
}

function doing({ steps }: ProposalPlan): readonly string[] {
  return steps.map((step) => step.do).filter((done) => done !== 'update' && done !== 'leave');
}

fuzz(
  'never two for one cause, never over a limit, nothing done twice, nothing due before it is said',
  fc.record({ happened: events, maxOpen: fc.integer({ min: 0, max: 6 }) }),
  ({ happened, maxOpen }) => {
    const world = new World();
    for (const event of happened) {
      world.happen(event);

      world.carryOut(world.decide(world.at, maxOpen));

      const again = world.decide(world.at, maxOpen);
      const branches = world.open().map(({ pullRequest }) => pullRequest.headBranch);
      const lately = world.openings.filter((at) => at > world.at - 1);
      assert.deepEqual(doing(again), []);
      assert.equal(new Set(branches).size, branches.length);
      assert.ok(branches.length <= maxOpen);
      assert.ok(lately.length <= 4);
      const next = again.lookAgainAt;
      assert.ok(next === undefined || next > hours(world.at));
      const before =
        next === undefined ? world.at + 5000 : (next.getTime() - hours(0).getTime() - 1) / 3_600_000;
      assert.deepEqual(doing(world.decide(before, maxOpen)), []);
    }
  },
);
