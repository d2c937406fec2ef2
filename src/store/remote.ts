import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Sensitive } from '../lib/sensitive.ts';
import { type Authorize, authorizeBy, type CredentialSource, type Credentials } from './credentials.ts';
import { misuse } from './errors.ts';

/** Where the branch lives, checked, with nothing secret in `url`. */
export interface Remote {
  readonly protocol: 'file' | 'http' | 'https';
  /** What Git is given and what may be logged: no user, no password. */
  readonly url: string;
  /** The folder, for `file`. */
  readonly path?: string | undefined;
  /** Gives the `Authorization` header; undefined: nothing is shown. */
  readonly authorize?: Authorize | undefined;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Reads what the operator wrote: a path, `file://`, `https://`, or `http://` to a loopback address.
 * Everything else (`ext::`, `fd::`, options in disguise) throws `store.bad-remote`, without repeating
 * what could hold a password. Credentials go before those in the URL, and these before a source of them.
 */
export function parseRemote(text: string, credentials?: Credentials | CredentialSource): Remote {
  if (/^https?:\/\//i.test(text)) return parseHttpRemote(text, credentials);
  if (/^file:\/\//i.test(text)) return fileRemote(pathOfFileUrl(text));
  if (text === '' || text.startsWith('-') || text.includes('\0'))
    throw badRemote('it is no path and no URL that can be used');
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) || /^[^/]+:/.test(text))
    throw badRemote('only paths, file://, https:// and http:// to this machine are served');
  return fileRemote(resolve(text));
}

/** Whether `name` may be a branch (git-check-ref-format, and no leading `-`). Throws `store.bad-branch`. */
export function checkBranch(name: string): void {
  const isFine =
    name.length > 0 &&
    name.length <= 200 &&
    !/^[-/.]|[/.]$|\.\.|\/\/|@\{|\/\.|\.lock(\/|$)|^@$/.test(name) &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    !/[\u0000-\u0020\u007f~^:?*[\\]/.test(name);
  if (isFine) return;
  throw misuse('store.bad-branch', {
    what: `${JSON.stringify(name)} is not a valid branch name`,
    next: 'Check --branch',
  });
}

/** The ref of the state document that belongs to a source branch. */
export function stateRefOf(branch: string): string {
  return `refs/certops/${branch}/state`;
}

function parseHttpRemote(text: string, credentials: Credentials | CredentialSource | undefined): Remote {
  if (!URL.canParse(text)) throw badRemote('it is not a URL');
  const url = new URL(text);
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname))
    throw badRemote('plain http:// is only served to this machine; use https://');
  if (url.search !== '' || url.hash !== '') throw badRemote('it has a query or a fragment');
  const inUrl =
    url.password === '' && url.username === ''
      ? undefined
      : {
          username: decodeURIComponent(url.username),
          token: new Sensitive(decodeURIComponent(url.password)),
        };
  url.username = '';
  url.password = '';
  const used = typeof credentials === 'function' ? (inUrl ?? credentials) : (credentials ?? inUrl);
  return {
    protocol: url.protocol === 'http:' ? 'http' : 'https',
    url: url.href.replace(/\/$/, ''),
    authorize: used && authorizeBy(used),
  };
}

function pathOfFileUrl(text: string): string {
  try {
    return fileURLToPath(text);
  } catch {
    throw badRemote('it is not a file:// URL of this machine');
  }
}

function fileRemote(path: string): Remote {
  return { protocol: 'file', url: path, path };
}

function badRemote(why: string) {
  return misuse('store.bad-remote', {
    what: 'The address of the Git remote cannot be used',
    why,
    next: 'Check --repo',
  });
}
