import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { sign } from '@octokit/webhooks-methods';
import { createDeliveryMemory } from '../../../src/forge/delivery-memory.ts';
import { verifyWebhook, type WebhookKind, type WebhookRequest } from '../../../src/forge/webhooks.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';

const SECRET = 'canary-webhook-secret';
const NOW = new Date('2027-01-02T03:00:00Z');
const REPOSITORY = 'team/certificates';
const HUB_PUSH = { ref: 'refs/heads/main', repository: { full_name: REPOSITORY }, after: 'x' };
const GITLAB_PUSH = {
  object_kind: 'push',
  ref: 'refs/heads/main',
  project: { path_with_namespace: REPOSITORY },
};

type Headers = Readonly<Record<string, string>>;
type Given = Partial<Omit<WebhookRequest, 'body' | 'headers' | 'secrets'>> & {
  readonly headers: Headers;
  readonly body: string | Uint8Array;
  readonly secrets?: readonly string[];
};

function verify(kind: WebhookKind, given: Given) {
  const { body, secrets = [SECRET] } = given;
  return verifyWebhook({
    repository: REPOSITORY,
    seen: createDeliveryMemory(),
    now: NOW,
    ...given,
    kind,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    secrets: secrets.map((secret) => new Sensitive(secret)),
  });
}

function hex(body: string | Uint8Array, secret = SECRET): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** A genuine webhook of each kind of forge that sends `text`, signed with `secret`. */
function headersOf(kind: WebhookKind, text: string, secret = SECRET, event = 'push'): Headers {
  const json = { 'content-type': 'application/json' };
  if (kind === 'github') {
    return {
      ...json,
      'x-github-event': event,
      'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      'x-hub-signature-256': `sha256=${hex(text, secret)}`,
    };
  }
  if (kind === 'gitlab') {
    return {
      ...json,
      'x-gitlab-event': event === 'push' ? 'Push Hook' : event,
      'idempotency-key': 'f5e5f430-f57b-4e6e-9fac-d9128cd7232f',
      'x-gitlab-token': secret,
    };
  }
  if (kind === 'generic') return { ...json, 'x-certops-signature': `sha256=${hex(text, secret)}` };
  return {
    ...json,
    'x-github-event': event,
    [`x-${kind}-event`]: event,
    [`x-${kind}-delivery`]: 'f6266f16-1bf3-46a5-9ea4-602e06ead473',
    [`x-${kind}-signature`]: hex(text, secret),
  };
}

const KINDS = ['github', 'gitlab', 'gitea', 'forgejo', 'generic'] as const;

function bodyOf(kind: WebhookKind, repository = REPOSITORY): string {
  if (kind === 'gitlab')
    return JSON.stringify({ ...GITLAB_PUSH, project: { path_with_namespace: repository } });
  if (kind === 'generic') return JSON.stringify({ event: 'push', branch: 'main', repository });
  return JSON.stringify({ ...HUB_PUSH, repository: { full_name: repository } });
}

for (const kind of KINDS) {
  const body = bodyOf(kind);

  test(`${kind}: a genuine push is taken`, () => {
    assert.deepEqual(verify(kind, { headers: headersOf(kind, body), body }), {
      event: 'push',
      branch: 'main',
    });
  });

  test(`${kind}: both secrets count while they change, and no third one`, () => {
    const secrets = ['canary-old', 'canary-new'];

    const taken = ['canary-old', 'canary-new', 'canary-other'].map((secret) =>
      verify(kind, { headers: headersOf(kind, body, secret), body, secrets }),
    );

    const push = { event: 'push', branch: 'main' };
    assert.deepEqual(taken, [push, push, { refused: 'signature', status: 401 }]);
  });

  test(`${kind}: without a secret, or with an empty one, nothing is taken`, () => {
    const none = verify(kind, { headers: headersOf(kind, body), body, secrets: [] });
    const empty = verify(kind, { headers: headersOf(kind, body, ''), body, secrets: [''] });

    assert.deepEqual(none, { refused: 'signature', status: 401 });
    assert.ok('refused' in empty && empty.status === 401);
  });

  test(`${kind}: a request that proves nothing is refused`, () => {
    const refused = verify(kind, { headers: { 'content-type': 'application/json' }, body });

    assert.deepEqual(refused, { refused: 'missing', status: 401 });
  });

  test(`${kind}: another repository is refused`, () => {
    const other = bodyOf(kind, 'team/other');

    const refused = verify(kind, { headers: headersOf(kind, other), body: other });

    assert.deepEqual(refused, { refused: 'repository', status: 403 });
  });

  test(`${kind}: a path in other case is the same repository`, () => {
    const cased = bodyOf(kind, 'Team/Certificates');

    assert.deepEqual(verify(kind, { headers: headersOf(kind, cased), body: cased }), {
      event: 'push',
      branch: 'main',
    });
  });

  test(`${kind}: a body that is no JSON, or of another type, is refused`, () => {
    const form = `payload=${encodeURIComponent(body)}`;
    const invalid = Buffer.from([0x7b, 0xff, 0x7d]);
    const cases = [
      { body: '{"ref":', refused: 'malformed', status: 400 },
      { body: 'null', refused: 'malformed', status: 400 },
      { body: '[]', refused: 'malformed', status: 400 },
      { body: '['.repeat(100_000), refused: 'malformed', status: 400 },
    ];

    for (const { body: sent, ...expected } of cases) {
      assert.deepEqual(
        verify(kind, { headers: headersOf(kind, sent), body: sent }),
        expected,
        sent.slice(0, 20),
      );
    }
    assert.deepEqual(
      verify(kind, {
        headers: { ...headersOf(kind, form), 'content-type': 'application/x-www-form-urlencoded' },
        body: form,
      }),
      { refused: 'content-type', status: 415 },
    );
    assert.deepEqual(
      verify(kind, { headers: { ...headersOf(kind, ''), ...signedBytes(kind, invalid) }, body: invalid }),
      { refused: 'malformed', status: 400 },
    );
  });

  if (kind !== 'generic') {
    test(`${kind}: a delivery is taken once`, () => {
      const seen = createDeliveryMemory();
      const given = { headers: headersOf(kind, body), body, seen };

      const taken = [verify(kind, given), verify(kind, given)];

      assert.deepEqual(taken, [
        { event: 'push', branch: 'main' },
        { refused: 'replayed', status: 409 },
      ]);
    });

    test(`${kind}: what was refused is not remembered`, () => {
      const seen = createDeliveryMemory();
      const forged = verify(kind, { headers: headersOf(kind, body, 'canary-wrong'), body, seen });

      const genuine = verify(kind, { headers: headersOf(kind, body), body, seen });

      assert.ok('refused' in forged);
      assert.deepEqual(genuine, { event: 'push', branch: 'main' });
    });

    test(`${kind}: an event that certops does not look at is taken note of, and no more`, () => {
      const headers = headersOf(kind, body, SECRET, 'issues');

      assert.deepEqual(verify(kind, { headers, body }), { refused: 'event', status: 202 });
    });
  }
}

/** The signature of bytes that are no text. */
function signedBytes(kind: WebhookKind, bytes: Uint8Array): Headers {
  if (kind === 'github') return { 'x-hub-signature-256': `sha256=${hex(bytes)}` };
  if (kind === 'generic') return { 'x-certops-signature': `sha256=${hex(bytes)}` };
  return kind === 'gitlab' ? {} : { [`x-${kind}-signature`]: hex(bytes) };
}

for (const kind of ['github', 'gitea', 'forgejo', 'generic'] as const) {
  test(`${kind}: one changed byte is refused`, () => {
    const body = bodyOf(kind);

    const refused = verify(kind, { headers: headersOf(kind, body), body: body.replace('main', 'mAin') });

    assert.deepEqual(refused, { refused: 'signature', status: 401 });
  });
}

test('another forge at the wrong path is refused', () => {
  const outcomes = KINDS.filter((kind) => kind !== 'generic').flatMap((sender) =>
    KINDS.filter((kind) => kind !== sender).map((kind) => {
      const body = bodyOf(sender);
      return verify(kind, { headers: headersOf(sender, body), body });
    }),
  );

  assert.equal(outcomes.length, 16);
  assert.deepEqual(
    [...new Set(outcomes.map((one) => ('refused' in one ? one.refused : 'taken')))],
    ['missing'],
  );
});

test("Gitea's copy of GitHub's headers does not open GitHub's path", () => {
  const body = bodyOf('gitea');
  const headers = { ...headersOf('github', body), ...headersOf('gitea', body) };

  assert.deepEqual(verify('github', { headers, body }), { refused: 'missing', status: 401 });
});

test('a signature that another implementation makes is taken', async () => {
  const body = bodyOf('github');
  const headers = { ...headersOf('github', body), 'x-hub-signature-256': await sign(SECRET, body) };

  assert.deepEqual(verify('github', { headers, body }), { event: 'push', branch: 'main' });
});

const SIGNATURES = [
  '',
  'sha256=',
  'sha256=00',
  `sha1=${'0'.repeat(40)}`,
  `sha256=${'z'.repeat(64)}`,
  '0'.repeat(64),
];

for (const signature of SIGNATURES) {
  test(`a signature that is none is refused: '${signature.slice(0, 12)}' of ${signature.length}`, () => {
    const body = bodyOf('github');
    const headers = { ...headersOf('github', body), 'x-hub-signature-256': signature };

    const refused = verify('github', { headers, body });

    assert.ok('refused' in refused && refused.status === 401);
  });
}

const PULL_REQUESTS = [
  {
    kind: 'github' as const,
    event: 'pull_request',
    body: { action: 'synchronize', number: 7, repository: { full_name: REPOSITORY } },
  },
  {
    kind: 'forgejo' as const,
    event: 'pull_request_sync',
    body: { action: 'synchronized', number: 7, repository: { full_name: REPOSITORY } },
  },
  {
    kind: 'gitlab' as const,
    event: 'Merge Request Hook',
    body: { project: { path_with_namespace: REPOSITORY }, object_attributes: { iid: 7, id: 99 } },
  },
];

for (const { kind, event, body } of PULL_REQUESTS) {
  test(`${kind}: a pull request that changes is taken, with its number`, () => {
    const text = JSON.stringify(body);

    const taken = verify(kind, { headers: headersOf(kind, text, SECRET, event), body: text });

    assert.deepEqual(taken, { event: 'pull-request', pullRequest: 7 });
  });
}

test("GitHub's ping is taken, also from an App that names no repository", () => {
  const texts = [
    '{"zen":"Speak like a human.","hook_id":1}',
    JSON.stringify({ repository: { full_name: REPOSITORY } }),
  ];

  for (const body of texts) {
    assert.deepEqual(verify('github', { headers: headersOf('github', body, SECRET, 'ping'), body }), {
      event: 'ping',
    });
  }
});

test('a tag is nothing that certops looks at', () => {
  const body = JSON.stringify({ ...HUB_PUSH, ref: 'refs/tags/v1' });

  assert.deepEqual(verify('github', { headers: headersOf('github', body), body }), {
    refused: 'event',
    status: 202,
  });
});

const WRONG_VALUES = [
  { ...HUB_PUSH, ref: 7 },
  { ...HUB_PUSH, ref: `refs/heads/${'x'.repeat(256)}` },
  { ...HUB_PUSH, ref: 'refs/heads/a\nb' },
  { ref: 'refs/heads/main', repository: 'team/certificates' },
];

for (const [index, value] of WRONG_VALUES.entries()) {
  test(`values of another shape are refused (${index})`, () => {
    const body = JSON.stringify(value);

    assert.deepEqual(verify('github', { headers: headersOf('github', body), body }), {
      refused: 'malformed',
      status: 400,
    });
  });
}

test('a delivery without an id, or with an endless one, is refused', () => {
  const body = bodyOf('github');
  const { 'x-github-delivery': _, ...headers } = headersOf('github', body);

  assert.deepEqual(verify('github', { headers, body }), { refused: 'missing', status: 401 });
  assert.deepEqual(
    verify('github', { headers: { ...headers, 'x-github-delivery': 'x'.repeat(201) }, body }),
    {
      refused: 'malformed',
      status: 400,
    },
  );
});

// Made with Python's hmac, as GitLab's documentation describes it: the key is the base64 after `whsec_`.
const SIGNED = {
  secret: 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
  now: new Date(1_798_858_800_000),
  body: '{"object_kind":"push","ref":"refs/heads/main","project":{"path_with_namespace":"team/certificates"}}',
  headers: {
    'content-type': 'application/json',
    'x-gitlab-event': 'Push Hook',
    'webhook-id': '4f8e1b5e-9d0d-4c3a-8a51-0f6a3c1d2e4f',
    'webhook-timestamp': '1798858800',
    'webhook-signature': 'v1,J9dWzt6nn2nGzGX3HXkH1UpoaVQJP9KXkS9uqLYJtqw=',
  },
};

test("GitLab's signed webhooks are taken, also among the signatures of several tokens", () => {
  const { secret, ...given } = SIGNED;
  const several = `v1,AAAA v2,x ${SIGNED.headers['webhook-signature']}`;

  const taken = [
    verify('gitlab', { ...given, secrets: [secret] }),
    verify('gitlab', { ...given, secrets: ['canary-other', secret] }),
    verify('gitlab', {
      ...given,
      secrets: [secret],
      headers: { ...given.headers, 'webhook-signature': several },
    }),
  ];

  for (const one of taken) assert.deepEqual(one, { event: 'push', branch: 'main' });
});

test("GitLab's signed webhooks are refused when id, time, body or token are others", () => {
  const { secret, ...given } = SIGNED;
  const wrong = [
    { ...given, headers: { ...given.headers, 'webhook-id': 'other' } },
    { ...given, headers: { ...given.headers, 'webhook-timestamp': '1798858801' } },
    { ...given, body: given.body.replace('main', 'mAin') },
    { ...given, headers: { ...given.headers, 'x-gitlab-token': secret, 'webhook-signature': 'v1,AAAA' } },
  ];

  const refused = [
    ...wrong.map((one) => verify('gitlab', { ...one, secrets: [secret] })),
    verify('gitlab', { ...given, secrets: [`whsec_${'A'.repeat(43)}=`] }),
    verify('gitlab', { ...given, secrets: [SECRET] }),
  ];

  for (const one of refused) assert.deepEqual(one, { refused: 'signature', status: 401 });
});

test("GitLab's signed webhooks are refused when they were signed long ago, or are yet to be", () => {
  const { secret, ...given } = SIGNED;
  const at = (offsetMs: number) =>
    verify('gitlab', { ...given, now: new Date(SIGNED.now.getTime() + offsetMs), secrets: [secret] });

  const outcomes = [-301_000, -299_000, 299_000, 301_000].map(at);

  assert.deepEqual(
    outcomes.map((one) => ('refused' in one ? one.refused : one.event)),
    ['replayed', 'push', 'push', 'replayed'],
  );
});

test('GitLab is taken by its plain token also where it signs with another', () => {
  const headers = { ...SIGNED.headers, 'x-gitlab-token': SECRET };

  assert.deepEqual(verify('gitlab', { headers, body: SIGNED.body }), { event: 'push', branch: 'main' });
});

test('anything can be a generic webhook with the secret as a bearer token, with and without a body', () => {
  const headers = { authorization: `Bearer ${SECRET}` };
  const json = { ...headers, 'content-type': 'application/json; charset=utf-8' };

  const outcomes = [
    verify('generic', { headers, body: '' }),
    verify('generic', { headers: json, body: '{}' }),
    verify('generic', {
      headers: json,
      body: '{"event":"pull-request","pullRequest":3,"more":{"than":"that"}}',
    }),
    verify('generic', { headers: { authorization: 'Bearer canary-wrong' }, body: '' }),
    verify('generic', { headers: { authorization: `Basic ${SECRET}` }, body: '' }),
    verify('generic', { headers: json, body: '{"event":"merge"}' }),
    verify('generic', { headers: json, body: '{"pullRequest":0}' }),
  ];

  assert.deepEqual(outcomes, [
    { event: 'push' },
    { event: 'push' },
    { event: 'pull-request', pullRequest: 3 },
    { refused: 'signature', status: 401 },
    { refused: 'signature', status: 401 },
    { refused: 'malformed', status: 400 },
    { refused: 'malformed', status: 400 },
  ]);
});

test('a wrong signature is not rescued by a right bearer token', () => {
  const headers = { authorization: `Bearer ${SECRET}`, 'x-certops-signature': `sha256=${'0'.repeat(64)}` };

  assert.deepEqual(verify('generic', { headers, body: '' }), { refused: 'signature', status: 401 });
});

test('a generic webhook that names its deliveries is taken once for each', () => {
  const seen = createDeliveryMemory();
  const send = (id: string) =>
    verify('generic', {
      headers: { authorization: `Bearer ${SECRET}`, 'x-certops-delivery': id },
      body: '',
      seen,
    });

  const outcomes = ['one', 'one', 'two'].map(send);

  assert.deepEqual(
    outcomes.map((one) => 'refused' in one),
    [false, true, false],
  );
});

test('deliveries are remembered for a day, ten thousand of them', () => {
  const hour = 3_600_000;
  const memory = createDeliveryMemory();
  const at = (ms: number): Date => new Date(NOW.getTime() + ms);

  const byTime = [
    memory.remember('a', at(0)),
    memory.remember('a', at(24 * hour)),
    memory.remember('a', at(24 * hour + 1)),
  ];
  const small = createDeliveryMemory();
  for (let index = 0; index < 10_000; index++) small.remember(`${index}`, at(0));
  const byCount = [small.remember('0', at(1)), small.remember('new', at(1)), small.remember('0', at(1))];

  assert.deepEqual(byTime, [true, false, true]);
  assert.deepEqual(byCount, [false, true, true]);
});
