import {
  anyObject,
  anything,
  dictionary,
  flag,
  object,
  optional,
  type ShapeOf,
  text,
} from '../lib/schema.ts';
import type { SealedSecretManifest } from './manifest.ts';
import { TYPE_MEMBERS } from './metadata.ts';
import type { ObjectName } from './names.ts';

/** A `v1` Secret with the `sops` block that SOPS adds; values are looked at only by who opens it. */
export const SEALED_SECRET = object({
  ...TYPE_MEMBERS,
  type: optional(text()),
  immutable: optional(flag()),
  data: optional(dictionary(anything())),
  stringData: optional(dictionary(anything())),
  sops: anyObject(),
});

/** What is in clear of a Secret that people sealed. */
export function readSealedSecret(
  shape: ShapeOf<typeof SEALED_SECRET>,
  name: ObjectName,
): SealedSecretManifest {
  return { kind: 'Secret', name, type: shape.type || 'Opaque' };
}
