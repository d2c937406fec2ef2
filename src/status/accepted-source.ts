import type { PlainMap, StatusReader } from './document.ts';

/** The revision of the manifest that is in force. */
export interface AcceptedSource {
  readonly commit: string;
  readonly blob: string;
  readonly path: string;
  /** Fingerprint of everything in the manifest that certops acts on. */
  readonly specHash: string;
}

/** Its members under `status.certops`. */
export function renderSource(source: AcceptedSource | undefined): PlainMap {
  return {
    sourceCommit: source?.commit,
    sourceBlob: source?.blob,
    sourcePath: source?.path,
    specHash: source?.specHash,
  };
}

/** Reads what `renderSource` gave; throws `status.malformed` when only a part of it is there. */
export function readSource(certops: StatusReader): AcceptedSource | undefined {
  const commit = certops.text('sourceCommit');
  if (commit === undefined) return undefined;
  return {
    commit,
    blob: certops.requiredText('sourceBlob'),
    path: certops.requiredText('sourcePath'),
    specHash: certops.requiredText('specHash'),
  };
}
