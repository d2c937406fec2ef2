import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { run } from './support/children.mjs';

/**
 * The real programs that tests, demo and bench run against: found, or installed where that is possible
 * (Debian with root or a password-free sudo; Go modules into a cache folder outside the tree).
 *
 * `variable`: where the path is handed to the tests. `debian`: the package. `goModule`: what `go install`
 * builds. `version`: the arguments that make it say its version.
 */
export const PARTS = {
  git: { program: 'git', debian: 'git', version: ['--version'] },
  openssl: { program: 'openssl', debian: 'openssl', version: ['version'] },
  'ssh-keygen': { program: 'ssh-keygen', debian: 'openssh-client', versionOf: 'ssh', version: ['-V'] },
  age: { program: 'age', debian: 'age', version: ['--version'] },
  pebble: {
    program: 'pebble',
    debian: 'pebble',
    goModule: 'github.com/letsencrypt/pebble/v2/cmd/pebble',
    goVersion: 'v2.10.1',
    variable: 'CERTOPS_TEST_PEBBLE',
  },
  'pebble-current': {
    program: 'pebble',
    goModule: 'github.com/letsencrypt/pebble/v2/cmd/pebble',
    goVersion: 'v2.10.1',
    variable: 'CERTOPS_TEST_PEBBLE_CURRENT',
    isOnlyFromGo: true,
    without: 'ACME is tested against the older Pebble alone',
  },
  sops: {
    program: 'sops',
    goModule: 'github.com/getsops/sops/v3/cmd/sops',
    goVersion: 'v3.13.3',
    variable: 'CERTOPS_TEST_SOPS',
    version: ['--disable-version-check', '--version'],
    without: 'sealed files are opened by sops-age and our own reader, not by sops itself',
  },
  named: { program: 'named', debian: 'bind9', version: ['-v'] },
  keytool: {
    program: 'keytool',
    debian: 'default-jre-headless',
    variable: 'CERTOPS_TEST_KEYTOOL',
    without: 'keystores are read by openssl and our own reader alone',
  },
  lego: { program: 'lego', debian: 'lego', version: ['--version'], without: 'no comparison with lego' },
};

// dpkg's own placeholder, not JavaScript's.
const DPKG_VERSION = ['$', '{Version}'].join('');
const GO_INSTALL_TIMEOUT_MS = 15 * 60_000;
const APT_TIMEOUT_MS = 10 * 60_000;

/**
 * Finds the named parts and installs those that are missing and can be had here.
 * Resolves with one `{ name, path, version, missing }` each, in the order asked for: `path` undefined and
 * `missing` a sentence (what to install, by which command) where there is none. Never throws for a part.
 */
export async function ensureParts(names, { install = true, say = () => {} } = {}) {
  for (const name of names) if (PARTS[name] === undefined) throw new Error(`no such part: ${name}`);
  const isWanted = (name) => locate(name) === undefined;
  if (install) {
    const complaints = new Map();
    await installFromDebian(
      names.filter((name) => isWanted(name) && PARTS[name].debian),
      say,
      complaints,
    );
    for (const name of names.filter((each) => isWanted(each) && PARTS[each].goModule)) {
      await installFromGo(name, say, complaints);
    }
    return Promise.all(names.map((name) => describe(name, complaints.get(name))));
  }
  return Promise.all(names.map((name) => describe(name)));
}

/** The variables that hand the paths of found parts to tests. */
export function partsEnvironment(found) {
  const variables = {};
  for (const part of found) {
    const { variable } = PARTS[part.name];
    if (variable !== undefined && part.path !== undefined) variables[variable] = part.path;
  }
  return variables;
}

/** Whether a missing part is this machine's fault alone: it has what it takes to install it. */
export function canBeHadHere(name) {
  const part = PARTS[name];
  return (
    (part.debian !== undefined && onPath('apt-get') !== undefined) ||
    (part.goModule !== undefined && onPath('go') !== undefined)
  );
}

function locate(name) {
  const part = PARTS[name];
  const named = part.variable === undefined ? undefined : process.env[part.variable];
  if (named !== undefined && named !== '') return named;
  return (part.isOnlyFromGo ? undefined : onPath(part.program)) ?? inGoCache(part);
}

function inGoCache(part) {
  if (part.goModule === undefined) return undefined;
  const file = path.join(goFolder(part), part.program);
  return existsSync(file) ? file : undefined;
}

/** One folder for each version, so that a new pin is a new build. */
function goFolder(part) {
  const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return path.join(cache, 'certops-test', 'bin', `${part.program}-${part.goVersion}`);
}

function onPath(program) {
  // Debian keeps servers in sbin, which a person's PATH may lack.
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'];
  return folders
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, program))
    .find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function installFromDebian(names, say, complaints) {
  if (names.length === 0 || onPath('apt-get') === undefined) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && (await run('sudo', ['-n', 'true'])).code !== 0) return;
  const packages = names.map((name) => PARTS[name].debian);
  const apt = async (...args) => {
    const settings = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...args];
    const [command, rest] = isRoot ? ['env', settings] : ['sudo', ['-n', 'env', ...settings]];
    return run(command, rest, { timeoutMs: APT_TIMEOUT_MS });
  };
  say(`installing from Debian: ${packages.join(' ')}`);
  const updated = await apt('update');
  const installed = await apt('install', '-y', '--no-install-recommends', ...packages);
  if (installed.code === 0) return;
  const why = lastLine(installed.output) ?? lastLine(updated.output) ?? 'no reason given';
  for (const name of names) complaints.set(name, `apt-get failed: ${why}`);
}

async function installFromGo(name, say, complaints) {
  const go = onPath('go');
  if (go === undefined) return;
  const part = PARTS[name];
  const folder = goFolder(part);
  mkdirSync(folder, { recursive: true });
  say(`building ${part.program} ${part.goVersion} with Go; the first time takes minutes`);
  const result = await run(go, ['install', `${part.goModule}@${part.goVersion}`], {
    env: { ...process.env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' },
    timeoutMs: GO_INSTALL_TIMEOUT_MS,
  });
  if (result.code !== 0) {
    complaints.set(name, `go install failed: ${result.timedOut ? 'time-out' : lastLine(result.output)}`);
  }
}

async function describe(name, complaint) {
  const file = locate(name);
  if (file === undefined)
    return { name, path: undefined, version: undefined, missing: advice(name, complaint) };
  return { name, path: file, version: await versionOf(PARTS[name], file), missing: undefined };
}

function advice(name, complaint) {
  const { debian, goModule, goVersion } = PARTS[name];
  const ways = [
    ...(debian === undefined ? [] : [`apt-get install ${debian}`]),
    ...(goModule === undefined ? [] : [`go install ${goModule}@${goVersion}`]),
  ];
  return `${ways.join(', or ')}${complaint === undefined ? '' : ` (${complaint})`}`;
}

async function versionOf(part, file) {
  if (part.version !== undefined) {
    const speaker = part.versionOf === undefined ? file : path.join(path.dirname(file), part.versionOf);
    const { output } = await run(speaker, part.version, { timeoutMs: 10_000 });
    const said = /\d+(\.\d+)+[\w.-]*/.exec(output)?.[0];
    if (said !== undefined) return said;
  }
  // Some builds know no version of their own: whoever built or packed them does.
  const go = onPath('go');
  if (go !== undefined) {
    const { output } = await run(go, ['version', '-m', file], { timeoutMs: 10_000 });
    const built = /^\tmod\t\S+\tv(\d\S*)/m.exec(output)?.[1];
    if (built !== undefined) return built;
  }
  const asked = await run('dpkg-query', ['-W', '-f', DPKG_VERSION, part.debian ?? part.program], {
    timeoutMs: 10_000,
  });
  return asked.code === 0 ? asked.output.replace(/[+-][^-]*$/, '') : undefined;
}

function lastLine(text) {
  return text.trim().split('\n').at(-1) || undefined;
}
