import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { printable } from '../../../src/lib/printable.ts';
import { renderCommitMessage } from '../../../src/status/commit-message.ts';

const NOTHING = { subject: 'Issue web/www', body: '', trailers: {}, suffix: '' };

test('subject, text, a line of the repository’s own, trailers in their order', () => {
  const message = renderCommitMessage({
    subject: 'Issue web/www',
    body: 'Issuing certificate as Secret does not exist.\nValid from today.',
    trailers: {
      'Certops-Event': ['Created Order www-1', 'Presented HTTP-01 for www.example.com'],
      'Certops-Certificate': 'web/www',
      'Certops-Revision': '1',
      'Certops-Serial': undefined,
    },
    suffix: '[skip ci]',
  });

  assert.equal(
    message,
    `Issue web/www

Issuing certificate as Secret does not exist.
Valid from today.

[skip ci]

Certops-Certificate: web/www
Certops-Revision: 1
Certops-Event: Created Order www-1
Certops-Event: Presented HTTP-01 for www.example.com
`,
  );
});

test('a subject ends within 72 characters, whatever they are', () => {
  const [ascii = '', wide = ''] = ['x', '😀'].map(
    (character) => renderCommitMessage({ ...NOTHING, subject: character.repeat(100) }).split('\n')[0],
  );

  assert.deepEqual([[...ascii].length, [...wide].length], [72, 72]);
  assert.ok(ascii.endsWith('…') && wide.endsWith('😀…'));
  assert.equal(renderCommitMessage({ ...NOTHING, subject: 'x'.repeat(72) }), `${'x'.repeat(72)}\n`);
});

test('text is wrapped at 72 columns and keeps its own lines', () => {
  const body = `${'word '.repeat(40)}\nsecond line`;

  const lines = renderCommitMessage({ ...NOTHING, body })
    .trimEnd()
    .split('\n')
    .slice(2);

  assert.ok(lines.every((line) => line.length <= 72));
  assert.equal(lines.at(-1), 'second line');
  assert.equal(lines.slice(0, -1).join(' '), 'word '.repeat(40).trim());
});

const FORGERIES: readonly string[] = [
  'x\n\nCertops-Serial: forged',
  'x\r\nCertops-Serial: forged\r\n',
  'x\u2028Certops-Serial: forged',
  'x\u0085Certops-Serial: forged',
  `${'w'.repeat(70)} Certops-Serial: forged`,
  'certops-serial: forged',
  'x\n\n\nSigned-off-by: somebody\nCertops-Serial: forged\n',
  '\u202eCertops-Serial: forged',
];

for (const text of FORGERIES) {
  test(`nobody forges a trailer with ${JSON.stringify(text).slice(0, 40)}`, () => {
    const message = renderCommitMessage({
      subject: `Fail web/www: ${text}`,
      body: text,
      trailers: { 'Certops-Certificate': 'web/www', 'Certops-Event': [text] },
      suffix: '',
    });

    const trailers = execFileSync('git', ['interpret-trailers', '--parse'], {
      input: message,
      encoding: 'utf8',
    });

    assert.doesNotMatch(trailers, /^certops-serial/im);
    assert.match(trailers, /^Certops-Certificate: web\/www$/m);
    assert.doesNotMatch(message, /^certops-serial/im, 'no line of the text begins like a trailer of ours');
  });
}

test('what is printed is one line without control, format and direction characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(printable(text), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]| {2}|^ | $/u);
    }),
    { seed: 7 },
  );
  assert.equal(printable('a\u202eb\u200bc\td\u001b[31me'), 'a b c d [31me');
});
