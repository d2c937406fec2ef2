import { printable } from '../lib/printable.ts';
import { loadIdentities } from '../secrets/sops/identities.ts';
import type { Console } from './console.ts';
import { counted } from './counted.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type OpenOptions, withWorld } from './open-world.ts';
import { type RepositoryReport, verifyRepository } from './verify-repository.ts';

export interface VerifyOptions extends OpenOptions {
  readonly output?: 'text' | 'json' | undefined;
}

/**
 * `certops verify`: an fsck of what certops wrote. Exit 1 where something is wrong with it; what cannot be checked for
 * want of an age identity is told and no error.
 */
export async function verify(
  console: Console,
  options: VerifyOptions,
  environment: NodeJS.ProcessEnv,
  now: Date,
): Promise<ExitCode> {
  const identities = await loadIdentities(environment);
  return withWorld(options, async (opened) => {
    const report = await verifyRepository(opened, identities, now);
    if (options.output === 'json') console.out(JSON.stringify(report, null, 2));
    else showText(console, report);
    return report.findings.some(({ severity }) => severity === 'error') ? EXIT.finding : EXIT.ok;
  });
}

function showText(
  console: Console,
  { secrets, opened, certificates, requests, findings }: RepositoryReport,
): void {
  for (const { severity, path, message } of findings) {
    console.out(`${severity}: ${printable(path)}: ${printable(message)}`);
  }
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  const looked = `${counted(secrets, 'sealed file')} (${opened} opened), ${counted(certificates, 'Certificate')} and ${counted(requests, 'request')} looked at`;
  console.out(`${looked}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}.`);
  if (opened < secrets) {
    console.err(
      `certops: ${counted(secrets - opened, 'sealed file')} could not be opened: content, MACs and keys of these are not checked`,
    );
  }
}
