import { formatObjectName } from '../api/names.ts';
import { editCertificate } from './manifest-edit.ts';
import type { Remedy, RemedyInput } from './remedy.ts';
import { remedyOf } from './wording.ts';

const MAX_TRIES = 100;

/** Gives the newcomer of two claimants a Secret of its own. */
export function renameSecret({ patients, takenSecretNames }: RemedyInput): Remedy | undefined {
  const [patient] = patients;
  if (patient?.file === undefined) return undefined;
  const { name, spec } = patient.certificate;
  const free = freeName(name.name, new Set([...takenSecretNames, spec.secretName]));
  const edited =
    free === undefined
      ? undefined
      : editCertificate(
          patient.file,
          name,
          () => [{ do: 'set', path: ['spec', 'secretName'], value: free }],
          (after) => after.spec.secretName === free,
        );
  if (free === undefined || edited === undefined) return undefined;
  return remedyOf(
    'rename-secret',
    [edited],
    `use the Secret ${free}`,
    `Merging lets ${formatObjectName(name)} keep its key in the Secret ${free}, which nobody else uses, and certops ` +
      'issues it at once. Whoever reads the Secret has to be told its new name. This pull request closes when the ' +
      'certificate is there.',
  );
}

function freeName(certificate: string, taken: ReadonlySet<string>): string | undefined {
  for (let number = 1; number <= MAX_TRIES; number++) {
    const name = number === 1 ? `${certificate}-tls` : `${certificate}-tls-${number}`;
    if (!taken.has(name)) return name;
  }
  return undefined;
}
