import { asCertopsError } from '../lib/errors.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import { type CertificateFacts, parseCertificate, readCertificate } from '../pki/certificate-facts.ts';
import { readRequest } from '../pki/request-reader.ts';
import {
  type CertificateStatus,
  type IssuedFacts,
  parseCertificateStatus,
} from '../status/certificate-status.ts';
import { parseIssuerStatus } from '../status/issuer-status.ts';
import { parseRecipientsStatus } from '../status/recipients-status.ts';
import { isOpen, parseRequestRecord, type RequestRecord } from '../status/request-document.ts';
import type { OpenWorld } from './open-world.ts';
import {
  attempt,
  finding,
  type OutputFile,
  type OutputText,
  type VerifyFinding,
} from './verify-repository.ts';
import { checkChain, ruleOf, type SecretCheck } from './verify-secrets.ts';

/** The status documents that could be read, by path. */
export interface Records {
  readonly certificates: ReadonlyMap<string, CertificateStatus>;
  readonly requests: ReadonlyMap<string, RequestRecord>;
  /** Paths of sealed next keys. */
  readonly requestKeys: ReadonlySet<string>;
}

type World = OpenWorld['world'];

/** Reads every status document in `texts`; what cannot be read is a finding. `files` are all outputs. */
export async function readRecords(
  files: readonly OutputFile[],
  texts: AsyncIterable<OutputText>,
  findings: VerifyFinding[],
): Promise<Records> {
  const certificates = new Map<string, CertificateStatus>();
  const requests = new Map<string, RequestRecord>();
  const requestKeys = new Set(
    files.filter(({ place }) => place.kind === 'request-key').map(({ path }) => path),
  );
  const loop = new FairLoop();
  for await (const { path, place, text } of texts) {
    await loop.pause();
    if (place.kind === 'certificate-status') {
      const status = attempt(findings, path, 'unreadable-status', () => parseCertificateStatus(text, path));
      if (status !== undefined) certificates.set(path, status);
    } else if (place.kind === 'request') {
      const request = attempt(findings, path, 'unreadable-status', () => parseRequestRecord(text, path));
      if (request !== undefined) requests.set(path, request);
    } else if (place.kind === 'issuer-status') {
      const kind = place.name.namespace === '' ? 'ClusterIssuer' : 'Issuer';
      attempt(findings, path, 'unreadable-status', () => parseIssuerStatus(text, kind, path));
    } else if (place.kind === 'recipients') {
      attempt(findings, path, 'unreadable-status', () => parseRecipientsStatus(text, path));
    }
  }
  return { certificates, requests, requestKeys };
}

/** Whether statuses, requests and Secrets agree with each other. */
export function checkRecords(
  records: Records,
  checks: readonly SecretCheck[],
  world: World,
  now: Date,
): readonly VerifyFinding[] {
  const secrets = new Map(checks.map((check) => [check.path, check]));
  const owned = new Set<string>();
  const findings: VerifyFinding[] = [];
  for (const [path, status] of records.certificates) {
    if (path !== world.paths.certificateStatus(status.name)) {
      findings.push(finding('error', path, 'wrong-name', 'is the status of an object of another name'));
      continue;
    }
    if (status.issued === undefined) continue;
    const secretPath = world.paths.secret({
      namespace: status.name.namespace,
      name: status.issued.secretName,
    });
    owned.add(secretPath);
    findings.push(...checkSecretOf(status.issued, path, secretPath, secrets.get(secretPath), now));
    findings.push(...checkRequestOf(status, status.issued, records, world));
  }
  for (const { path, isIssued } of checks) {
    if (isIssued && !owned.has(path)) {
      findings.push(finding('warning', path, 'not-on-record', 'no status says that certops issued it'));
    }
  }
  return [...findings, ...checkRequests(records, world)];
}

function checkSecretOf(
  issued: IssuedFacts,
  path: string,
  secretPath: string,
  check: SecretCheck | undefined,
  now: Date,
): readonly VerifyFinding[] {
  const findings: VerifyFinding[] = [];
  if (check === undefined) {
    findings.push(
      finding('error', secretPath, 'secret-missing', `is not there, and ${path} says that it was issued`),
    );
  } else if (check.blob !== issued.secretBlob) {
    findings.push(finding('error', secretPath, 'secret-changed', 'is not the file that certops wrote'));
  }
  if (check?.leaf !== undefined) {
    const why = disagreement(check.leaf, issued);
    if (why !== undefined)
      findings.push(finding('error', secretPath, 'wrong-certificate', `${why} than ${path} says`));
  }
  if (issued.notAfter <= now)
    findings.push(finding('warning', path, 'expired', 'the certificate has expired'));
  return findings;
}

/** What the public record of the issuance says, which anybody can check. */
function checkRequestOf(
  { name }: CertificateStatus,
  issued: IssuedFacts,
  { requests }: Records,
  { paths }: World,
): readonly VerifyFinding[] {
  const path = paths.request(name, issued.revision);
  const request = requests.get(path);
  if (request === undefined) {
    return [
      finding('warning', path, 'request-missing', 'the request of the certificate in force is not there'),
    ];
  }
  const { chainPem, caPem, csrPem } = request;
  if (chainPem === undefined) {
    return [
      finding('error', path, 'request-open', 'holds no certificate, and the status says that it was issued'),
    ];
  }
  try {
    checkChain(chainPem, caPem);
    const why = disagreement(readCertificate(chainPem), issued);
    if (why !== undefined) {
      return [
        finding('error', path, 'wrong-certificate', `${why} than ${paths.certificateStatus(name)} says`),
      ];
    }
    const csr = Buffer.from(csrPem.replace(/-----[^-]+-----/g, ''), 'base64');
    const isSameKey = readRequest(csr).publicKey().equals(parseCertificate(chainPem).publicKey);
    return isSameKey
      ? []
      : [finding('error', path, 'wrong-key', 'its certificate is for another key than its request')];
  } catch (thrown) {
    const error = asCertopsError(thrown);
    return [finding('error', path, ruleOf(error), error.explain())];
  }
}

/** Names of request files, open requests, and the keys that belong to them. */
function checkRequests({ requests, requestKeys }: Records, { paths }: World): readonly VerifyFinding[] {
  const findings: VerifyFinding[] = [];
  const open = new Map<string, string>();
  const wanted = new Set<string>();
  for (const [path, request] of requests) {
    const { certificate, revision } = request;
    if (path !== paths.request(certificate, revision)) {
      findings.push(finding('error', path, 'wrong-name', 'is the request of an object of another name'));
      continue;
    }
    if (!isOpen(request)) continue;
    const key = paths.requestKey(certificate, revision);
    wanted.add(key);
    if (!requestKeys.has(key))
      findings.push(finding('error', path, 'key-missing', 'is open, and its next key is not there'));
    const owner = paths.certificateStatus(certificate);
    const other = open.get(owner);
    if (other !== undefined) findings.push(finding('error', path, 'two-open', `is open, and so is ${other}`));
    open.set(owner, path);
  }
  for (const path of requestKeys) {
    if (!wanted.has(path))
      findings.push(finding('error', path, 'orphaned-key', 'belongs to no open request'));
  }
  return findings;
}

function disagreement(leaf: CertificateFacts, issued: IssuedFacts): string | undefined {
  if (leaf.serialNumber !== issued.serialNumber) return 'its certificate has another serial number';
  if (leaf.fingerprintSHA256 !== issued.fingerprintSHA256) return 'its certificate has another fingerprint';
  if (leaf.notAfter.getTime() !== issued.notAfter.getTime()) return 'its certificate ends at another time';
  const names = (list: readonly string[]) => [...list].sort().join(' ');
  if (names(leaf.dnsNames) !== names(issued.dnsNames)) return 'its certificate is for other names';
  return undefined;
}
