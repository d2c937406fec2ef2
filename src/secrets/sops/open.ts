import { isUtf8 } from 'node:buffer';
import type { GoYaml } from '../../lib/go-yaml.ts';
import { Sensitive } from '../../lib/sensitive.ts';
import { DATA_KEY_BYTES, unwrapDataKey } from './data-key.ts';
import {
  additionalData,
  decryptValue,
  leafOfScalar,
  looksEncrypted,
  type PlainLeaf,
  parseEncryptedValue,
  plainLeaf,
} from './encrypted-value.ts';
import type { AgeIdentities } from './identities.ts';
import { type MacBuilder, macsEqual, startMac } from './mac.ts';
import { malformed, readSopsParts, type SopsMetadata, type SopsParts } from './metadata.ts';
import { provenRecipients } from './recipient-proof.ts';
import { SopsError } from './sops-error.ts';

/** A document whose MAC was right. */
export interface OpenedDocument {
  /** Everything but the `sops` block, in plain; records have no prototype. */
  readonly document: Sensitive<Readonly<Record<string, unknown>>>;
  readonly metadata: SopsMetadata;
  /** Those of the recipients that somebody chose who knew the data key (see `recipient-proof.ts`). */
  readonly provenRecipients: readonly string[];
}

/** What is never left in clear in a Secret, whatever rule its `sops` block names. */
const ALWAYS_SEALED = ['data', 'stringData'];

/**
 * Opens a SOPS document strictly: an identity of ours must be a recipient, every value that its rule selects must be
 * encrypted for exactly its place, and the MAC must be there and right.
 *
 * @param where names the file in errors.
 * @throws SopsError `sops.malformed`, `sops.unsupported`, `sops.no-identity`, `sops.mac-missing`, `sops.mac-mismatch`,
 *   `sops.tampered` (a ciphertext or data key was changed or moved), `sops.clear-value` (plain text stands where
 *   ciphertext belongs)
 */
export async function openDocument(
  text: string,
  identities: AgeIdentities,
  where = 'the document',
): Promise<OpenedDocument> {
  const parts = readSopsParts(text, where);
  const encryptedMac = parts.mac;
  if (encryptedMac === undefined) throw macMissing(where);
  const dataKey = await findDataKey(parts, identities, where);
  const mac = startMac(parts.metadata.macOnlyEncrypted);
  const document = openNode(parts.content, [], { dataKey, mac, parts, where });
  const parsedMac = parseEncryptedValue(encryptedMac);
  const expected =
    parsedMac === undefined ? undefined : decryptValue(parsedMac, dataKey, parts.metadata.lastModifiedText);
  const proven = provenRecipients(parts.proof, dataKey);
  dataKey.fill(0);
  if (expected === undefined || !macsEqual(expected.toString('latin1'), mac.finish()))
    throw macMismatch(where);
  // A map opens to a record.
  return {
    document: new Sensitive(document as Record<string, unknown>),
    metadata: parts.metadata,
    provenRecipients: parts.metadata.recipients.filter((recipient) => proven.includes(recipient)),
  };
}

interface Opening {
  readonly dataKey: Buffer;
  readonly mac: MacBuilder;
  readonly parts: SopsParts;
  readonly where: string;
}

function openNode(node: GoYaml, path: readonly string[], opening: Opening): unknown {
  if (node.kind === 'list') {
    return node.items
      .filter((item) => !isSealedComment(item, path, opening))
      .map((item) => openNode(item, path, opening));
  }
  if (node.kind === 'map') {
    // Without a prototype, a key such as __proto__ is a key like any other.
    const record: Record<string, unknown> = Object.create(null);
    for (const { key, value } of node.entries) record[key] = openNode(value, [...path, key], opening);
    return record;
  }
  const { where, parts, mac } = opening;
  const { scalar } = node;
  if (scalar.type === 'null') return null;
  if (scalar.type === 'uint') throw malformed(where, `the number at ${path.join('.')} is too large`);
  const isSelected = parts.selection(path);
  const isEmpty = scalar.type === 'str' && scalar.value === '';
  if (!isSelected) {
    const mustBeSealed = ALWAYS_SEALED.includes(path[0] ?? '') && !isEmpty;
    if (mustBeSealed) throw clearValue(where, path);
    const leaf = leafOfScalar(scalar);
    mac.add(leaf.macBytes, false);
    return leaf.value;
  }
  if (isEmpty) return '';
  if (scalar.type !== 'str') throw clearValue(where, path);
  const leaf = decryptLeaf(scalar.value, path, opening);
  mac.add(leaf.macBytes, true);
  return leaf.value;
}

/** SOPS keeps a comment between the items of a list as an item; neither the MAC nor a reader counts it. */
function isSealedComment(item: GoYaml, path: readonly string[], opening: Opening): boolean {
  if (item.kind !== 'leaf' || item.scalar.type !== 'str' || !opening.parts.selection(path)) return false;
  const value = parseEncryptedValue(item.scalar.value);
  return (
    value?.type === 'comment' && decryptValue(value, opening.dataKey, additionalData(path)) !== undefined
  );
}

function decryptLeaf(text: string, path: readonly string[], opening: Opening): PlainLeaf {
  const { where, dataKey } = opening;
  if (!looksEncrypted(text)) throw clearValue(where, path);
  const encrypted = parseEncryptedValue(text);
  if (encrypted === undefined) throw malformed(where, `the encrypted value at ${path.join('.')} is damaged`);
  const bytes = decryptValue(encrypted, dataKey, additionalData(path));
  if (bytes === undefined) {
    throw new SopsError(
      'sops.tampered',
      {
        what: `${where} was changed after it was sealed`,
        why: `The value at ${path.join('.')} is not the one that was sealed there`,
        next: 'Restore the file from history, or seal the Secret again',
      },
      { where, field: path.join('.') },
    );
  }
  const leaf = isUtf8(bytes) ? plainLeaf(encrypted.type, bytes) : undefined;
  if (leaf === undefined) throw malformed(where, `the value at ${path.join('.')} is not of its type`);
  return leaf;
}

async function findDataKey(parts: SopsParts, identities: AgeIdentities, where: string): Promise<Buffer> {
  let isRecipient = false;
  for (const { recipient, enc } of parts.wrappedKeys) {
    const identity = identities.identities.find((candidate) => candidate.recipient === recipient);
    if (identity === undefined) continue;
    isRecipient = true;
    const dataKey = await unwrapDataKey(enc, identity);
    if (dataKey?.length === DATA_KEY_BYTES) return dataKey;
  }
  if (isRecipient) {
    throw new SopsError(
      'sops.tampered',
      {
        what: `${where} was changed after it was sealed`,
        why: 'The data key that is said to be for our age identity cannot be opened with it',
        next: 'Restore the file from history, or seal the Secret again',
      },
      { where },
    );
  }
  throw new SopsError(
    'sops.no-identity',
    {
      what: `${where} is not sealed to any age identity in hand`,
      why:
        identities.identities.length === 0
          ? 'There is no age identity: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE and keys.txt are empty or absent'
          : 'None of its recipients is one of ours',
      next: 'Add our recipient to .sops.yaml and run sops updatekeys, or give the daemon the identity',
    },
    { where, recipients: parts.metadata.recipients, identityCount: identities.identities.length },
  );
}

function clearValue(where: string, path: readonly string[]): SopsError {
  return new SopsError(
    'sops.clear-value',
    {
      what: `${where} holds plain text where ciphertext belongs`,
      why: `The value at ${path.join('.')} is not encrypted`,
      next: 'What stands there in clear is no secret any more: make a new one and seal it with sops',
    },
    { where, field: path.join('.') },
  );
}

function macMissing(where: string): SopsError {
  return new SopsError(
    'sops.mac-missing',
    {
      what: `${where} has no MAC`,
      why: 'Without it nobody can tell whether the file was changed after it was sealed',
      next: 'Restore the file from history, or seal the Secret again',
    },
    { where },
  );
}

function macMismatch(where: string): SopsError {
  return new SopsError(
    'sops.mac-mismatch',
    {
      what: `${where} was changed after it was sealed`,
      why: 'Its MAC does not belong to its content',
      next: 'Restore the file from history, or edit it with sops so that the MAC is made again',
    },
    { where },
  );
}
