import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asCertopsError, CertopsError } from '../lib/errors.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import { AcceptedRecipients } from '../secrets/accepted-recipients.ts';
import { Sealer } from '../secrets/sealer.ts';
import { loadIdentities } from '../secrets/sops/identities.ts';
import { OutputPaths } from '../status/paths.ts';
import { parseRecipientsStatus } from '../status/recipients-status.ts';
import { openPersonWorkTree } from '../store/person-work-tree.ts';
import { type Console, showError } from './console.ts';
import { counted } from './counted.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { readPlainFile } from './plain-file.ts';
import { settingsIn } from './work-tree.ts';

const SOPS_RULES_FILE = '.sops.yaml';
const MAX_BYTES = 4 << 20;

interface Rekeying {
  readonly root: string;
  readonly paths: OutputPaths;
  readonly sealer: Sealer;
  /** Who is accepted by what certops recorded; undefined while it recorded nothing. */
  readonly accepted: AcceptedRecipients | undefined;
}

/** What became of one file; undefined where there was nothing to do. */
interface Rekeyed {
  readonly path: string;
  readonly recipients: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * `certops rekey`: in a person's clone, seals every Secret and account key of certops to the recipients that `.sops.yaml`
 * names now, with new data keys, and commits that as the person. It is their word, as somebody who can read them, that
 * these recipients may. Exit 1 where a file could not be sealed.
 */
export async function rekey(
  console: Console,
  directory: string,
  environment: NodeJS.ProcessEnv,
  now: Date,
): Promise<ExitCode> {
  const tree = await openPersonWorkTree(directory);
  const { output } = await settingsIn(tree.root);
  const folders = [output.secrets, output.status];
  const inTheWay = await tree.changed(folders);
  if (inTheWay.length > 0) throw uncommitted(inTheWay);
  const rekeying = await prepare(tree.root, new OutputPaths(output), environment);
  const loop = new FairLoop();
  let failed = 0;
  let theirs = 0;
  const done: Rekeyed[] = [];
  for (const path of await tree.tracked(folders)) {
    await loop.pause();
    try {
      const outcome = await rekeyOne(rekeying, path, now);
      if (outcome === 'theirs') theirs += 1;
      else if (outcome !== undefined) {
        done.push(outcome);
        console.out(describe(outcome));
      }
    } catch (thrown) {
      failed += 1;
      showError(console, asCertopsError(thrown));
    }
  }
  if (theirs > 0) {
    console.err(
      `certops: left ${counted(theirs, 'Secret')} that people wrote: use sops updatekeys or sops rotate`,
    );
  }
  if (done.length > 0) {
    const changed = new Set(await tree.changed([SOPS_RULES_FILE]));
    const paths = [...folders, ...(changed.has(SOPS_RULES_FILE) ? [SOPS_RULES_FILE] : [])];
    const tracked = await tree.tracked(folders);
    const isPresent = (folder: string) => tracked.some((path) => path.startsWith(`${folder}/`));
    const commit = await tree.commit(
      // Git takes a path that matches nothing for a mistake.
      paths.filter((path) => path === SOPS_RULES_FILE || isPresent(path)),
      `Rekey ${counted(done.length, 'Secret')}\n\nSealed anew to the recipients that .sops.yaml names, by somebody who can read them.`,
    );
    console.out(`Committed ${commit.slice(0, 12)}: Rekey ${counted(done.length, 'Secret')}. Push it.`);
    if (done.some(({ removed }) => removed.length > 0)) {
      console.err(
        'certops: whoever was taken away can still open what history holds; the daemon issues those with new keys',
      );
    }
  } else if (failed === 0) {
    console.out('Nothing to do: everything is sealed to the recipients that .sops.yaml names.');
  }
  return failed > 0 ? EXIT.finding : EXIT.ok;
}

async function prepare(root: string, paths: OutputPaths, environment: NodeJS.ProcessEnv): Promise<Rekeying> {
  const identities = await loadIdentities(environment);
  if (identities.identities.length === 0) {
    throw new CertopsError(
      'cli.no-identity',
      {
        what: 'There is no age identity to open Secrets with',
        next: 'Set SOPS_AGE_KEY or SOPS_AGE_KEY_FILE, or put it into ~/.config/sops/age/keys.txt',
      },
      { retry: { when: 'never' } },
    );
  }
  const sealer = new Sealer({ identities });
  sealer.setRules(await readText(root, SOPS_RULES_FILE));
  const recorded = await readText(root, paths.recipients());
  const accepted =
    recorded === undefined
      ? undefined
      : new AcceptedRecipients(parseRecipientsStatus(recorded, paths.recipients()).accepted);
  return { root, paths, sealer, accepted };
}

async function rekeyOne(
  { root, paths, sealer, accepted }: Rekeying,
  path: string,
  now: Date,
): Promise<Rekeyed | 'theirs' | undefined> {
  const place = paths.classify(path);
  if (place?.kind !== 'secret' && place?.kind !== 'account-key') return undefined;
  const text = await readText(root, path);
  if (text === undefined) return undefined;
  const isOurs = place.kind === 'account-key' || text.includes('cert-manager.io/certificate-name');
  if (!isOurs) return 'theirs';
  const opened = await sealer.open(text, path, place.kind === 'secret' ? place.name : undefined);
  const rulePath = paths.secret({ namespace: opened.namespace, name: opened.name });
  const { recipients } = await sealer.prove(rulePath);
  const added = recipients.filter((one) => !opened.recipients.includes(one));
  const removed = opened.recipients.filter((one) => !recipients.includes(one));
  // Whom sops updatekeys added is in the file already; that they may be is not said yet.
  const isSaid = recipients.every(
    (one) =>
      accepted === undefined || accepted.at(rulePath).includes(one) || opened.provenRecipients.includes(one),
  );
  if (added.length === 0 && removed.length === 0 && isSaid) return undefined;
  const sealed = await sealer.reseal(rulePath, text, path, opened, now, true);
  await replaceFile(join(root, path), sealed);
  return { path, recipients, added, removed };
}

/** The text of a file; undefined where there is none, or it is no ordinary file that could be ours. */
async function readText(root: string, path: string): Promise<string | undefined> {
  const file = await readPlainFile(join(root, path), MAX_BYTES);
  return file.kind === 'text' ? file.text : undefined;
}

function describe({ path, recipients, added, removed }: Rekeyed): string {
  const changes = [...added.map((one) => `+${one}`), ...removed.map((one) => `-${one}`)];
  const what = changes.length === 0 ? 'the same, confirmed' : changes.join(' ');
  return `${path}: sealed to ${counted(recipients.length, 'recipient')} (${what})`;
}

/** All of the new text or all of the old, whatever happens in between; the mode stays. */
async function replaceFile(path: string, text: string): Promise<void> {
  const { mode } = await stat(path);
  const beside = `${path}.${process.pid}.new`;
  try {
    await writeFile(beside, text, { flag: 'wx', mode });
    await rename(beside, path);
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
}

function uncommitted(paths: readonly string[]): CertopsError {
  return new CertopsError(
    'cli.rekey-uncommitted',
    {
      what: `${counted(paths.length, 'file')} of certops changed in this work tree (${paths[0]}${paths.length > 1 ? ', …' : ''})`,
      why: 'What is not committed would be committed with what is sealed anew',
      next: 'Commit or restore them first; nothing was changed',
    },
    { retry: { when: 'never' } },
  );
}
