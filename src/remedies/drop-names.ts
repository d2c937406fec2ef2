import { isIP } from 'node:net';
import type { Certificate } from '../api/certificate.ts';
import { memberOf } from '../api/manifest-identity.ts';
import { formatObjectName } from '../api/names.ts';
import type { Cause } from '../diagnosis/cause.ts';
import type { Finding } from '../diagnosis/failure.ts';
import type { YamlEdit } from '../lib/yaml-edit.ts';
import { isNeverIssued } from './annotations.ts';
import { editCertificate } from './manifest-edit.ts';
import type { Patient, Remedy, RemedyInput } from './remedy.ts';
import { longList, remedyOf, shortList } from './wording.ts';

// A cause names at most this many; with as many, nobody knows whether the others are sound.
const MAX_NAMED = 20;

/** Names that fail of one Certificate, some of them and not all. */
interface FailingNames {
  readonly patient: Patient;
  /** As the Certificate has them: lower case, addresses as they are written. */
  readonly names: readonly string[];
}

/**
 * Takes exactly the names that fail out of a Certificate, so that the rest can go on. A name that the certificate in
 * use covers only goes with evidence that it is gone, or when the end is near; the title then says `stop covering`.
 */
export function dropNames(input: RemedyInput): Remedy | undefined {
  const failing = failingNames(input);
  if (failing === undefined) return undefined;
  const { patient, names } = failing;
  const covered = names.filter((name) => isCovered(name, patient));
  if (!patient.isNearEnd && covered.some((name) => !isGone(name, input.cause))) return undefined;
  const { certificate, file } = patient;
  const edited =
    file && editCertificate(file, certificate.name, without(names), hasExactly(certificate, names));
  if (edited === undefined) return undefined;
  const name = formatObjectName(certificate.name);
  if (covered.length === 0) {
    return remedyOf(
      'drop-names',
      [edited],
      `drop ${shortList(names)}`,
      `Merging takes ${longList(names)} out of ${name}, and certops issues it for the other names at once. This pull ` +
        'request closes when the certificate is there.',
    );
  }
  return remedyOf(
    'stop-covering',
    [edited],
    `stop covering ${shortList(covered)}`,
    `Merging takes ${longList(names)} out of ${name}, and certops issues it for the other names at once. From then on ` +
      `no certificate covers ${longList(covered)}. This pull request closes when the new certificate is there.`,
  );
}

/** Undefined where all of them fail, or where it is not known that the rest are sound. */
function failingNames({ cause, patients }: RemedyInput): FailingNames | undefined {
  const [patient] = patients;
  if (patient === undefined || patients.length > 1 || cause.scope !== 'certificate') return undefined;
  if (cause.identifiers.length >= MAX_NAMED) return undefined;
  const failing = new Set(cause.identifiers.map(({ identifier }) => spelling(identifier)));
  const all = validatedNames(patient.certificate);
  const names = all.filter((name) => failing.has(spelling(name)));
  const isKnown = failing.size === new Set(names.map((name) => spelling(name))).size;
  return names.length === 0 || names.length === all.length || !isKnown ? undefined : { patient, names };
}

/** The names that a CA validates one by one. */
function validatedNames({ spec }: Certificate): readonly string[] {
  const { dnsNames, ipAddresses, commonName } = spec;
  const common = commonName === undefined ? [] : [commonName.toLowerCase()];
  return [...new Set([...dnsNames, ...ipAddresses, ...common])];
}

/** One spelling of a name or an address. */
function spelling(name: string): string {
  const lower = name.toLowerCase();
  return isIP(lower) === 6 ? new URL(`http://[${lower}]`).hostname : lower;
}

function isCovered(name: string, patient: Patient): boolean {
  const wanted = spelling(name);
  // The record of a certificate in use tells its DNS names alone.
  if (isIP(wanted) !== 0) return !isNeverIssued(patient);
  const [, ...parents] = wanted.split('.');
  return (patient.coveredNames ?? []).some((each) =>
    [wanted, `*.${parents.join('.')}`].includes(spelling(each)),
  );
}

/** What DNS says where a name is gone: it does not exist, and with it the TXT record of its challenge. */
const OF_NO_NAME: readonly Finding[] = ['no-such-domain', 'missing'];

/**
 * Whether it was seen that nobody needs a certificate for a name any more, and nothing was seen that speaks against it:
 * one name server of several may be out of date while the others are silent, and one address of several served by
 * somebody else.
 */
function isGone(name: string, { observations }: Cause): boolean {
  const own = observations.filter(({ identifier }) => spelling(identifier) === spelling(name));
  const isSeen = (wanted: Finding): boolean => own.some(({ finding }) => finding === wanted);
  if (isSeen('served-here')) return false;
  const isDoubted = own.some(({ kind, finding }) => kind === 'dns' && !OF_NO_NAME.includes(finding));
  return isSeen('served-elsewhere') || (isSeen('no-such-domain') && !isDoubted);
}

const LISTS = ['dnsNames', 'ipAddresses'] as const;

function without(names: readonly string[]): (value: unknown) => readonly YamlEdit[] {
  const going = new Set(names.map((name) => spelling(name)));
  const goes = (name: unknown): boolean => typeof name === 'string' && going.has(spelling(name));
  return (value) => {
    const spec = memberOf(value, 'spec');
    const edits = LISTS.flatMap((field) => {
      const list = memberOf(spec, field);
      return Array.isArray(list) ? itemsWithout(['spec', field], list, goes) : [];
    });
    const common: readonly YamlEdit[] = goes(memberOf(spec, 'commonName'))
      ? [{ do: 'remove', path: ['spec', 'commonName'], withComment: true }]
      : [];
    return [...edits, ...common];
  };
}

/** The edits that take items out of a list, from the last to the first so that the others keep their places. */
function itemsWithout(
  path: readonly string[],
  list: readonly unknown[],
  goes: (item: unknown) => boolean,
): readonly YamlEdit[] {
  const going = list.flatMap((item, index) => (goes(item) ? [index] : []));
  if (going.length === 0) return [];
  if (going.length === list.length) return [{ do: 'remove', path, withComment: true }];
  return going.toReversed().map((index) => ({ do: 'remove', path: [...path, index], withComment: true }));
}

function hasExactly(before: Certificate, gone: readonly string[]): (after: Certificate) => boolean {
  const kept = validatedNames(before).filter((name) => !gone.includes(name));
  return (after) => {
    const names = validatedNames(after);
    return names.length === kept.length && kept.every((name) => names.includes(name));
  };
}
