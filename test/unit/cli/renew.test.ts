import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { renewalBranch } from '../../../src/cli/renew.ts';
import { printableText } from '../../../src/lib/printable.ts';
import { requestRenewal } from '../../../src/remedies/renewal-request.ts';

const NOW = new Date('2026-11-22T10:11:12Z');
const WWW = { namespace: 'web', name: 'www' };

const SPEC = `spec:
  secretName: www-tls
  dnsNames: [www.example.com]
  issuerRef: { name: ca }
`;
const HEAD = 'apiVersion: cert-manager.io/v1\nkind: Certificate\n';

test('a renewal is asked for in the file as it is', () => {
  const cases = [
    {
      name: 'without annotations',
      before: `# ours\n${HEAD}metadata:\n  name: www # the shop\n  namespace: web\n${SPEC}`,
      after: `# ours\n${HEAD}metadata:\n  name: www # the shop\n  namespace: web\n  annotations:\n    certops.dev/renew-requested-at: "2026-11-22T10:11:12Z"\n${SPEC}`,
    },
    {
      name: 'asked for before, in the second document',
      before: `a: 1\n---\n${HEAD}metadata:\n  name: www\n  namespace: web\n  annotations:\n    certops.dev/renew-requested-at: '2026-01-01T00:00:00Z' # key\n${SPEC}`,
      after: `a: 1\n---\n${HEAD}metadata:\n  name: www\n  namespace: web\n  annotations:\n    certops.dev/renew-requested-at: '2026-11-22T10:11:12Z' # key\n${SPEC}`,
    },
  ];

  for (const { name, before, after } of cases) {
    assert.equal(requestRenewal({ path: 'web.yaml', text: before }, WWW, NOW)?.text, after, name);
  }
});

test('a renewal is not asked for where that would touch more, or would say nothing new', () => {
  const cases = [
    {
      name: 'annotations by an alias',
      text: `${HEAD}metadata:\n  name: www\n  namespace: web\n  labels: &l { a: b }\n  annotations: *l\n${SPEC}`,
    },
    {
      name: 'the same second',
      text: `${HEAD}metadata:\n  name: www\n  namespace: web\n  annotations: { certops.dev/renew-requested-at: "2026-11-22T10:11:12Z" }\n${SPEC}`,
    },
    { name: 'another Certificate', text: `${HEAD}metadata:\n  name: api\n  namespace: web\n${SPEC}` },
  ];

  for (const { name, text } of cases) {
    assert.equal(requestRenewal({ path: 'web.yaml', text }, WWW, NOW), undefined, name);
  }
});

test('the branch of a renewal says what and when, and git takes it', () => {
  const cases = [
    { branch: 'main', names: [WWW], expected: 'certops/renew/main/www-20261122-101112' },
    {
      branch: 'env/prod',
      names: [WWW, { namespace: 'web', name: 'api' }],
      expected: 'certops/renew/env/prod/2-certificates-20261122-101112',
    },
    {
      branch: `${'long-'.repeat(30)}end`,
      names: [{ namespace: 'web', name: `${'a.'.repeat(110)}b` }],
      expected: `certops/renew/${'long-'.repeat(11)}long/${'a.'.repeat(44)}a-20261122-101112`,
    },
  ];

  for (const { branch, names, expected } of cases) {
    const found = renewalBranch(branch, names, NOW);

    assert.equal(found, expected);
    execFileSync('git', ['check-ref-format', `refs/heads/${found}`]);
  }
});

test('text of several lines reaches a terminal without what would command it', () => {
  const shown = printableText('a\u001b[31mred\r\n\tb\u202ec\u0007\n  d\u009b2Je');

  assert.equal(shown, 'a [31mred\n  b c\n  d 2Je');
});
