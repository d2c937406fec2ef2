import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readPlainYaml } from '../../src/lib/yaml-write.ts';
import { readSopsMetadata } from '../../src/secrets/sops/metadata.ts';
import { openIndependently } from '../support/independent-sops.ts';
import { selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';
import { runSuccessfully } from '../support/process.ts';
import type { Scenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

const SECRET = 'secrets/web/www-tls.yaml';
const ISSUES = /^(Issue|Renew|Start) web\//;

/** An identity of somebody else: its recipient, and the file that opens what is sealed to it. */
async function somebody(scenario: Scenario, name: string) {
  const file = join(scenario.scratch.keyFolder(name), 'identity.txt');
  // Into the file itself: what a program prints is kept in a transcript.
  await runSuccessfully('age-keygen', ['-o', file]);
  return { recipient: (await runSuccessfully('age-keygen', ['-y', file])).trim(), file };
}

async function started(name: string, context: Parameters<typeof startOffline>[1]) {
  const scenario = await startOffline(name, context);
  const own = (await scenario.show('.sops.yaml'))?.match(/age1\w+/)?.[0] ?? '';
  const rules = (...recipients: readonly string[]) =>
    `creation_rules:\n  - path_regex: ^(secrets|credentials)/.+\\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n    age: ${recipients.join(',')}\n`;
  const recipients = async (path = SECRET) =>
    readSopsMetadata((await scenario.show(path)) ?? '', path).recipients;
  const issues = async () => (await scenario.subjects()).filter((line) => ISSUES.test(line));
  const serial = async () => (await statusOf(scenario, 'web/certificates/www')).certops.serialNumber;
  return { scenario, own, rules, recipients, issues, serial };
}

interface RecipientsDocument {
  readonly status: {
    readonly accepted?: readonly { readonly recipients: readonly string[] }[];
    readonly held?: readonly { readonly recipient: string; readonly since: string }[];
  };
}

async function recorded(scenario: Scenario): Promise<RecipientsDocument['status']> {
  const [document] = readPlainYaml((await scenario.show('status/recipients.yaml')) ?? '');
  return (document as RecipientsDocument).status;
}

describe('who can read a Secret', { concurrency: 2 }, () => {
  it('an added recipient gets nothing, not even new Secrets, until the configuration names it', async (context) => {
    const { scenario, own, rules, recipients, issues, serial } = await started('held', context);
    const { recipient, file } = await somebody(scenario, 'friend');
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    const before = await serial();

    await scenario.push({ '.sops.yaml': rules(own, recipient), 'api.yaml': selfSigned('api') });
    const held = await scenario.runOnce();
    const heldFor = [await recipients(), await recipients('secrets/web/api-tls.yaml')];
    const { held: waiting } = await recorded(scenario);
    const board = await scenario.show('status/README.md');
    const again = await scenario.runOnce({ data: 'another-machine' });
    const allowed = await scenario.runOnce({ args: ['--recipients', recipient] });
    const after = await serial();

    assert.deepEqual(
      [held.code, again.code, allowed.code],
      [0, 0, 0],
      held.stdout + held.stderr + allowed.stderr,
    );
    assert.deepEqual(heldFor, [[own], [own]]);
    assert.deepEqual(
      waiting?.map((entry) => entry.recipient),
      [recipient],
    );
    assert.match(board ?? '', new RegExp(recipient));
    assert.match(held.stderr, /a recipient in \.sops\.yaml waits/);
    assert.deepEqual(await recipients(), [own, recipient]);
    assert.deepEqual(await recipients('secrets/web/api-tls.yaml'), [own, recipient]);
    assert.ok(await openIndependently((await scenario.show(SECRET)) ?? '', file), 'the friend reads it');
    assert.equal(after, before, 'the certificate is the same');
    assert.equal((await issues()).length, 2);
    assert.equal((await scenario.certops('verify', '--repo', scenario.remote)).code, 0);
    await scenario.verifyCommits();
  });

  it('certops rekey by somebody with an identity accepts a recipient, for new Secrets too, and orders nothing', async (context) => {
    const { scenario, own, rules, recipients, issues } = await started('rekey', context);
    const { recipient, file } = await somebody(scenario, 'friend');
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    await scenario.push({ '.sops.yaml': rules(own, recipient) });
    await scenario.runOnce();

    await scenario.person.pull();
    const rekeyed = await scenario.certops('rekey', scenario.person.dir);
    const idle = await scenario.certops('rekey', scenario.person.dir);
    await scenario.person.push();
    const accepted = await scenario.runOnce();
    await scenario.push({ 'api.yaml': selfSigned('api') });
    const run = await scenario.runOnce();

    assert.equal(rekeyed.code, 0, rekeyed.stderr);
    assert.match(rekeyed.stdout, /^secrets\/web\/www-tls\.yaml: sealed to 2 recipients \(\+age1/m);
    assert.match(idle.stdout, /^Nothing to do/);
    assert.deepEqual([accepted.code, run.code], [0, 0], accepted.stdout + accepted.stderr);
    assert.deepEqual(await recipients('secrets/web/api-tls.yaml'), [own, recipient]);
    assert.equal((await recorded(scenario)).held, undefined);
    assert.ok(await openIndependently((await scenario.show(SECRET)) ?? '', file));
    await checkTlsSecret(scenario, { path: SECRET, names: ['www.example.com'], key: 'EC PRIVATE KEY' });
    const subjects = await scenario.subjects();
    assert.ok(subjects.includes('Rekey 1 Secret'));
    assert.ok(subjects.includes(`Accept ${SECRET}`), subjects.join('\n'));
    assert.equal((await issues()).length, 2);
    await scenario.verifyCommits();
  });

  it('a recipient that is taken away has seen the last of it: new keys at once', async (context) => {
    const { scenario, own, rules, recipients, issues } = await started('removed', context);
    const { recipient } = await somebody(scenario, 'leaver');
    await scenario.push({ '.sops.yaml': rules(own, recipient), 'www.yaml': selfSigned('www', '') });
    await scenario.runOnce();
    const [sealedTo, first] = [await recipients(), await publicKey(scenario, 1)];

    await scenario.push({ '.sops.yaml': rules(own) });
    const run = await scenario.runOnce();
    const again = await scenario.runOnce();
    await scenario.push({ '.sops.yaml': rules(own, recipient) });
    await scenario.runOnce();

    assert.deepEqual(sealedTo, [own, recipient], 'named on the first run, accepted');
    assert.deepEqual([run.code, again.code], [0, 0], run.stderr);
    assert.notEqual(await publicKey(scenario, 2), first);
    assert.equal((await issues()).length, 2);
    assert.deepEqual(await recipients(), [own], 'added again, it waits again');
    assert.equal((await recorded(scenario)).held?.length, 1);
  });

  it('what people do with sops stands: updatekeys and rotate; a forged entry wins nothing', async (context) => {
    const { scenario, own, rules, recipients, issues } = await started('sops', context);
    const { recipient } = await somebody(scenario, 'friend');
    const env = { ...process.env, SOPS_AGE_KEY_FILE: scenario.identityFile };
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();

    await scenario.person.pull();
    await writeFile(join(scenario.person.dir, '.sops.yaml'), rules(own, recipient));
    const sealed = (await scenario.show(SECRET)) ?? '';
    await writeFile(join(scenario.person.dir, SECRET), withForgedEntry(sealed, recipient));
    await scenario.person.commit({ message: 'Forge', files: {} });
    await scenario.person.push();
    const forged = await scenario.runOnce();
    const afterForgery = await recorded(scenario);
    await scenario.push({ 'api.yaml': selfSigned('api') });
    await scenario.runOnce();

    assert.equal(forged.code, 0, forged.stderr);
    assert.equal(
      afterForgery.held?.[0]?.recipient,
      recipient,
      'an entry that anybody can add is nobody’s word',
    );
    assert.deepEqual(await recipients('secrets/web/api-tls.yaml'), [own]);
    assert.equal((await issues()).length, 2);

    const sops = process.env.CERTOPS_TEST_SOPS;
    if (sops === undefined) return;
    for (const args of [
      ['updatekeys', '--yes'],
      ['rotate', '--in-place'],
    ]) {
      await scenario.person.pull();
      await runSuccessfully(sops, [...args, join(scenario.person.dir, 'secrets/web/api-tls.yaml')], {
        env,
        cwd: scenario.person.dir,
      });
      await scenario.person.commit({ message: args[0] ?? '', files: {} });
      await scenario.person.push();
      const run = await scenario.runOnce();
      assert.equal(run.code, 0, run.stdout + run.stderr);
      assert.ok((await recipients('secrets/web/api-tls.yaml')).includes(recipient));
      assert.ok((await scenario.subjects()).includes('Accept secrets/web/api-tls.yaml'));
    }
    assert.equal((await issues()).length, 2);
  });
});

/** A data key that is said to be for somebody and is not: anybody who can push can write that. */
function withForgedEntry(sealed: string, recipient: string): string {
  const [entry = ''] = /^ {8}- enc: \|\n(?: {12}.*\n)+ {10}recipient: .*\n/m.exec(sealed) ?? [];
  assert.notEqual(entry, '');
  return sealed.replace(entry, `${entry}${entry.replace(/age1\w+/, recipient)}`);
}

async function publicKey(scenario: Scenario, revision: number): Promise<string> {
  const text = (await scenario.show(`status/web/requests/www-${revision}.yaml`)) ?? '';
  const [request] = readPlainYaml(text) as [{ readonly status: { readonly certificate: string } }];
  const leaf = new X509Certificate(Buffer.from(request.status.certificate, 'base64'));
  return leaf.publicKey.export({ type: 'spki', format: 'pem' }).toString();
}
