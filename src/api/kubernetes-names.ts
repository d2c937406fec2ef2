import type { FieldErrors, FieldPath } from './field-error.ts';
import type { ObjectName } from './names.ts';

const LABEL = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const LABEL_NAME = new RegExp(`^${LABEL}$`);
const SUBDOMAIN_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const QUALIFIED_NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** The sentences of `k8s.io/apimachinery` `validation.IsDNS1123Subdomain` and `IsDNS1123Label`. */
const SUBDOMAIN_TEXT =
  'a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "-" or ".", ' +
  'and must start and end with an alphanumeric character';
const LABEL_TEXT =
  'a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "-", ' +
  'and must start and end with an alphanumeric character';

/** What is wrong with the name of an object (RFC 1123 subdomain, at most 253 bytes); undefined for nothing. */
export function subdomainFault(name: string): string | undefined {
  if (name.length > 253) return 'must be no more than 253 bytes';
  return SUBDOMAIN_NAME.test(name) ? undefined : SUBDOMAIN_TEXT;
}

/** What is wrong with the name of a namespace (RFC 1123 label, at most 63 bytes); undefined for nothing. */
export function labelFault(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 bytes';
  return LABEL_NAME.test(name) ? undefined : LABEL_TEXT;
}

/** Checks an object's name where it stands. */
export function checkName(errors: FieldErrors, path: FieldPath, name: string): void {
  const fault = subdomainFault(name);
  if (name === '') errors.required(path, 'must be specified');
  else if (fault !== undefined) errors.invalid(path, name, fault);
}

/** Checks label keys and values as `metav1/validation.ValidateLabels` does. */
export function checkLabels(
  errors: FieldErrors,
  path: FieldPath,
  labels: Readonly<Record<string, string>>,
): void {
  for (const [key, value] of Object.entries(labels)) {
    checkQualifiedName(errors, path, key, key);
    if (value.length > 63 || (value !== '' && !QUALIFIED_NAME.test(value))) {
      errors.invalidEntry(
        path,
        key,
        value,
        'a valid label must be an empty string or at most 63 alphanumeric characters, "-", "_" or ".", ' +
          'and must start and end with an alphanumeric character',
      );
    }
  }
}

// `k8s.io/apimachinery` TotalAnnotationSizeLimitB.
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Checks annotation keys and their whole size as `apivalidation.ValidateAnnotations` does. */
export function checkAnnotations(
  errors: FieldErrors,
  path: FieldPath,
  annotations: Readonly<Record<string, string>>,
): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    checkQualifiedName(errors, path, key, key.toLowerCase());
    bytes += key.length + value.length;
  }
  if (bytes > MAX_ANNOTATION_BYTES) errors.tooLong(path, MAX_ANNOTATION_BYTES);
}

function checkQualifiedName(errors: FieldErrors, path: FieldPath, key: string, text: string): void {
  const slash = text.indexOf('/');
  const prefix = slash === -1 ? undefined : text.slice(0, slash);
  const name = text.slice(slash + 1);
  const isValid =
    (prefix === undefined || subdomainFault(prefix) === undefined) &&
    name.length <= 63 &&
    QUALIFIED_NAME.test(name);
  if (!isValid) {
    const detail = 'a key must be a name of at most 63 characters with an optional DNS prefix and "/"';
    errors.invalidEntry(path, key, key, detail);
  }
}

/** The longest path, in bytes, that a name may lead to (contract 1.1). */
export const MAX_PATH_BYTES = 230;

// Revisions count up from 1; ten digits outlast the project.
const LONGEST_REVISION = '9999999999';

/** The longest paths that the daemon would write for an object, with the folders of the defaults. */
export function longestPath(kind: 'Certificate' | 'Issuer' | 'ClusterIssuer', name: ObjectName): string {
  if (kind === 'Certificate') {
    return `status/${name.namespace}/requests/${name.name}-${LONGEST_REVISION}.key.yaml`;
  }
  const folder = kind === 'Issuer' ? name.namespace : '_cluster';
  return `status/${folder}/issuers/${name.name}.key.yaml`;
}

/** The path of a Secret, with the folder of the defaults. */
export function secretPath(namespace: string, secretName: string): string {
  return `secrets/${namespace}/${secretName}.yaml`;
}

/** Refuses a name that is valid but whose path would be too long for file systems and forges. */
export function checkPathLength(errors: FieldErrors, path: FieldPath, name: string, filePath: string): void {
  if (filePath.length > MAX_PATH_BYTES && subdomainFault(name) === undefined) {
    const detail = `the path made of it would have ${filePath.length} bytes; at most ${MAX_PATH_BYTES} fit`;
    errors.invalid(path, name, detail);
  }
}
