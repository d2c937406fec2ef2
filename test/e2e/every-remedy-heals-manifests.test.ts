import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { conditionOf, selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';
import { tellStories } from '../support/remedy-stories.ts';
import type { Scenario } from '../support/scenario.ts';

const POLICY = `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata:
  name: web
spec:
  selector: { namespace: { matchNames: [web] } }
  allowed:
    usages: [digital signature, key encipherment]
    dnsNames: { values: ["*.example.com"] }
`;
const DAYS = 24;

async function readyOf(scenario: Scenario, name: string): Promise<string | undefined> {
  return conditionOf(await statusOf(scenario, `web/certificates/${name}`), 'Ready');
}

async function serialsOf(scenario: Scenario, name: string): Promise<readonly string[]> {
  const log = await scenario.person.log(
    `--grep=^\\(Issue\\|Renew\\) web/${name}$`,
    '--format=%(trailers:key=Certops-Serial,valueonly)',
  );
  return log.split('\n').filter((line) => line !== '');
}

describe('what a pull request promises of a manifest comes true when it is merged', {
  concurrency: 2,
}, () => {
  it('correct-field, take-back, rename-secret and suspend, all at once', async (context) => {
    const scenario = await startOffline('remedies', context);

    await tellStories(scenario, [
      {
        kind: 'correct-field',
        happens: () => ({ 'www.yaml': selfSigned('www', '  duration: 90d # a quarter\n') }),
        subject: /^web\/www: correct spec\.duration/,
        says: [
          /web\/www cannot be issued: the manifest is not valid\./,
          /www\.yaml:\d+:\d+: .*90d/,
          /Nothing yet: web\/www was never issued\./,
          /Merging corrects spec\.duration of Certificate web\/www, which makes the manifest valid; certops acts on it at once\./,
          /certops lint checks it/,
        ],
        diff: ['-  duration: 90d # a quarter', '+  duration: 2160h # a quarter'],
        kept: async () => assert.equal(await readyOf(scenario, 'www'), 'True Ready'),
      },
      {
        kind: 'take-back',
        before: () => ({ 'two.yaml': [selfSigned('site'), selfSigned('api')].join('---\n') }),
        happens: () => {
          const edited = selfSigned('site', '', ['site.example.com', 'what is this']);
          return { 'two.yaml': [edited, selfSigned('api', '  duration: 2000h\n')].join('---\n') };
        },
        subject: /^web\/site: take back the last edit/,
        says: [
          /The certificate in use works until \d{4}-\d\d-\d\d \d\d:\d\d UTC\./,
          /puts the manifest of Certificate web\/site back as it was when certops last accepted it, which is what is in force still\./,
        ],
        diff: ['-    - "what is this"'],
        kept: async () => {
          assert.equal((await serialsOf(scenario, 'site')).length, 1, 'nothing is issued for it');
          assert.match((await scenario.show('two.yaml')) ?? '', /duration: 2000h/, 'the other edit stays');
          assert.equal(await readyOf(scenario, 'api'), 'True Ready');
        },
      },
      {
        kind: 'rename-secret',
        before: () => ({ 'owner.yaml': selfSigned('owner') }),
        happens: () => ({ 'new.yaml': selfSigned('new').replace('new-tls', 'owner-tls') }),
        subject: /^web\/new: use the Secret new-tls/,
        says: [
          /"web\/owner-tls" belongs to Certificate "web\/owner"/,
          /Merging lets web\/new keep its key in the Secret new-tls, which nobody else uses, and certops issues it at once\./,
          /Whoever reads the Secret has to be told its new name\./,
        ],
        diff: ['-  secretName: owner-tls', '+  secretName: new-tls'],
        kept: async () => {
          assert.equal(await readyOf(scenario, 'new'), 'True Ready');
          assert.ok((await scenario.show('secrets/web/new-tls.yaml')) !== undefined);
          assert.equal((await serialsOf(scenario, 'owner')).length, 1);
        },
      },
      {
        kind: 'suspend',
        happens: () => ({
          'policies/web.yaml': POLICY,
          'shop.yaml': selfSigned('shop', '', ['shop.example.org']),
        }),
        subject: /^web\/shop: suspend it \(a policy denies the request\)/,
        says: [
          /shop\.example\.org/,
          /Merging suspends web\/shop, which was never issued: nothing is ordered for it any more until the annotation certops\.dev\/suspend is taken away\./,
          /have the policy changed by whoever answers for it/,
        ],
        diff: [/^\+ {2}annotations:$/, /^\+ {4}certops\.dev\/suspend: /],
        kept: async () => {
          assert.equal(await scenario.show('secrets/web/shop-tls.yaml'), undefined);
          assert.match((await scenario.show('shop.yaml')) ?? '', /certops\.dev\/suspend: /);
        },
      },
    ]);
  });

  it('repair-sops-rule: a folder that no rule takes gets one', async (context) => {
    const scenario = await startOffline('repair-sops-rule', context);
    const rules = (await scenario.show('.sops.yaml')) ?? '';

    await tellStories(scenario, [
      {
        kind: 'repair-sops-rule',
        happens: () => ({
          '.sops.yaml': rules.replace('(secrets|credentials)', 'credentials'),
          'www.yaml': selfSigned('www'),
          'api.yaml': selfSigned('api'),
        }),
        subject: /^File \.sops\.yaml: add a rule to \.sops\.yaml/,
        says: [
          /2 Certificates cannot be issued: no rule of \.sops\.yaml matches the path of a Secret\./,
          /Merging adds a last rule to \.sops\.yaml that names the recipients of this daemon\./,
          /Then certops can encrypt the Secrets below secrets\/ and goes on at once; nobody loses access to anything\./,
        ],
        diff: [/^\+\s+- path_regex: \^secrets\/$/, /^\+\s+encrypted_regex: /, /^\+\s+age: age1\w+$/],
        kept: async () => {
          for (const name of ['www', 'api']) assert.equal(await readyOf(scenario, name), 'True Ready');
        },
      },
    ]);
  });

  it('resume: what is suspended into its end goes on', async (context) => {
    const scenario = await startOffline('resume', context);
    const held = 'metadata:\n  annotations:\n    certops.dev/suspend: moving house\n';

    await tellStories(
      scenario,
      [
        {
          kind: 'resume',
          before: () => ({ 'www.yaml': selfSigned('www') }),
          happens: () => ({ 'www.yaml': selfSigned('www').replace('metadata:\n', held) }),
          attempt: 2,
          subject: /^web\/www: resume it/,
          says: [
            /moving house/,
            /Merging ends the suspension of web\/www: certops renews it as soon as it is due\./,
            /or let the certificate end on purpose/,
          ],
          diff: ['-  annotations:', '-    certops.dev/suspend: moving house'],
          kept: async () => assert.equal((await serialsOf(scenario, 'www')).length, 2, 'it is renewed'),
        },
      ],
      { hours: [75 * DAYS, 85 * DAYS], codes: [0, 0] },
    );
  });
});
