import { anything, dictionary, integer, list, object, optional, type ShapeOf, text } from '../lib/schema.ts';

/** `metav1.ObjectMeta`, every field; what only an API server fills in is accepted and has no meaning here. */
export const METADATA = object({
  name: optional(text()),
  namespace: optional(text()),
  labels: optional(dictionary(text())),
  annotations: optional(dictionary(text())),
  generateName: optional(text()),
  selfLink: optional(text()),
  uid: optional(text()),
  resourceVersion: optional(text()),
  generation: optional(integer()),
  creationTimestamp: optional(text()),
  deletionTimestamp: optional(text()),
  deletionGracePeriodSeconds: optional(integer()),
  finalizers: optional(list(text())),
  ownerReferences: optional(list(anything())),
  managedFields: optional(list(anything())),
});

/** The members that every kind has beside its `spec`. */
export const TYPE_MEMBERS = {
  apiVersion: text(),
  kind: text(),
  metadata: METADATA,
  /** What an API server once wrote; people copy it along, and it means nothing here. */
  status: optional(anything()),
} as const;

/** A reference to a Secret, with or without one of its keys (cert-manager's `SecretKeySelector`). */
export const SECRET_KEY_REF = object({ name: text(), key: optional(text()) });

export type SecretKeyRefShape = ShapeOf<typeof SECRET_KEY_REF>;
