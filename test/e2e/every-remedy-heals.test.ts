import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { formatInstant } from '../../src/lib/clock.ts';
import { type Bind, startBind } from '../support/bind.ts';
import { conditionOf, statusOf } from '../support/offline-scenario.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { tellStories } from '../support/remedy-stories.ts';
import {
  acmeIssuer,
  certificate,
  type LocalCa,
  type Scenario,
  startLocalCa,
  startScenario,
} from '../support/scenario.ts';
import { sealedSecret } from '../support/sealed-secret.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

/** Three attempts that come to nothing: at once, after a minute, after ten. */
const THREE_ATTEMPTS = [0.1, 0.2, 0.5];
/** Another host than the one at which the daemon presents HTTP-01. */
const ELSEWHERE = '127.0.0.3';
/** Every name leads to the daemon. */
const ALL_HERE = ['* A 127.0.0.1'];
/** `typo` and `old` are not there, and `away` leads to somebody else. */
const NOT_ALL = ['shop', 'api', 'site', 'www.a', 'www.b'].map((name) => `${name} A 127.0.0.1`);

function annotated(manifest: string, annotation: string): string {
  return manifest.replaceAll('metadata:\n', `metadata:\n  annotations:\n    ${annotation}\n`);
}

async function assertCovers(scenario: Scenario, name: string, names: readonly string[]): Promise<void> {
  const roots = await scenario.pebble.rootPem();
  const path = `secrets/web/${name}-tls.yaml`;
  await checkTlsSecret(scenario, { path, names, key: 'EC PRIVATE KEY', roots });
  const status = await statusOf(scenario, `web/certificates/${name}`);
  assert.equal(conditionOf(status, 'Ready'), 'True Ready', name);
}

describe('what a pull request promises comes true when it is merged', () => {
  let bind: Bind;
  let ca: LocalCa;
  let strict: Pebble;
  before(async () => {
    bind = await startBind([
      { name: 'web.test', isDynamic: false, records: ALL_HERE },
      { name: 'back.test' },
    ]);
    ca = await startLocalCa({ dnsServer: bind.address });
    const { httpPort } = ca;
    strict = await startPebble({ httpPort, dnsServer: bind.address, externalAccountKeys: { known: 'AAAA' } });
  });
  after(async () => {
    await Promise.all([strict.stop(), ca.stop(), bind.stop()]);
  });

  it('drop-names, stop-covering, retry and name-solver, all at once', async (context) => {
    const scenario = await startScenario('remedies', context, { ca });
    // Pebble repeats what it got and what it wanted in its problem.
    const other = createServer((request, response) => {
      response.end(`${request.url?.split('/').at(-1)}.not-the-thumbprint-of-our-account-key-at-all-1`);
    });
    await new Promise<void>((resolve) => other.listen(scenario.httpPort, ELSEWHERE, resolve));
    context.after(() => other.close());
    const site = certificate({ name: 'site', dnsNames: ['site.web.test', 'old.web.test'] });
    const zoned = '      - selector:\n          dnsZones: [a.web.test]\n        http01:';

    await tellStories(
      scenario,
      [
        {
          kind: 'drop-names',
          happens: () => {
            const dnsNames = ['shop.web.test', 'typo.web.test', 'api.web.test'];
            return { 'shop.yaml': certificate({ name: 'shop', dnsNames }) };
          },
          attempt: 3,
          subject: /^web\/shop: drop typo\.web\.test \(the name does not exist in DNS\)$/,
          says: [
            /The CA could not validate typo\.web\.test\./,
            /typo\.web\.test by HTTP-01: the CA says (?:connection|dns)\b.* could not resolve/,
            /Nothing yet: web\/shop was never issued\./,
            /A, AAAA typo\.web\.test at ns1\.web\.test \(127\.0\.0\.1:\d+\)”: the name does not exist “NXDOMAIN/,
            /Merging takes typo\.web\.test out of web\/shop, and certops issues it for the other names at once\./,
            /It is tried again on \d{4}-\d\d-\d\d \d\d:\d\d UTC\./,
            /3 attempts failed since/,
          ],
          diff: ['-    - "typo.web.test"'],
          kept: () => assertCovers(scenario, 'shop', ['api.web.test', 'shop.web.test']),
        },
        {
          kind: 'stop-covering',
          before: () => ({ 'pebble.yaml': acmeIssuer(scenario), 'site.yaml': site }),
          happens: async () => {
            await bind.setRecords('web.test', [...NOT_ALL, `away A ${ELSEWHERE}`]);
            const asked = formatInstant(new Date());
            return { 'site.yaml': annotated(site, `certops.dev/renew-requested-at: "${asked}"`) };
          },
          attempt: 3,
          subject: /^web\/site: stop covering old\.web\.test/,
          says: [
            /web\/site cannot be renewed/,
            /The certificate in use works until \d{4}-\d\d-\d\d/,
            /Merging takes old\.web\.test out of web\/site, and certops issues it for the other names at once\. From then on no certificate covers old\.web\.test\./,
            /the name does not exist/,
          ],
          diff: ['-    - "old.web.test"'],
          kept: () => assertCovers(scenario, 'site', ['site.web.test']),
        },
        {
          kind: 'retry',
          happens: () => ({ 'away.yaml': certificate({ name: 'away', dnsNames: ['away.web.test'] }) }),
          attempt: 3,
          mended: () => bind.setRecords('web.test', ALL_HERE),
          subject: /^web\/away: something else answers at the name$/,
          says: [
            /The CA could not validate away\.web\.test\./,
            /away\.web\.test by HTTP-01: the CA says unauthorized\b.*did not match this challenge "…" != "…"/,
            /Merging says that the trouble is mended: certops tries web\/away again at once, whatever its back-off\./,
            /This pull request closes when it has succeeded\./,
            /have the server there pass \/\.well-known\/acme-challenge\/ on/,
          ],
          diff: [/^\+ {2}annotations:$/, /^\+ {4}certops\.dev\/retry-requested-at: /],
          kept: () => assertCovers(scenario, 'away', ['away.web.test']),
        },
        {
          kind: 'name-solver',
          happens: () => ({
            'narrow.yaml': acmeIssuer(scenario, 'narrow').replace('      - http01:', zoned),
            'both.yaml': certificate({
              name: 'both',
              dnsNames: ['www.a.web.test', 'www.b.web.test'],
              issuer: 'ClusterIssuer/narrow',
            }),
          }),
          subject: /^web\/both: give www\.b\.web\.test a solver/,
          says: [
            /no solver of the issuer takes the name/,
            /Merging lets solver 1 of ClusterIssuer narrow \(http-01\) answer for www\.b\.web\.test, and certops orders at once\./,
            /Whether that solver can reach it is for you to know\./,
          ],
          diff: [
            '-          dnsZones: [a.web.test]',
            /^\+ {10}dnsZones: \[a\.web\.test, "?www\.b\.web\.test"?\]$/,
          ],
          kept: () => assertCovers(scenario, 'both', ['www.a.web.test', 'www.b.web.test']),
        },
      ],
      { hours: THREE_ATTEMPTS, args: ['--dns-resolver', bind.address] },
    );
  });

  it('fallback-issuer and put-back-secret, both at once', async (context) => {
    const scenario = await startScenario('issuers', context, { ca });
    await bind.setRecords('web.test', ALL_HERE);
    const secret = bind.secret('HMACSHA256');
    const dns01 = `      - dns01:
          rfc2136:
            nameserver: ${bind.address}
            tsigKeyName: acme-hmacsha256
            tsigAlgorithm: HMACSHA256
            tsigSecretSecretRef: { name: tsig, key: key }
`;
    const byDns = (name: string) =>
      certificate({ name, dnsNames: [`${name}.back.test`], issuer: 'ClusterIssuer/dns' });
    const byStrict = (name: string) =>
      annotated(
        certificate({ name, dnsNames: [`${name}.web.test`], issuer: 'ClusterIssuer/strict' }),
        'certops.dev/fallback-issuers: ClusterIssuer/pebble',
      );

    await tellStories(
      scenario,
      [
        {
          kind: 'fallback-issuer',
          before: () => ({ 'pebble.yaml': acmeIssuer(scenario) }),
          happens: () => ({
            'strict.yaml': acmeIssuer({ pebble: strict }, 'strict'),
            'two.yaml': ['www', 'api'].map(byStrict).join('---\n'),
            'one.yaml': byStrict('one'),
          }),
          subject: /^ClusterIssuer strict: use ClusterIssuer\/pebble/,
          says: [
            /3 Certificates cannot be issued: the CA wants an account bound to one that it knows\./,
            /The CA answered externalAccountRequired/,
            /Merging lets 3 Certificates be issued by ClusterIssuer\/pebble, which is ready, in place of ClusterIssuer\/strict; certops orders there at once\./,
            /This pull request closes when nothing waits for the broken issuer any more\./,
          ],
          diff: ['one', 'www', 'api'].flatMap(() => ['-    name: strict', '+    name: pebble']),
          kept: async () => {
            for (const name of ['www', 'api', 'one'])
              await assertCovers(scenario, name, [`${name}.web.test`]);
          },
        },
        {
          kind: 'put-back-secret',
          before: async () => ({
            'dns/tsig.yaml': await sealedSecret(
              scenario,
              { namespace: 'cert-manager', name: 'tsig' },
              { key: secret },
            ),
            'dns.yaml': acmeIssuer(scenario, 'dns').replace(/ {6}- http01:[\s\S]*/, dns01),
            'first.yaml': byDns('first'),
          }),
          happens: () => ({
            'dns/tsig.yaml': null,
            'late.yaml': byDns('late'),
            'later.yaml': byDns('later'),
          }),
          subject: /^ClusterIssuer dns: put back the Secret cert-manager\/tsig/,
          says: [
            /2 Certificates cannot be issued: a Secret that the issuer names is missing\./,
            /Merging puts the Secret cert-manager\/tsig back as it was before the removal, still encrypted, and what needs it is tried again at once\./,
            /This pull request closes when the credential is found\./,
          ],
          diff: Array.from({ length: 23 }, () => /^\+/),
          kept: async () => {
            for (const name of ['late', 'later']) await assertCovers(scenario, name, [`${name}.back.test`]);
          },
        },
      ],
      // The issuer that wants another account is there still.
      { codes: [1, 1], args: ['--dns-resolver', bind.address], secrets: [secret] },
    );
  });
});
