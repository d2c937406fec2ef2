import { Command, CommanderError, Option } from 'commander';
import { SETTINGS } from '../daemon/settings.ts';
import { packageVersion } from '../lib/version.ts';
import { type Console, showError } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { RunOptions } from './run.ts';

/** Runs one command line (without `node` and the program's path) and gives its exit code. Never throws. */
export async function runProgram(args: readonly string[], console: Console): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = createProgram(console, (result) => {
    code = result;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.impossible;
    showError(console, thrown);
    return EXIT.impossible;
  }
}

/** Commands load their code when they run: `--help` and `get` need little of it. */
function createProgram(console: Console, finish: (code: ExitCode) => void): Command {
  const program = new Command('certops')
    .description('Certificates from a Git repository: push manifests, pull Secrets.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => console.out(text.trimEnd()),
      writeErr: (text) => console.err(text.trimEnd()),
    })
    .showHelpAfterError('Add --help to see how it is used.')
    .addHelpText(
      'after',
      '\nExit codes: 0 done and healthy; 1 done, and there is a finding; 2 it could not be done.',
    );

  program
    .command('init')
    .argument('[DIR]', 'a new or empty folder (the working folder)')
    .option('--policies', 'with the library of policies, none of them in force yet')
    .description('make a new configuration repository from the template')
    .action(async (dir: string | undefined, options: { policies?: boolean }) => {
      const { init } = await import('./init.ts');
      finish(await init(console, dir, process.env, new Date(), options));
    });

  addRun(program, console, finish);

  program
    .command('get')
    .argument('<KIND>', 'certificates, issuers, clusterissuers or requests; kubectl’s short names too')
    .argument('[NAME]', 'only this one')
    .description('list what the repository records')
    .option('-n, --namespace <NS>', 'namespace (default)')
    .option('-A, --all-namespaces', 'every namespace')
    .addOption(new Option('-o, --output <FORMAT>', 'how').choices(['text', 'wide', 'json', 'yaml']))
    .option('--repo <URL|PATH>', 'the repository (the one around the working folder)')
    .option('--branch <BRANCH>', 'the branch (the one checked out, or main)')
    .action(async (kind: string, name: string | undefined, options) => {
      const { get } = await import('./get.ts');
      finish(await get(console, kind, name, options, new Date()));
    });

  program
    .command('describe')
    .argument('<KIND>', 'certificate')
    .argument('<NAME>', 'its name')
    .description('show one object with its conditions and what happened to it')
    .option('-n, --namespace <NS>', 'namespace (default)')
    .option('--repo <URL|PATH>', 'the repository (the one around the working folder)')
    .option('--branch <BRANCH>', 'the branch (the one checked out, or main)')
    .action(async (kind: string, name: string, options) => {
      const { describe } = await import('./describe.ts');
      finish(await describe(console, kind, name, options, new Date()));
    });

  program
    .command('lint')
    .argument('[PATH]', 'a file or folder of a work tree', '.')
    .description('say what is wrong with the manifests of a work tree; exit 1 for an error')
    .option('--fix', 'edit manifests of API versions before v1 to v1; nothing else is touched')
    .addOption(
      new Option('-o, --output <FORMAT>', 'how').choices(['text', 'json', 'sarif', 'github']).default('text'),
    )
    .action(async (path: string, options) => {
      const { lint } = await import('./lint.ts');
      finish(await lint(console, path, options));
    });

  program
    .command('plan')
    .argument('[PATH]', 'a clone (the one around the working folder)')
    .description('say what merging a change would do, without network and keys; exit 1 for invalid or denied')
    .option(
      '--base <REF>',
      'what it is merged into; policies, tenancy and recipients are taken from it (HEAD)',
    )
    .option('--head <REF>', 'what is merged (the work tree, uncommitted changes included)')
    .option('--at <TIME>', 'what falls due by then too, for example 2027-01-31T00:00:00Z')
    .addOption(
      new Option('-o, --output <FORMAT>', 'how').choices(['text', 'markdown', 'json']).default('text'),
    )
    .option('--repo <PATH>', 'the same as PATH')
    .action(async (path: string | undefined, options) => {
      const { plan } = await import('./plan.ts');
      finish(await plan(console, path, options, new Date()));
    });

  program
    .command('schema')
    .argument('<KIND>', 'Certificate, Issuer, ClusterIssuer, CertificateRequestPolicy or Repository')
    .description('print the JSON Schema of a kind, for editors')
    .action(async (kind: string) => {
      const { schema } = await import('./schema.ts');
      finish(schema(console, kind));
    });

  program
    .command('verify')
    .description('check everything that certops wrote: Secrets, keys, chains, statuses; exit 1 for an error')
    .addOption(new Option('-o, --output <FORMAT>', 'how').choices(['text', 'json']).default('text'))
    .option('--repo <URL|PATH>', 'the repository (the one around the working folder)')
    .option('--branch <BRANCH>', 'the branch (the one checked out, or main)')
    .action(async (options) => {
      const { verify } = await import('./verify.ts');
      finish(await verify(console, options, process.env, new Date()));
    });

  program
    .command('rekey')
    .argument('[DIR]', 'a clone with a work tree', '.')
    .description('seal every Secret to the recipients that .sops.yaml names now, and commit that')
    .action(async (dir: string) => {
      const { rekey } = await import('./rekey.ts');
      finish(await rekey(console, dir, process.env, new Date()));
    });

  addRenew(program, console, finish);
  addProposals(program, console, finish);

  const acceptCommand = program
    .command('accept-history')
    .description('say that a rewritten branch, as the remote has it now, is the one to go on from')
    .option('--config <FILE>', 'YAML file with the settings of certops run')
    .action(async (options: Flags) => {
      const { acceptRewrittenHistory } = await import('./accept-history.ts');
      finish(await acceptRewrittenHistory(console, options, textOf(options.config)));
    });
  addSettings(acceptCommand, (name) => REMOTE_SETTINGS.has(name));

  return program;
}

type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** The settings that say which repository is meant and how it is reached. */
const REMOTE_SETTINGS: ReadonlySet<string> = new Set([
  'repo',
  'branch',
  'dataDir',
  'signingKey',
  'unsigned',
  'gitUsername',
  'logLevel',
]);

/** The settings that say how the forge of a repository is reached. */
const FORGE_SETTINGS: ReadonlySet<string> = new Set([
  'forge',
  'forgeUrl',
  'forgeAppId',
  'forgeAppKey',
  'forgeAppInstallation',
  'gitUsername',
  'allowPlainLoopback',
]);

const ACCESS_HELP =
  '\nYour own Git reaches the repository. Secrets are variables only: CERTOPS_FORGE_TOKEN for the forge, CERTOPS_GIT_TOKEN for an HTTPS remote that your Git has no password for.';

function addRenew(program: Command, console: Console, finish: (code: ExitCode) => void): void {
  const command = program
    .command('renew')
    .argument('[NAME...]', 'Certificates, as NAME or NAMESPACE/NAME')
    .description(
      'ask for renewals now, by a commit of yours that is pushed; exit 2 where nothing was changed',
    )
    .option('--all', 'every Certificate but suspended ones; with -n those of one namespace')
    .option('-n, --namespace <NS>', 'namespace (default)')
    .option('--pull-request', 'on a branch of its own, for others to review')
    .option('-m, --message <MESSAGE>', 'message of the commit, and title of the pull request')
    .option('--repo <URL|PATH>', 'the repository (the one around the working folder)')
    .option('--branch <BRANCH>', 'the branch (the one checked out, or main)');
  addSettings(command, (name) => FORGE_SETTINGS.has(name));
  command.addHelpText('after', ACCESS_HELP);
  command.action(async (names: readonly string[], options) => {
    const { renew } = await import('./renew.ts');
    finish(await renew(console, names, options, options, new Date()));
  });
}

function addProposals(program: Command, console: Console, finish: (code: ExitCode) => void): void {
  const group = program
    .command('proposals')
    .description('pull requests for failures: list them, read one, decide about it');
  const add = (name: string, argument: string | undefined, description: string): Command => {
    const command = group.command(name).description(description);
    if (argument !== undefined) {
      command.argument(
        argument,
        `number, branch, or the last part of the branch${argument === '[WHICH]' ? ' (the only open one)' : ''}`,
      );
    }
    command
      .option('--repo <URL|PATH>', 'the repository (the one around the working folder)')
      .option('--branch <BRANCH>', 'the branch (the one checked out, or main)');
    addSettings(command, (setting) => FORGE_SETTINGS.has(setting));
    return command.addHelpText('after', ACCESS_HELP);
  };
  const output = () => new Option('-o, --output <FORMAT>', 'how').choices(['text', 'json', 'yaml']);
  add('list', undefined, 'the open ones, and those closed or merged within 30 days')
    .addOption(output())
    .action(async (options) => {
      const { listProposals } = await import('./proposals.ts');
      finish(await listProposals(console, options, options, new Date()));
    });
  add('show', '[WHICH]', 'the text of one, and its diff')
    .addOption(output())
    .action(async (which: string | undefined, options) => {
      const { showProposal } = await import('./proposals.ts');
      finish(await showProposal(console, which, options, options, new Date()));
    });
  add('accept', '<WHICH>', 'merge one, where there is no forge').action(async (which: string, options) => {
    const { acceptProposal } = await import('./decide-proposal.ts');
    finish(await acceptProposal(console, which, options, options, new Date()));
  });
  add(
    'reject',
    '<WHICH>',
    'delete the branch of one, where there is no forge: it stays closed for 14 days',
  ).action(async (which: string, options) => {
    const { rejectProposal } = await import('./decide-proposal.ts');
    finish(await rejectProposal(console, which, options, options, new Date()));
  });
}

function addSettings(command: Command, isWanted: (name: string) => boolean): void {
  for (const { name, type, flag, value, description } of SETTINGS) {
    if (type === 'secret' || !isWanted(name)) continue;
    command.option(type === 'switch' ? flag : `${flag} <${value}>`, description);
  }
}

function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function addRun(program: Command, console: Console, finish: (code: ExitCode) => void): void {
  const command = program
    .command('run')
    .description(
      'make the repository true: the daemon, or with --once one run until nothing changes any more',
    )
    .option('--once', 'stop when nothing changes any more; exit 1 if a Certificate is not as it should be')
    .option('--config <FILE>', 'YAML file with the settings below, in camel case')
    .option(
      '--list-faults',
      'print the steps at which CERTOPS_FAULT can end the process (with CERTOPS_TESTING=1)',
    )
    .addOption(new Option('-o, --output <FORMAT>', 'how --once reports').choices(['text', 'json']));
  addSettings(command, () => true);
  command.addHelpText(
    'after',
    `\nEvery setting is also a variable (${SETTINGS[0]?.variable}, …); a flag wins over a variable, a variable over the file.\nSecrets are variables only: CERTOPS_GIT_TOKEN for the remote; CERTOPS_FORGE_TOKEN and CERTOPS_WEBHOOK_SECRETS for the forge; SOPS_AGE_KEY, SOPS_AGE_KEY_FILE or SOPS's keys.txt for age.`,
  );
  command.action(async (options: RunOptions & Flags) => {
    const { run } = await import('./run.ts');
    finish(await run(console, options, options));
  });
}
