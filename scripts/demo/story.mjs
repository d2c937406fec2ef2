import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { scanForCleartext } from '../../test/support/canary.ts';
import { startProcess } from '../../test/support/process.ts';
import { root } from '../support/installation.mjs';
import {
  ACME_CERTIFICATES,
  acmeIssuer,
  certificate,
  FORBIDDEN_CERTIFICATE,
  HOPELESS_CERTIFICATE,
  INTERNAL_CERTIFICATE,
  OWN_CA,
  SHOP_POLICY,
} from './manifests.mjs';
import { Narrator } from './narrator.mjs';
import { describeOpener, openSecret, verifySecret } from './secrets.mjs';
import { findSigningKey, makeSetting, startCa } from './setting.mjs';
import { writeInto } from './write-into.mjs';

/** `story.mjs FOLDER [--keep]`: the demo proper, in a folder that its caller made and removes. */
const [folder, keep] = process.argv.slice(2);
const setting = makeSetting(folder);
const { clone, remote, dataDir, env } = setting;
const narrator = new Narrator(setting);
const git = (args, options) => narrator.run(['git', ...args], { cwd: clone, ...options });
const write = writeInto(clone);

const ca = await startCa();
try {
  process.exitCode = await tell();
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 2;
} finally {
  await ca?.stop();
}

async function tell() {
  await makeRepository();
  const signingKey = findSigningKey(setting);
  await askForCertificates();
  const runArguments = [
    ...['--repo', remote, '--branch', 'main', '--data-dir', dataDir, '--signing-key', signingKey.file],
    ...(ca === undefined ? [] : ['--http01-port', String(ca.httpPort), '--dns-resolver', ca.dnsAddress]),
  ];
  await runOnce(runArguments);
  await showCommits(signingKey);
  await showStatus();
  await openSecrets();
  if (ca !== undefined) await mendByPullRequest(runArguments);
  await reviewAWish();
  await lookAgain(runArguments);
  const exitCode = narrator.finish();
  if (keep === '--keep') await goOnRunning(runArguments);
  return exitCode;
}

async function makeRepository() {
  narrator.chapter(
    'A configuration repository',
    'certops makes one from its template, with keys to seal and to sign.',
  );
  await narrator.run(['certops', 'init', clone], { cwd: folder });
  await narrator.run(['git', 'init', '-q', '--bare', '-b', 'main', remote], { quiet: true });
  await git(['remote', 'add', 'origin', remote], { quiet: true });
  await git(['config', 'user.name', 'Alice'], { quiet: true });
  await git(['config', 'user.email', 'alice@shop.test'], { quiet: true });
  await git(['push', '-q', '-u', 'origin', 'main']);
}

async function askForCertificates() {
  if (ca === undefined) {
    narrator.chapter(
      'Alice asks for certificates',
      'There is no Pebble on this machine, so the SelfSigned and CA issuers carry the story: no ACME.',
    );
  } else {
    narrator.chapter(
      'Alice asks for certificates',
      'From an ACME CA on this machine, which validates every name over HTTP, and from a CA of her own.',
    );
    write('issuers/local-acme.yaml', acmeIssuer(ca));
    for (const wanted of [...ACME_CERTIFICATES, HOPELESS_CERTIFICATE]) {
      write(`web/${wanted.name}.yaml`, certificate(wanted, 'local-acme'));
    }
    narrator.file('web/api.yaml', readFileSync(path.join(clone, 'web/api.yaml'), 'utf8'));
    narrator.say(
      `web/blog.yaml also asks for ${HOPELESS_CERTIFICATE.hopelessName}, which no DNS server knows.`,
    );
  }
  write('issuers/own-ca.yaml', OWN_CA);
  write('backend/database.yaml', certificate(INTERNAL_CERTIFICATE, 'internal'));
  narrator.say(
    'A root signs itself, an issuer signs with it, and a database gets its certificate: in the same push.\n',
  );
  await git(['add', '.'], { quiet: true });
  await git(['commit', '-q', '-m', 'Ask for the certificates of the shop']);
  await git(['push', '-q']);
}

async function runOnce(runArguments) {
  narrator.chapter('One pass', 'The daemon, run once as a CI job would: until nothing changes any more.');
  const startedAt = performance.now();
  const { code } = await narrator.run(['certops', 'run', '--once', ...runArguments], { expect: [0, 1] });
  narrator.say(`It took ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
  if (ca === undefined) narrator.claim('it ended with 0: every Certificate is ready', code === 0);
  else narrator.claim('it ended with 1: one Certificate failed, the others are ready', code === 1);
}

async function showCommits({ publicLine }) {
  narrator.chapter('What came back', 'Every step is a commit, signed by certops.');
  await git(['pull', '-q', '--ff-only']);
  await git(['log', '--reverse', '--format=%h %<(8,trunc)%an %s']);
  write('../allowed-signers', `* namespaces="git" ${publicLine}\n`);
  await git(['config', 'gpg.ssh.allowedSignersFile', path.join(folder, 'allowed-signers')], { quiet: true });
  const { stdout } = await git(['rev-list', '--author=certops@localhost', 'HEAD'], { quiet: true });
  const commits = stdout.trim().split('\n').filter(Boolean);
  let verified = 0;
  for (const commit of commits) {
    const { code } = await git(['verify-commit', commit], { quiet: true, expect: [0, 1] });
    if (code === 0) verified += 1;
  }
  narrator.claim(
    `git verify-commit accepts all ${commits.length} commits of certops`,
    commits.length > 1 && verified === commits.length,
  );
}

async function showStatus() {
  narrator.chapter('Where things stand', "The tables are kubectl's, read from the repository.");
  const { stdout } = await narrator.run(['certops', 'get', 'certificates', '-A', '--repo', clone], {
    expect: [0, 1],
  });
  const ready = stdout.split('\n').filter((line) => /\sTrue\s/.test(line)).length;
  const expected = ca === undefined ? 2 : 2 + ACME_CERTIFICATES.length;
  narrator.claim(`${expected} Certificates are ready`, ready === expected);
  if (ca === undefined) return;

  const { name, namespace, secretName, hopelessName } = HOPELESS_CERTIFICATE;
  narrator.say('And this is why one is not:\n');
  const described = await narrator.run(
    ['certops', 'describe', 'certificate', name, '-n', namespace, '--repo', clone],
    {
      expect: [0, 1],
    },
  );
  narrator.claim(
    `the reason names ${hopelessName} and what DNS answered, in the CA's own words`,
    described.stdout.includes(hopelessName) &&
      /NXDOMAIN|DNS problem|no such host|looking up|could not resolve/i.test(described.stdout),
  );
  narrator.claim(
    'nothing was stored for it',
    !existsSync(path.join(clone, secretPath({ namespace, secretName }))),
  );
}

async function openSecrets() {
  narrator.chapter('The Secrets', `Opened with ${describeOpener()}, in memory, and judged by openssl.`);
  const sealed =
    readFileSync(path.join(clone, secretPath(INTERNAL_CERTIFICATE)), 'utf8').split(/^sops:/m)[0] ?? '';
  narrator.file(
    secretPath(INTERNAL_CERTIFICATE),
    `${sealed.replaceAll(/^(.{97}).{4,}$/gm, '$1...')}sops: ...`,
  );
  const ownRoot = await openSecret(
    clone,
    secretPath({ namespace: 'cert-manager', secretName: 'root-ca' }),
    env,
  );
  await judge(INTERNAL_CERTIFICATE, ownRoot['tls.crt']);
  if (ca !== undefined) for (const wanted of ACME_CERTIFICATES) await judge(wanted, ca.rootsPem);
}

async function judge(wanted, rootsPem) {
  if (!existsSync(path.join(clone, secretPath(wanted)))) {
    narrator.claim(`${wanted.namespace}/${wanted.secretName} arrived`, false);
    return;
  }
  const data = await openSecret(clone, secretPath(wanted), env);
  const found = await verifySecret(
    data,
    rootsPem,
    wanted.dnsNames[0],
    { write: writeInto(path.join(folder, 'judge')) },
    env,
  );
  const isRight =
    found.isChainGood &&
    found.isKeyItsOwn &&
    found.algorithm === wanted.algorithm &&
    found.dnsNames.sort().join() === [...wanted.dnsNames].sort().join();
  narrator.claim(
    `${wanted.namespace}/${wanted.secretName}: ${wanted.algorithm}, for ${wanted.dnsNames.join(' and ')}; chain good, key its own`,
    isRight,
  );
  if (!isRight) narrator.say(JSON.stringify({ ...found, complaint: found.complaint.trim() }));
}

async function mendByPullRequest(runArguments) {
  const { name, namespace, hopelessName, dnsNames } = HOPELESS_CERTIFICATE;
  narrator.chapter(
    'A failure becomes a pull request',
    'DNS may heal by itself, so certops tries three times first: after one and ten minutes. The clock is moved on.',
  );
  for (const minutes of [2, 13]) await runLater(runArguments, minutes);
  await git(['fetch', '-q', '--prune'], { quiet: true });
  await narrator.run(['certops', 'proposals', 'list', '--repo', remote]);
  const { stdout } = await git(['branch', '-r', '--format=%(refname:lstrip=3)'], { quiet: true });
  const branch = stdout.split('\n').find((line) => line.startsWith('certops/failure/main/')) ?? '';
  narrator.claim(
    'there is one, on a branch of its own: here is no forge, so the branch is the pull request',
    branch.startsWith(`certops/failure/main/${namespace}-${name}-`),
  );
  const shown = await narrator.run(['certops', 'proposals', 'show', branch, '--repo', remote]);
  narrator.claim(
    `it quotes the CA about ${hopelessName}, and takes exactly that name away`,
    shown.stdout.includes(hopelessName) &&
      new RegExp(`^-.*${hopelessName}`, 'm').test(shown.stdout) &&
      new RegExp(`^\\+.*${dnsNames[0]}`, 'm').test(shown.stdout),
  );
  narrator.say('Alice agrees, and merges it:\n');
  await narrator.run(['certops', 'proposals', 'accept', branch, '--repo', clone], { cwd: clone });
  await runLater(runArguments, 14);
  await git(['pull', '-q', '--ff-only', '--prune'], { quiet: true });
  await judge({ ...HOPELESS_CERTIFICATE, dnsNames: [dnsNames[0]] }, ca.rootsPem);
  const left = await git(['ls-remote', '--heads', 'origin', 'certops/failure/*'], { quiet: true });
  narrator.claim('the rest is issued, and the pull request is closed', left.stdout.trim() === '');
}

/** The same pass, some minutes from now: a switch that is there for tests. */
function runLater(runArguments, minutes) {
  const instant = `${new Date(Date.now() + minutes * 60_000).toISOString().slice(0, 19)}Z`;
  return narrator.run(['certops', 'run', '--once', ...runArguments], {
    env: { CERTOPS_TESTING: '1', CERTOPS_CLOCK: instant },
    expect: [0, 1],
    quiet: true,
  });
}

async function reviewAWish() {
  const { name, dnsNames } = FORBIDDEN_CERTIFICATE;
  narrator.chapter(
    'A change is seen before it is merged',
    'Alice says what may be asked for. Mallory asks for something else, and weakens her policy in the same change.',
  );
  await git(['pull', '-q', '--ff-only'], { quiet: true });
  write('policies/our-own-names.yaml', SHOP_POLICY);
  await git(['add', '.'], { quiet: true });
  await git(['commit', '-q', '-m', 'Say what may be asked for'], { quiet: true });
  await git(['push', '-q'], { quiet: true });
  await git(['switch', '-q', '-c', 'mallory'], { quiet: true });
  write(`web/${name}.yaml`, certificate(FORBIDDEN_CERTIFICATE, 'internal'));
  write(
    'policies/our-own-names.yaml',
    SHOP_POLICY.replace('"*.internal.test"', '"*.internal.test", "*.bank.test"'),
  );
  await git(['add', '.'], { quiet: true });
  await git(['commit', '-q', '-m', 'Ask for a bank'], { quiet: true });
  const { code, stdout } = await narrator.run(
    ['certops', 'plan', '--base', 'main', '--head', 'mallory', '--repo', clone],
    { expect: [0, 1] },
  );
  await git(['switch', '-q', 'main'], { quiet: true });
  narrator.claim(
    `the plan denies ${dnsNames[0]} by the policy of the branch that it would be merged into`,
    code === 1 && /denied/.test(stdout) && stdout.includes(dnsNames[0]),
  );
}

async function lookAgain(runArguments) {
  narrator.chapter('Once more', 'A second pass on an empty data folder, as if on another machine.');
  const before = await remoteTip();
  const elsewhere = runArguments.map((argument) =>
    argument === dataDir ? `${dataDir}-elsewhere` : argument,
  );
  await narrator.run(['certops', 'run', '--once', ...elsewhere], { expect: [0, 1], quiet: true });
  narrator.claim('it found nothing to do: no new commit', (await remoteTip()) === before);

  const report = await scanForCleartext({
    roots: [remote, dataDir, `${dataDir}-elsewhere`, clone],
    gitRepos: [remote, clone],
  });
  for (const { what, where } of report.findings) narrator.say(`${what} in ${where}`);
  narrator.claim(
    `no key in clear in ${report.filesScanned} files and ${report.objectsScanned} Git objects`,
    report.findings.length === 0 && report.objectsScanned > 0,
  );
}

async function remoteTip() {
  const { stdout } = await narrator.run(['git', `--git-dir=${remote}`, 'rev-parse', 'main'], { quiet: true });
  return stdout.trim();
}

async function goOnRunning(runArguments) {
  const daemon = startProcess(process.execPath, [path.join(root, 'dist/main.js'), 'run', ...runArguments], {
    env,
    timeoutMs: 24 * 60 * 60_000,
  });
  console.log(`
   The daemon and its CA go on until Ctrl-C. Push to the repository and pull:
     cd ${clone}
   Names under .test resolve for this CA; identities and keys are in
     export HOME=${env.HOME} XDG_CONFIG_HOME=${env.XDG_CONFIG_HOME}`);
  await daemon.exited;
}

function secretPath({ namespace, secretName }) {
  return `secrets/${namespace}/${secretName}.yaml`;
}
