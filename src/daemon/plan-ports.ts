import type { ManifestFile } from '../api/manifest.ts';
import { CertopsError } from '../lib/errors.ts';
import { acmeRequestSpec } from '../pki/acme-request.ts';
import { decodePrivateKey, describePrivateKeyMismatch } from '../pki/private-key.ts';
import { compareRequestWithSpec } from '../pki/signing-request.ts';
import type { RuleRunner } from '../policy/rule-runner.ts';
import type { PlanPorts } from '../reconcile/planning.ts';
import { RulesInForce } from '../secrets/rules-in-force.ts';
import { readManifests } from './manifest-reader.ts';

/** What is read after that is read anew for each side. */
const MAX_KEPT_BYTES = 64 << 20;

/** What a plan is made with: blobs and manifests are read once for both sides, and nothing is opened. */
export function planPorts(blobSource: PlanPorts['store'], rules: RuleRunner): PlanPorts {
  const blobs = new Map<string, Promise<Uint8Array>>();
  let keptBytes = 0;
  const sopsRules = new RulesInForce([]);
  const manifests = new WeakMap<Uint8Array, Promise<ManifestFile>>();
  return {
    store: {
      blobSizes: (oids) => blobSource.blobSizes(oids),
      // Nothing is kept of these: most are looked at this once.
      eachBlob: blobSource.eachBlob,
      readBlob: (oid, maxBytes) => {
        const known = blobs.get(oid);
        if (known !== undefined) return known;
        const read = blobSource.readBlob(oid, maxBytes);
        if (keptBytes > MAX_KEPT_BYTES) return read;
        blobs.set(oid, read);
        return read.then((bytes) => {
          keptBytes += bytes.byteLength;
          return bytes;
        });
      },
    },
    readManifests: (bytes) => {
      const read = manifests.get(bytes) ?? readManifests(bytes);
      manifests.set(bytes, read);
      return read;
    },
    sealer: {
      rules: sopsRules,
      setRules: (text) => sopsRules.set(text),
      open: (_text, where) => Promise.reject(unopened(where)),
    },
    pki: {
      decodePrivateKey,
      describePrivateKeyMismatch,
      compareRequestWithSpec: (csrDer, spec, { isAcme }) =>
        compareRequestWithSpec(csrDer, isAcme ? acmeRequestSpec(spec) : spec),
    },
    rules,
  };
}

function unopened(where: string): CertopsError {
  return new CertopsError('cli.no-identity', { what: `${where} is not opened for a plan` });
}
