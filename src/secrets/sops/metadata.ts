import { parseInstant } from '../../lib/clock.ts';
import { type GoYaml, GoYamlError, readGoYaml } from '../../lib/go-yaml.ts';
import { PROOF_FIELD } from './recipient-proof.ts';
import { type PathSelection, pathSelection } from './selection.ts';
import { SopsError } from './sops-error.ts';

/** What a SOPS document says about itself in clear. Nothing of it is verified before the document is opened. */
export interface SopsMetadata {
  /** The age recipients, as written, in order. */
  readonly recipients: readonly string[];
  /** The exact text, which the MAC is bound to. */
  readonly lastModifiedText: string;
  readonly lastModified: Date;
  readonly version: string;
  readonly macOnlyEncrypted: boolean;
  /** Whether keys of other kinds (PGP, cloud KMS, Vault) open the document too. */
  readonly hasOtherKeys: boolean;
}

/** The parts of a SOPS document, for `openDocument`. */
export interface SopsParts {
  readonly content: GoYaml & { readonly kind: 'map' };
  readonly metadata: SopsMetadata;
  readonly wrappedKeys: readonly { readonly recipient: string; readonly enc: string }[];
  /** The encrypted MAC, undefined where it is missing or empty. */
  readonly mac: string | undefined;
  /** What `certops rekey` adds to show who chose the recipients. */
  readonly proof: string | undefined;
  readonly selection: PathSelection;
}

const OTHER_KEYS = ['kms', 'gcp_kms', 'azure_kv', 'hc_vault', 'pgp', 'hckms'];

/**
 * The clear facts of a SOPS document, without any key.
 *
 * @param where names the file in errors.
 * @throws SopsError `sops.malformed`, `sops.unsupported`
 */
export function readSopsMetadata(text: string, where = 'the document'): SopsMetadata {
  return readSopsParts(text, where).metadata;
}

/** Takes a SOPS document apart. @throws SopsError `sops.malformed`, `sops.unsupported` */
export function readSopsParts(text: string, where: string): SopsParts {
  const root = readRoot(text, where);
  const block = root.entries.find((entry) => entry.key === 'sops')?.value;
  if (block?.kind !== 'map') throw malformed(where, 'it has no sops block');
  const fields = new Map(block.entries.map((entry) => [entry.key, entry.value]));
  if (isPresent(fields.get('key_groups')) || isPresent(fields.get('shamir_threshold'))) {
    throw new SopsError(
      'sops.unsupported',
      {
        what: `${where} cannot be opened`,
        why: 'It is sealed to groups of keys (key_groups), which certops does not read',
        next: 'Seal it again to age recipients alone',
      },
      { where },
    );
  }
  const lastModifiedText = textField(fields, 'lastmodified', where) ?? '';
  const lastModified = parseInstant(lastModifiedText);
  if (lastModified === undefined) throw malformed(where, 'sops.lastmodified is no RFC 3339 time');
  const wrappedKeys = readWrappedKeys(fields.get('age'), where);
  return {
    content: { ...root, entries: root.entries.filter((entry) => entry.key !== 'sops') },
    metadata: {
      recipients: wrappedKeys.map((key) => key.recipient),
      lastModifiedText,
      lastModified,
      version: textField(fields, 'version', where) ?? '',
      macOnlyEncrypted: flagField(fields, 'mac_only_encrypted', where),
      hasOtherKeys: OTHER_KEYS.some((name) => isPresent(fields.get(name))),
    },
    wrappedKeys,
    mac: textField(fields, 'mac', where) || undefined,
    proof: textField(fields, PROOF_FIELD, where),
    selection: pathSelection((name) => textField(fields, name, where), where),
  };
}

/** The one YAML document of a file, a map. @throws SopsError `sops.malformed`, `sops.unsupported` */
function readRoot(text: string, where: string): GoYaml & { readonly kind: 'map' } {
  try {
    const [root, second] = readGoYaml(text);
    if (root?.kind !== 'map') throw malformed(where, 'it is no YAML map');
    if (second !== undefined) {
      throw new SopsError(
        'sops.unsupported',
        {
          what: `${where} cannot be opened`,
          why: 'Several YAML documents are sealed together in it, with one MAC',
          next: 'Seal one Secret a file',
        },
        { where },
      );
    }
    return root;
  } catch (thrown) {
    if (!(thrown instanceof GoYamlError)) throw thrown;
    throw malformed(where, thrown.line === 0 ? thrown.message : `line ${thrown.line}: ${thrown.message}`);
  }
}

function readWrappedKeys(node: GoYaml | undefined, where: string): SopsParts['wrappedKeys'] {
  if (!isPresent(node)) return [];
  if (node?.kind !== 'list') throw malformed(where, 'sops.age is no list');
  return node.items.map((item) => {
    if (item.kind !== 'map') throw malformed(where, 'an entry of sops.age is no map');
    const fields = new Map(item.entries.map((entry) => [entry.key, entry.value]));
    const recipient = textField(fields, 'recipient', where);
    const enc = textField(fields, 'enc', where);
    if (!recipient || !enc) throw malformed(where, 'an entry of sops.age lacks recipient or enc');
    return { recipient, enc };
  });
}

function textField(fields: ReadonlyMap<string, GoYaml>, name: string, where: string): string | undefined {
  const node = fields.get(name);
  if (node === undefined || (node.kind === 'leaf' && node.scalar.type === 'null')) return undefined;
  if (node.kind === 'leaf' && (node.scalar.type === 'str' || node.scalar.type === 'time'))
    return node.scalar.value;
  throw malformed(where, `sops.${name} is no text`);
}

function flagField(fields: ReadonlyMap<string, GoYaml>, name: string, where: string): boolean {
  const node = fields.get(name);
  if (node === undefined) return false;
  if (node.kind === 'leaf' && node.scalar.type === 'bool') return node.scalar.value;
  throw malformed(where, `sops.${name} is neither true nor false`);
}

/** Older SOPS writes empty lists and zeros for what a document does not have. */
function isPresent(node: GoYaml | undefined): boolean {
  if (node === undefined) return false;
  if (node.kind === 'list') return node.items.length > 0;
  if (node.kind === 'map') return node.entries.length > 0;
  const { scalar } = node;
  return !(scalar.type === 'null' || (scalar.type === 'int' && scalar.value === '0'));
}

/** The text is no SOPS document; `why` quotes nothing of it. */
export function malformed(where: string, why: string): SopsError {
  return new SopsError(
    'sops.malformed',
    {
      what: `${where} is not a SOPS document that can be opened: ${why}`,
      next: 'Seal it again with sops, or restore it from history',
    },
    { where },
  );
}
