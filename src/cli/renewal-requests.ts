import { MANIFEST_MAX_BYTES } from '../api/manifest-paths.ts';
import type { ObjectName } from '../api/names.ts';
import { formatObjectName } from '../api/names.ts';
import { readManifests } from '../daemon/manifest-reader.ts';
import { certificateKey } from '../reconcile/keys.ts';
import type { RepositoryReader } from '../reconcile/ports.ts';
import type { World } from '../reconcile/world.ts';
import type { SourceFile } from '../remedies/remedy.ts';
import { requestRenewal } from '../remedies/renewal-request.ts';

/** Which Certificates are to be renewed. */
export type Wanted =
  | { readonly names: readonly ObjectName[] }
  /** Every one; of one namespace, where one is named. */
  | { readonly all: true; readonly namespace: string | undefined };

/** Something to tell of one Certificate, and where it stands. */
export interface Remark {
  readonly name: ObjectName;
  /** `web/www.yaml:3`; undefined where no file declares it. */
  readonly place: string | undefined;
  readonly message: string;
}

/** The edit that asks for renewals. */
export interface RenewalEdit {
  /** Whole new content by path. */
  readonly files: ReadonlyMap<string, string>;
  /** Those that are asked for, in order. */
  readonly names: readonly ObjectName[];
  /** Why nothing may be written; empty: all of it can. */
  readonly problems: readonly Remark[];
  /** Those among all that cannot be asked for, or are suspended: the others are. */
  readonly leftOut: readonly (Remark & { readonly isSuspended: boolean })[];
}

/**
 * Makes the edit that asks for the renewal of Certificates as the repository declares them at the world's commit, each in
 * the one file where it stands. A Certificate that is named and cannot be asked for is a problem; among all it is left out.
 */
export async function renewalEdit(
  { world, reader }: { readonly world: World; readonly reader: RepositoryReader },
  wanted: Wanted,
  now: Date,
): Promise<RenewalEdit> {
  const names = 'names' in wanted ? wanted.names : everyName(world, wanted.namespace);
  const editing = new Editing(world, reader, now);
  const done: ObjectName[] = [];
  const problems: Remark[] = [];
  const leftOut: (Remark & { readonly isSuspended: boolean })[] = [];
  for (const name of names) {
    const outcome = await editing.ask(name);
    if (outcome === undefined) done.push(name);
    else if ('all' in wanted) leftOut.push({ ...outcome.remark, isSuspended: outcome.isSuspended });
    else problems.push(outcome.remark);
  }
  return { files: editing.changed, names: done, problems, leftOut };
}

function everyName({ desired }: World, namespace: string | undefined): readonly ObjectName[] {
  // Keys of issuers have a colon. What is not valid at the moment may be in force all the same.
  const invalid = [...desired.rejectedKeys()].filter((key) => !key.includes(':'));
  return [...new Set([...desired.certificateKeys(), ...invalid])]
    .map((key) => {
      const slash = key.indexOf('/');
      return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
    })
    .filter((name) => namespace === undefined || name.namespace === namespace)
    .sort((a, b) => (formatObjectName(a) < formatObjectName(b) ? -1 : 1));
}

interface Refusal {
  readonly remark: Remark;
  readonly isSuspended: boolean;
}

/** Edits one file after the other; several Certificates of one file become one new content. */
class Editing {
  readonly changed = new Map<string, string>();
  readonly #read = new Map<string, SourceFile>();
  readonly #world: World;
  readonly #reader: RepositoryReader;
  readonly #now: Date;

  constructor(world: World, reader: RepositoryReader, now: Date) {
    this.#world = world;
    this.#reader = reader;
    this.#now = now;
  }

  /** Undefined: it is asked for. */
  async ask(name: ObjectName): Promise<Refusal | undefined> {
    const { desired } = this.#world;
    const key = certificateKey(name);
    const [declared, ...others] = desired.certificates(key);
    if (declared === undefined) return refused(this.#notThere(name));
    const { path, object } = declared;
    const { suspend } = object.directives;
    const rejected = desired.rejected(key);
    if (rejected !== undefined) {
      const place = `${rejected.path}:${rejected.problem.position.line}`;
      return refused({ name, place, message: `is not valid: ${rejected.problem.message}` });
    }
    const file = await this.#file(path, declared.blob);
    const place = await placeOf(file, name);
    if (others.length > 0) {
      const message = `is declared in ${others[0]?.path}, too: which of them counts is for you to say`;
      return refused({ name, place, message });
    }
    if (suspend !== undefined && (suspend.until === undefined || suspend.until > this.#now)) {
      const message = `is suspended (${suspend.reason}): nothing is ordered for it`;
      return { remark: { name, place, message }, isSuspended: true };
    }
    const edited = requestRenewal(file, name, this.#now);
    if (edited === undefined) {
      const message =
        'cannot be edited without touching more than its annotation: write certops.dev/renew-requested-at by hand';
      return refused({ name, place, message });
    }
    this.#read.set(path, edited);
    this.changed.set(path, edited.text);
    return undefined;
  }

  #notThere(name: ObjectName): Remark {
    const { desired } = this.#world;
    const rejected = desired.rejected(certificateKey(name));
    if (rejected !== undefined) {
      const place = `${rejected.path}:${rejected.problem.position.line}`;
      return { name, place, message: `is not valid: ${rejected.problem.message}` };
    }
    const elsewhere = everyName(this.#world, undefined).filter((one) => one.name === name.name);
    const hint =
      elsewhere.length === 0 ? '' : `; there is ${elsewhere.slice(0, 3).map(formatObjectName).join(', ')}`;
    return { name, place: undefined, message: `is declared nowhere${hint}` };
  }

  async #file(path: string, blob: string): Promise<SourceFile> {
    const known = this.#read.get(path);
    if (known !== undefined) return known;
    const content = await this.#reader.readBlob(blob, MANIFEST_MAX_BYTES);
    const file = { path, text: Buffer.from(content).toString('utf8') };
    this.#read.set(path, file);
    return file;
  }
}

function refused(remark: Remark): Refusal {
  return { remark, isSuspended: false };
}

async function placeOf({ path, text }: SourceFile, name: ObjectName): Promise<string> {
  const { objects } = await readManifests(Buffer.from(text, 'utf8'));
  const found = objects.find(
    ({ object }) =>
      object.kind === 'Certificate' &&
      object.name.name === name.name &&
      object.name.namespace === name.namespace,
  );
  return found === undefined ? path : `${path}:${found.position.line}`;
}
