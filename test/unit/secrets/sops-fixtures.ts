import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import {
  type AgeIdentities,
  generateIdentity,
  identitiesFrom,
} from '../../../src/secrets/sops/identities.ts';
import type { SealingRule } from '../../../src/secrets/sops/rules.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/sops');

/** The file of the identity that opens every fixture. */
export const TEST_IDENTITY_FILE = join(FOLDER, 'test-identity.txt');

/** Names of the files that real sops made. */
export const FIXTURES: readonly string[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.sops.yaml'))
  .map((file) => file.slice(0, -'.sops.yaml'.length));

export function sealedFixture(name: string): string {
  return readFileSync(join(FOLDER, `${name}.sops.yaml`), 'utf8');
}

/** What `sops -d --output-type json` prints for the fixture. */
export function expectedFixture(name: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.expected.json`), 'utf8'));
}

export function testIdentity(): Sensitive<string> {
  const line = readFileSync(TEST_IDENTITY_FILE, 'utf8')
    .split('\n')
    .find((text) => text.startsWith('AGE-SECRET-KEY-1'));
  return new Sensitive(line ?? '');
}

export async function testIdentities(): Promise<AgeIdentities> {
  return await identitiesFrom([testIdentity()]);
}

/** Fresh identities and the rule that seals to all of them. */
export async function freshRule(
  count: number,
  macOnlyEncrypted = false,
): Promise<{ readonly rule: SealingRule; readonly identities: readonly Sensitive<string>[] }> {
  const made = await Promise.all(Array.from({ length: count }, generateIdentity));
  return {
    rule: { recipients: made.map((one) => one.recipient), index: 0, line: 1, macOnlyEncrypted },
    identities: made.map((one) => one.identity),
  };
}

/** Plain JSON of an opened value, without prototypes in the way. */
export function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
