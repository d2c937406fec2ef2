import type { ObjectName } from './names.ts';

/** Which object a document is about, as far as it can be told. */
export interface Identity {
  readonly apiVersion: string | undefined;
  readonly kind: string | undefined;
  readonly name: ObjectName | undefined;
}

const CLUSTER_SCOPED: readonly string[] = ['ClusterIssuer', 'Repository', 'CertificateRequestPolicy'];
const DEFAULT_NAMESPACE = 'default';

/**
 * Reads the identity from a document's value, or, where the YAML is too broken for that, from lines that
 * look like it.
 */
export function identify(value: unknown, text: string): Identity {
  const apiVersion = stringAt(value, 'apiVersion') ?? lineValue(text, /^apiVersion:[ \t]*(\S+)/m);
  const kind = stringAt(value, 'kind') ?? lineValue(text, /^kind:[ \t]*(\S+)/m);
  const metadata = memberOf(value, 'metadata');
  const name = stringAt(metadata, 'name') ?? (metadata == null ? nameInText(text, 'name') : undefined);
  if (name === undefined || name === '') return { apiVersion, kind, name: undefined };
  const namespace =
    stringAt(metadata, 'namespace') ?? (metadata == null ? nameInText(text, 'namespace') : undefined);
  const isClusterScoped = kind !== undefined && CLUSTER_SCOPED.includes(kind);
  return {
    apiVersion,
    kind,
    name: { namespace: isClusterScoped ? '' : namespace || DEFAULT_NAMESPACE, name },
  };
}

/** A member of a map by its own key. */
export function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) {
    return undefined;
  }
  // `hasOwn` says that it is there; what it is, the caller finds out.
  return (value as Readonly<Record<string, unknown>>)[key];
}

function stringAt(value: unknown, key: string): string | undefined {
  const member = memberOf(value, key);
  return typeof member === 'string' ? member : undefined;
}

function lineValue(text: string, pattern: RegExp): string | undefined {
  const found = pattern.exec(text)?.[1]?.replace(/^(["'])(.*)\1$/, '$2');
  return found !== undefined && /^[\w./-]{1,253}$/.test(found) ? found : undefined;
}

/** `name:` within the indented lines below `metadata:`. */
function nameInText(text: string, key: 'name' | 'namespace'): string | undefined {
  const block = /^metadata:[ \t]*\r?\n((?:[ \t]+[^\n]*(?:\n|$))*)/m.exec(text)?.[1];
  if (block === undefined) return undefined;
  return lineValue(
    block,
    key === 'name' ? /^[ \t]{1,8}name:[ \t]*(\S+)/m : /^[ \t]{1,8}namespace:[ \t]*(\S+)/m,
  );
}
