import { randomBytes } from 'node:crypto';
import { formatInstant } from '../../lib/clock.ts';
import { InternalError } from '../../lib/errors.ts';
import { DATA_KEY_BYTES, wrapDataKey } from './data-key.ts';
import { additionalData, encryptValue, leafOfScalar } from './encrypted-value.ts';
import { type MacBuilder, startMac } from './mac.ts';
import { PROOF_FIELD, proofOf } from './recipient-proof.ts';
import type { SealingRule } from './rules.ts';
import { emitYaml } from './yaml-emit.ts';

/** The SOPS release whose format is written, as `sops.version`. */
const FORMAT_VERSION = '3.13.3';
const ENCRYPTED_REGEX = '^(data|stringData)$';
const ENCRYPTED_KEYS = ['data', 'stringData'];

/**
 * Seals a document as `sops --encrypt` would by `rule`, with `^(data|stringData)$` always encrypted: a fresh data key,
 * fresh IVs, one age file for each recipient, and the MAC.
 *
 * @param document strings, numbers, booleans, nulls, lists and records; no `sops` block.
 * @param now becomes `sops.lastmodified`.
 * @param isProven adds the proof that whoever knows the data key chose the recipients.
 * @returns the YAML text of the file.
 */
export async function sealDocument(
  document: Readonly<Record<string, unknown>>,
  rule: SealingRule,
  now: Date,
  isProven = false,
): Promise<string> {
  if ('sops' in document) throw new InternalError('a sealed document was to be sealed again');
  const dataKey = randomBytes(DATA_KEY_BYTES);
  const mac = startMac(rule.macOnlyEncrypted);
  // A document is a record, and records are sealed to records.
  const content = sealNode(document, [], dataKey, mac) as Record<string, unknown>;
  const lastModified = formatInstant(now);
  const age: { enc: string; recipient: string }[] = [];
  for (const recipient of rule.recipients)
    age.push({ enc: await wrapDataKey(dataKey, recipient), recipient });
  const sops = {
    age,
    ...(isProven ? { [PROOF_FIELD]: proofOf(rule.recipients, dataKey) } : {}),
    encrypted_regex: ENCRYPTED_REGEX,
    lastmodified: lastModified,
    mac: encryptValue(Buffer.from(mac.finish()), 'str', dataKey, lastModified),
    ...(rule.macOnlyEncrypted ? { mac_only_encrypted: true } : {}),
    version: FORMAT_VERSION,
  };
  dataKey.fill(0);
  return emitYaml({ ...content, sops });
}

function sealNode(node: unknown, path: readonly string[], dataKey: Buffer, mac: MacBuilder): unknown {
  if (Array.isArray(node)) return node.map((item) => sealNode(item, path, dataKey, mac));
  if (typeof node === 'object' && node !== null) {
    const entries = Object.entries(node).filter(([, value]) => value !== undefined);
    return Object.fromEntries(
      entries.map(([key, value]) => [key, sealNode(value, [...path, key], dataKey, mac)]),
    );
  }
  if (node === null) return null;
  // SOPS's rule looks at every key on the path, wherever it stands.
  const isEncrypted = path.some((key) => ENCRYPTED_KEYS.includes(key));
  const { macBytes, type } = plainOf(node);
  mac.add(macBytes, isEncrypted);
  if (!isEncrypted || node === '') return node;
  return encryptValue(macBytes, type, dataKey, additionalData(path));
}

function plainOf(value: unknown): { readonly macBytes: Buffer; readonly type: string } {
  switch (typeof value) {
    case 'string':
      if (Buffer.from(value).toString() !== value)
        throw new InternalError('a text to be sealed is not well-formed Unicode');
      return { macBytes: leafOfScalar({ type: 'str', value }).macBytes, type: 'str' };
    case 'boolean':
      return { macBytes: leafOfScalar({ type: 'bool', value }).macBytes, type: 'bool' };
    case 'number':
      if (Number.isSafeInteger(value)) {
        return { macBytes: leafOfScalar({ type: 'int', value: String(value) }).macBytes, type: 'int' };
      }
      if (Number.isFinite(value) && !Number.isInteger(value)) {
        return { macBytes: leafOfScalar({ type: 'float', value }).macBytes, type: 'float' };
      }
      break;
  }
  throw new InternalError('a document to be sealed holds a value that SOPS cannot keep');
}
