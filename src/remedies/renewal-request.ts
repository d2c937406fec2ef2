import { RENEW_REQUESTED_AT } from '../api/certificate-annotations.ts';
import type { ObjectName } from '../api/names.ts';
import { formatInstant } from '../lib/clock.ts';
import { annotated } from './annotations.ts';
import { editCertificate } from './manifest-edit.ts';
import type { SourceFile } from './remedy.ts';

/**
 * The file with `certops.dev/renew-requested-at: <now>` on a Certificate, every other byte as it was. Undefined where
 * that cannot be written without touching more, and where it stands there already.
 */
export function requestRenewal(file: SourceFile, name: ObjectName, now: Date): SourceFile | undefined {
  const at = formatInstant(now);
  return editCertificate(
    file,
    name,
    (value) => annotated(value, RENEW_REQUESTED_AT, at),
    ({ directives }) => directives.renewRequestedAt?.getTime() === Date.parse(at),
  );
}
