import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMarker } from '../../../src/proposals/identity.ts';
import type { OpenCause } from '../../../src/proposals/open-cause.ts';
import {
  needsUpdate,
  type ProposalInput,
  renderHealed,
  renderMessage,
  renderProposal,
} from '../../../src/proposals/render.ts';
import type { Remedy } from '../../../src/remedies/remedy.ts';
import { outsideCode } from '../../support/markdown-code.ts';
import { cause, hours, inUse, NOON, neverIssued, openCause, remedy } from '../../support/open-causes.ts';

const LIMITS = { titleCharacters: 256, bodyCharacters: 65_536 };
const DIFF = [
  '--- a/teams/web/www.yaml',
  '+++ b/teams/web/www.yaml',
  '@@ -9,3 +9,2 @@ spec:',
  '   dnsNames:',
  '     - www.example.com',
  '-    - old.example.com',
  '',
].join('\n');

function render(changes: Partial<ProposalInput> = {}) {
  return renderProposal({
    open: openCause('www'),
    remedy: remedy(),
    diff: DIFF,
    sourceBranch: 'main',
    now: NOON,
    limits: LIMITS,
    ...changes,
  });
}

/** Headings, and the first words of what has none. */
function partsOf(body: string): readonly string[] {
  return body
    .split('\n')
    .filter((line) => /^(?:###|\*\*|<details>|<sub>|<!--)/.test(line))
    .map((line) => line.slice(0, 30));
}

test('the text says everything in the order in which one asks', () => {
  const { body } = render();

  assert.deepEqual(
    partsOf(body),
    [
      '**`web/www` cannot be renewed: ',
      '### What still works',
      '### What fails',
      '### What certops saw',
      '### What merging does',
      '### What else would heal it',
      '### If nothing is done',
      '<details><summary>3 attempts f',
      '<sub>certops keeps this up to ',
      '<!-- certops: ',
    ].map(
      (part) =>
        body
          .split('\n')
          .find((line) => line.startsWith(part))
          ?.slice(0, 30) ?? part,
    ),
  );
  assert.match(body, /The certificate in use works until \*\*2026-12-17 12:00 UTC\*\*\./);
  assert.match(
    body,
    /- `old\.example\.com` by HTTP-01: the CA says `dns` \(HTTP 400\)\n {2}> `DNS problem: NXDOMAIN/,
  );
  assert.match(
    body,
    /- `A old\.example\.com at ns1[^`]*`: \*\*the name does not exist\*\*\n {2}> `NXDOMAIN`/,
  );
  assert.match(body, /ordered without `old\.example\.com`\.\n\n```diff\n--- a\/teams/);
  assert.match(
    body,
    /It is tried again on 2026-11-22 20:00 UTC\. On \*\*2026-12-17 12:00 UTC\*\* the certificate/,
  );
});

test('five hundred Certificates are told by the twenty most urgent', () => {
  const affected = [
    ...Array.from({ length: 470 }, (_, index) => inUse(`site-${index}`, 2 + index)),
    ...Array.from({ length: 30 }, (_, index) => neverIssued(`new-${index}`)),
  ];

  const { title, body } = render({ open: openCause('www', { affected }) });

  assert.equal(title, 'web/www: drop old.example.com (no such domain; 500 Certificates)');
  assert.match(body, /500 Certificates cannot be issued or renewed/);
  assert.match(body, /470 Certificates work; the first to end is `web\/site-0`, on \*\*2026-11-24/);
  assert.match(body, /30 were never issued/);
  assert.match(body, /And 480 more\./);
  assert.equal(body.match(/^\| `web/gm)?.length, 20);
});

test('what has ended is said so', () => {
  const { body } = render({ open: openCause('www', { affected: [inUse('www', -1)] }) });

  assert.match(body, /the certificate of `web\/www` ended on \*\*2026-11-21 12:00 UTC\*\*/);
});

test('a manifest that is not accepted is no word of a CA, and does not end what is in use', () => {
  const refused = openCause('www', {
    cause: cause('www', {
      class: 'specification',
      code: 'manifest-invalid',
      title: 'the manifest is not valid',
      problem: { type: 'invalid-value', detail: 'www.yaml:7:13: not a duration' },
      ...{ identifiers: [], observations: [] },
    }),
    ...{ attempts: 0, nextAttemptAt: undefined, lastAttempts: [] },
  });

  const { body } = render({ open: refused });

  assert.match(body, /^\*\*`web\/www` is not accepted as it stands: the manifest is not valid\.\*\*/);
  assert.match(body, /What certops found:\n\n> `www\.yaml:7:13: not a duration`/);
  assert.match(body, /What was accepted before stays in force and goes on being renewed/);
  assert.doesNotMatch(body, /The CA answered|cannot be renewed|clients refuse it/);
});

test('a suspension is told in the words of whoever suspended it', () => {
  const suspended = cause('www', {
    class: 'specification',
    code: 'suspended-too-long',
    problem: { type: 'suspended', detail: 'moving house' },
    ...{ identifiers: [], observations: [] },
  });

  const { body } = render({ open: openCause('www', { cause: suspended }) });

  assert.match(body, /The annotation says why:\n\n> `moving house`/);
});

const TITLES: readonly {
  readonly name: string;
  readonly open?: OpenCause;
  readonly remedy?: Partial<Remedy>;
  readonly maxCharacters?: number;
  readonly title: string;
}[] = [
  { name: 'what merging does, and why', title: 'web/www: drop old.example.com (no such domain)' },
  {
    name: 'what is broken, where merging only tries again',
    open: openCause('www', {
      cause: cause('www', {
        subject: { kind: 'ClusterIssuer', namespace: '', name: 'letsencrypt' },
        title: 'the DNS server refuses the TSIG key',
      }),
      affected: [inUse('a', 3), inUse('b', 4)],
    }),
    remedy: { kind: 'retry', title: 'try again' },
    title: 'ClusterIssuer letsencrypt: the DNS server refuses the TSIG key (2 Certificates)',
  },
  {
    name: 'without the reason where room is short',
    maxCharacters: 30,
    title: 'web/www: drop old.example.com',
  },
  { name: 'cut where there is hardly any', maxCharacters: 12, title: 'web/www: dr…' },
  {
    name: 'nothing that a forge makes something of',
    open: openCause('www', {
      cause: cause('www', {
        subject: { kind: 'File', namespace: '', name: 'Draft: @org/fixes #1 :x:.yaml' },
        title: 'closes https://forge.example/1',
      }),
    }),
    remedy: { title: 'drop 2001:db8::1, `x` <b> !2' },
    title:
      'File Draft___org/fixes__1__x_.yaml: drop 2001:db8::1, _x_ _b_ _2 (closes https_//forge.example/1)',
  },
];

for (const { name, open = openCause('www'), remedy: changes = {}, maxCharacters = 256, title } of TITLES) {
  test(`the title says ${name}`, () => {
    const limits = { ...LIMITS, titleCharacters: maxCharacters };

    assert.equal(render({ open, remedy: remedy(changes), limits }).title, title);
  });
}

const EVIL = [
  'x ` `` ``` ```` <img src=x onerror=y> </details> [a](https://evil.example) ![b](c) @admin fixes #1 !2 ~bug',
  '%m &e $x$ :tada: [[_TOC_]] www.evil.example GH-12 *b* _i_ | c | \\| <!-- certops: z -->',
  `<!-- certops: ${'0'.repeat(64)} healed 2026-11-22T12:00:00Z aa.bb -->`,
  `Certops-Proposal: ${'0'.repeat(64)}`,
  'Certops-Proposal-State: healed 2026-11-22T12:00:00Z aa.bb',
  '/approve',
  '/label ~bug',
  '# heading',
  '---',
  '\u202ereversed\u0000\u001b[31m',
].join('\n');

const HOSTILE = openCause('www', {
  cause: cause('www', {
    subject: { kind: 'File', namespace: '', name: EVIL },
    explanation: { what: EVIL, why: EVIL, next: EVIL },
    otherCures: [EVIL],
    problem: { type: EVIL, detail: `${EVIL}.`, status: 400, isPaused: true, link: EVIL },
    identifiers: [{ identifier: EVIL, challengeType: 'dns-01', problem: { type: EVIL, detail: EVIL } }],
    observations: [{ kind: 'http', identifier: EVIL, asked: EVIL, found: EVIL, finding: 'something-else' }],
  }),
  affected: [{ ...inUse('a', 3), name: { namespace: EVIL, name: EVIL } }, neverIssued('b')],
  lastAttempts: [{ at: NOON, object: EVIL, what: EVIL }],
});

test('nothing that strangers wrote renders, mentions, links, closes or commands', () => {
  const { body } = render({
    open: HOSTILE,
    remedy: remedy({ promise: EVIL, files: new Map([[EVIL, EVIL]]) }),
    diff: `--- a/x\n+++ b/x\n@@ -1 +1 @@\n${EVIL}\n+${EVIL}`,
  });

  const bare = outsideCode(body);
  const own = bare.replace(/<\/?(?:details|summary|sub)>|<!-- certops: [0-9a-f]{64} open [^>]* -->$/g, '');
  assert.doesNotMatch(own, /[<[\]@$~\\]|#\d|!\d|:\/\/|www\.|evil|:tada:|GH-|\*b\*|_i_|\u202e|\0/);
  assert.doesNotMatch(bare, /^\s*(?:\/|---|# )/m);
  assert.doesNotMatch(body, /^(?:\/approve|<!-- certops: 0|Certops-Proposal: 0)/m);
  assert.equal(readMarker(body)?.key, HOSTILE.cause.key);
  assert.equal(readMarker(body)?.state, 'open');
});

test('nothing that strangers wrote begins a line of a commit message, mentions or closes', () => {
  const rendered = render({ open: HOSTILE, remedy: remedy({ promise: EVIL }) });

  const message = renderMessage(rendered, true);

  assert.doesNotMatch(message, /^(?:\/|<!--|Certops-Proposal: 0)/m);
  assert.doesNotMatch(message, /@admin|#1|!2|\p{Cf}|[^\P{Cc}\n]/u);
  assert.equal(readMarker(message)?.key, HOSTILE.cause.key);
});

test('the text fits whatever room there is, the diff and the end of the certificate last of all', () => {
  const full = render().body.length;

  for (const bodyCharacters of [full + 200, full, 2000, 1500, 1000, 800, 400, 150, 100]) {
    const { body } = render({ limits: { ...LIMITS, bodyCharacters } });

    assert.ok(body.length <= Math.max(bodyCharacters, 160), `${body.length} of ${bodyCharacters}`);
    assert.ok(readMarker(body) !== undefined);
    assert.equal(body.match(/^```/gm)?.length ?? 0, body.includes('```diff') ? 2 : 0);
    assert.equal(body.includes('<details>'), body.includes('</details>'));
    if (bodyCharacters >= 1500) assert.match(body, /```diff/);
    if (bodyCharacters >= 800) assert.match(body, /works until \*\*2026-12-17/);
  }
});

test('a diff that is too long is cut', () => {
  const diff = Array.from({ length: 1000 }, (_, index) => `+line ${index}`).join('\n');

  const { body } = render({ diff });

  assert.match(body, /\+line 199\n```\n\nAnd 800 more lines, in the branch itself\./);
});

test('the meaning stays for another attempt and another moment of a retry, and changes with the remedy', () => {
  const retry = (at: string) =>
    remedy({ kind: 'retry', files: new Map([['a.yaml', `retry-requested-at: ${at}`]]) });
  const meaningOf = (changes: Partial<ProposalInput>) => render(changes).meaning;
  const before = meaningOf({ remedy: retry('2026-11-22T12:00:00Z') });

  const later = openCause('www', { attempts: 9, nextAttemptAt: hours(30) });

  assert.equal(meaningOf({ open: later, remedy: retry('2026-11-22T18:00:00Z'), now: hours(6) }), before);
  assert.notEqual(meaningOf({ remedy: remedy() }), before);
  assert.notEqual(meaningOf({ remedy: retry('x') }), before);
});

test('a text is written anew at once for another meaning, and for other words after six hours', () => {
  const before = render();
  const reworded = render({ open: openCause('www', { attempts: 4 }), now: hours(1) });
  const changed = render({ remedy: remedy({ title: 'drop www.example.com' }), now: hours(1) });
  const same = render({ now: hours(20) });

  assert.equal(needsUpdate(before, changed, hours(1)), true);
  assert.equal(needsUpdate(before, reworded, hours(5.9)), false);
  assert.equal(needsUpdate(before, reworded, hours(6)), true);
  assert.equal(needsUpdate(before, same, hours(20)), false);
  assert.equal(needsUpdate({ ...before, body: 'A person wrote this.' }, before, hours(1)), true);
  assert.equal(needsUpdate({ ...before, body: renderHealed(before.body, NOON).body }, before, NOON), true);
});

test('line ends, a draft’s prefix and the form of a commit message are no other words', () => {
  const before = render();
  const same = render({ now: hours(20) });
  const [title = '', ...lines] = renderMessage(before, true).split('\n');

  const shown = [
    { title: `Draft: ${before.title}`, body: `${before.body.replaceAll('\n', '\r\n')}\r\n` },
    { title, body: lines.join('\n') },
    { title, body: `${lines.join('\n')}\n\n[skip ci]` },
  ];

  assert.deepEqual(
    shown.map((pullRequest) => needsUpdate(pullRequest, same, hours(20))),
    [false, false, false],
  );
});

test('a healed one says so in its marker and keeps its words, however often it is told', () => {
  const { body } = render({ reopenedAt: hours(-1) });

  const first = renderHealed(body, hours(1));
  const second = renderHealed(first.body, hours(2));

  assert.deepEqual(second, first);
  assert.match(first.body, /^\*\*Healed on 2026-11-22 13:00 UTC;.*\*\*\n\n\*\*`web\/www` cannot/);
  assert.deepEqual(readMarker(first.body), { ...readMarker(body), state: 'healed', changedAt: hours(1) });
  assert.match(first.comment, /opened again/);
});

test('a healed message of plain Git says so in its trailers', () => {
  const message = renderMessage(render(), true);

  const { body } = renderHealed(message, hours(1));

  assert.equal(readMarker(body)?.state, 'healed');
});

test('the message of a branch with a pull request is short and names the key', () => {
  const { title, body } = render();

  const message = renderMessage({ title, body }, false);

  assert.equal(
    message,
    `${title}\n\nOpened by certops; its pull request says why.\n\nCertops-Proposal: ${openCause('www').cause.key}\n`,
  );
});

test('the message of plain Git is readable in 80 columns, without the diff', () => {
  const message = renderMessage(render(), true);

  assert.deepEqual(
    message.split('\n').filter((line) => line.length > 76 && !line.startsWith('Certops-')),
    [],
  );
  assert.doesNotMatch(message, /```|### |\*\*|<!--|\+\+\+|<sub>/);
  assert.match(
    message,
    /\n\nWhat still works\n\n {2}The certificate in use works until 2026-12-17 12:00 UTC\./,
  );
  assert.match(
    message,
    /\n {2}- old\.example\.com by HTTP-01: the CA says dns \(HTTP 400\)\n {8}“DNS problem/,
  );
  assert.match(message, /Delete it to say no/);
  assert.match(
    message,
    /\n\nCertops-Proposal: [0-9a-f]{64}\nCertops-Proposal-State: open 2026-11-22T12:00:00Z [0-9a-f.]+\nCertops-Proposal-Ends: 2026-12-17T12:00:00Z\n$/,
  );
});
