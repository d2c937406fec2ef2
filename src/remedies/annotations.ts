import { RETRY_REQUESTED_AT, SUSPEND, SUSPEND_UNTIL } from '../api/certificate-annotations.ts';
import { memberOf } from '../api/manifest-identity.ts';
import { formatObjectName } from '../api/names.ts';
import { formatInstant } from '../lib/clock.ts';
import { cutText } from '../lib/cut-text.ts';
import { printable } from '../lib/printable.ts';
import { editDocument } from '../lib/yaml-document-edit.ts';
import type { YamlEdit } from '../lib/yaml-edit.ts';
import { documentOf, editCertificate, editIssuer, replaceDocument } from './manifest-edit.ts';
import type { Patient, Remedy, RemedyInput } from './remedy.ts';
import { remedyOf } from './wording.ts';

const ANNOTATIONS = ['metadata', 'annotations'] as const;

/** The edit that gives an object an annotation, in place where it has it already. */
export function annotated(value: unknown, name: string, text: string): readonly YamlEdit[] {
  const path = [...ANNOTATIONS, name];
  const old = memberOf(memberOf(memberOf(value, 'metadata'), 'annotations'), name);
  const isThere = old !== undefined && old !== null;
  return [isThere ? { do: 'set', path, value: text } : { do: 'add', path, value: text }];
}

/** `retry-requested-at` on the first patient that can carry it, or on the issuer where no patient has a file. */
export function retry({ patients, issuer, now }: RemedyInput): Remedy | undefined {
  const at = formatInstant(now);
  const edits = (value: unknown): readonly YamlEdit[] => annotated(value, RETRY_REQUESTED_AT, at);
  for (const { certificate, file } of patients) {
    const edited =
      file &&
      editCertificate(
        file,
        certificate.name,
        edits,
        ({ directives }) => directives.retryRequestedAt?.getTime() === Date.parse(at),
      );
    if (edited === undefined) continue;
    const others = patients.length > 1 ? ', and what waits for the same cause follows when it succeeds' : '';
    return remedyOf(
      'retry',
      [edited],
      'try again',
      `Merging says that the trouble is mended: certops tries ${formatObjectName(certificate.name)} again at once, ` +
        `whatever its back-off${others}. This pull request closes when it has succeeded.`,
    );
  }
  if (patients.some(({ file }) => file !== undefined) || issuer?.file === undefined) return undefined;
  const { kind, name } = issuer.issuer;
  const edited = editIssuer(issuer.file, issuer.issuer, edits, () => true);
  if (edited === undefined) return undefined;
  return remedyOf(
    'retry',
    [edited],
    'try again',
    `Merging says that the trouble is mended: certops sets up ${kind} ${formatObjectName(name)} again at once. ` +
      'This pull request closes when the issuer is ready.',
  );
}

/**
 * `retry-requested-at` in a manifest that cannot be accepted as it stands, where nobody can know what was meant: a
 * place for people to put their correction. It promises no more than that.
 */
export function retryOnceCorrected({ subject, now }: RemedyInput): Remedy | undefined {
  if (subject === undefined || !['Certificate', 'Issuer', 'ClusterIssuer'].includes(subject.kind)) {
    return undefined;
  }
  const document = documentOf(subject.file, subject);
  const changed =
    document && editDocument(document, annotated(document.value, RETRY_REQUESTED_AT, formatInstant(now)));
  const edited =
    changed === undefined ? undefined : document && replaceDocument(subject.file, document, changed);
  if (edited === undefined) return undefined;
  return remedyOf(
    'retry',
    [edited],
    'correct it and try again',
    'Merging this alone does not mend it, because only you can know what was meant: correct the manifest in this ' +
      'branch first, or in a commit of your own. certops acts as soon as it can be accepted, and this pull request ' +
      'then closes.',
  );
}

// A condition's message; far below what an annotation may hold.
const MAX_REASON_CHARACTERS = 200;

/** `suspend`, for a Certificate that was never issued. */
export function suspend({ cause, patients }: RemedyInput): Remedy | undefined {
  const [patient] = patients;
  if (patient?.file === undefined || !isNeverIssued(patient)) return undefined;
  const { certificate, file } = patient;
  const reason = cutText(printable(cause.title), MAX_REASON_CHARACTERS);
  if (reason.trim() === '' || certificate.directives.suspend !== undefined) return undefined;
  const edited = editCertificate(
    file,
    certificate.name,
    (value) => annotated(value, SUSPEND, reason),
    ({ directives }) => directives.suspend?.reason === reason && directives.suspend.until === undefined,
  );
  if (edited === undefined) return undefined;
  const name = formatObjectName(certificate.name);
  return remedyOf(
    'suspend',
    [edited],
    'suspend it',
    `Merging suspends ${name}, which was never issued: nothing is ordered for it any more until the annotation ` +
      `${SUSPEND} is taken away. This pull request closes at the next look.`,
  );
}

/** Whether no certificate was ever issued. */
export function isNeverIssued({ coveredNames, notAfter }: Patient): boolean {
  return coveredNames === undefined && notAfter === undefined;
}

/** Takes a suspension away. */
export function resume({ patients }: RemedyInput): Remedy | undefined {
  const [patient] = patients;
  if (patient?.file === undefined) return undefined;
  const { certificate } = patient;
  const edited = editCertificate(
    patient.file,
    certificate.name,
    unsuspended,
    ({ directives }) => directives.suspend === undefined,
  );
  if (edited === undefined) return undefined;
  const name = formatObjectName(certificate.name);
  return remedyOf(
    'resume',
    [edited],
    'resume it',
    `Merging ends the suspension of ${name}: certops renews it as soon as it is due. This pull request closes at the ` +
      'next look.',
  );
}

function unsuspended(value: unknown): readonly YamlEdit[] | undefined {
  const annotations = memberOf(memberOf(value, 'metadata'), 'annotations');
  if (typeof annotations !== 'object' || annotations === null) return undefined;
  const names = Object.keys(annotations);
  const going = names.filter((name) => name === SUSPEND || name === SUSPEND_UNTIL);
  const paths =
    going.length === names.length ? [[...ANNOTATIONS]] : going.map((name) => [...ANNOTATIONS, name]);
  return going.length === 0 ? undefined : paths.map((path) => ({ do: 'remove', path, withComment: true }));
}
