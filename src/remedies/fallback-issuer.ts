import type { FallbackIssuer } from '../api/certificate.ts';
import { memberOf } from '../api/manifest-identity.ts';
import { CERT_MANAGER_GROUP, formatIssuerRef } from '../api/names.ts';
import type { Cause, CauseCode } from '../diagnosis/cause.ts';
import type { YamlEdit } from '../lib/yaml-edit.ts';
import { documentOf, editCertificate } from './manifest-edit.ts';
import type { Patient, Remedy, RemedyInput, SourceFile } from './remedy.ts';
import { remedyOf } from './wording.ts';

/** What the issuer that was asked cannot do for a Certificate, and another one may. */
const ISSUER_CODES: readonly CauseCode[] = [
  ...(['ca-unavailable', 'rate-limited', 'caa-forbids', 'identifier-rejected', 'request-refused'] as const),
  ...(['no-challenge', 'profile-unknown', 'wrong-certificate'] as const),
  ...(['issuer-missing', 'issuer-misconfigured'] as const),
];

// As many documents as are edited in one go without holding the event loop for long.
const MAX_CHARACTERS = 131_072;

/**
 * Lets the Certificates of a broken issuer go to the first ready one of the first patient's
 * `certops.dev/fallback-issuers`; those alone whose own list names it too.
 */
export function fallbackIssuer({ cause, patients, readyIssuers }: RemedyInput): Remedy | undefined {
  const [first] = patients;
  if (first === undefined || !isIssuers(cause)) return undefined;
  const { spec, directives, name } = first.certificate;
  const target = directives.fallbackIssuers.find(
    (fallback) =>
      readyIssuers.includes(written(fallback)) && written(fallback) !== formatIssuerRef(spec.issuerRef),
  );
  if (target === undefined) return undefined;
  const willing = patients.filter(({ certificate }) => {
    const isWithin = target.kind === 'ClusterIssuer' || certificate.name.namespace === name.namespace;
    const isNamed = certificate.directives.fallbackIssuers.some((each) => written(each) === written(target));
    return (
      isWithin && isNamed && formatIssuerRef(certificate.spec.issuerRef) === formatIssuerRef(spec.issuerRef)
    );
  });
  const { files, count } = redirected(willing, target);
  if (count === 0) return undefined;
  const whose = count === 1 ? 'the Certificate' : `${count} Certificates`;
  const rest = patients.length - count;
  return remedyOf(
    'fallback-issuer',
    files,
    `use ${written(target)}`,
    `Merging lets ${whose} be issued by ${written(target)}, which is ready, in place of ` +
      `${formatIssuerRef(spec.issuerRef)}; certops orders there at once.` +
      (rest === 0 ? '' : ` ${rest} more do not name it and go on waiting.`) +
      ' This pull request closes when nothing waits for the broken issuer any more.',
  );
}

function isIssuers({ scope, class: kind, code }: Cause): boolean {
  return scope === 'issuer' || scope === 'solver' || kind === 'account' || ISSUER_CODES.includes(code);
}

function written({ kind, name }: FallbackIssuer): string {
  return `${kind}/${name}`;
}

/** The files with every Certificate redirected that can be; the first has to be among them. */
function redirected(
  patients: readonly Patient[],
  target: FallbackIssuer,
): { readonly files: readonly SourceFile[]; readonly count: number } {
  const files = new Map<string, SourceFile>();
  let count = 0;
  let characters = 0;
  for (const { certificate, file } of patients) {
    const current = file && (files.get(file.path) ?? file);
    const document = current && documentOf(current, certificate);
    characters += document?.text.length ?? 0;
    if (current === undefined || (count > 0 && characters > MAX_CHARACTERS)) continue;
    const edited = editCertificate(
      current,
      certificate.name,
      (value) => edits(value, target),
      ({ spec }) =>
        formatIssuerRef(spec.issuerRef) === written(target) && spec.issuerRef.group === CERT_MANAGER_GROUP,
    );
    if (edited === undefined) {
      if (count === 0) break;
      continue;
    }
    files.set(edited.path, edited);
    count++;
  }
  return { files: [...files.values()], count };
}

function edits(value: unknown, { kind, name }: FallbackIssuer): readonly YamlEdit[] {
  const ref = memberOf(memberOf(value, 'spec'), 'issuerRef');
  const path = ['spec', 'issuerRef'];
  const set = (member: string, text: string): readonly YamlEdit[] =>
    memberOf(ref, member) === text ? [] : [{ do: 'set', path: [...path, member], value: text }];
  const hasKind = memberOf(ref, 'kind') !== undefined;
  const ofKind: readonly YamlEdit[] = hasKind
    ? set('kind', kind)
    : kind === 'Issuer'
      ? []
      : [{ do: 'add', path: [...path, 'kind'], value: kind }];
  const hasGroup = (memberOf(ref, 'group') ?? '') !== '';
  return [...set('name', name), ...ofKind, ...(hasGroup ? set('group', CERT_MANAGER_GROUP) : [])];
}
