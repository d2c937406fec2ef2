import { DEFAULT_USAGES } from '../api/certificate.ts';
import { setCondition } from '../api/condition.ts';
import type { IssuedChain, OrderRecord } from '../issuers/issuer.ts';
import { encodePem } from '../pki/pem.ts';
import type { IssueReason } from '../plan/assess.ts';
import { POLICY_REASON } from '../policy/judge.ts';
import type { RequestRecord } from '../status/request-document.ts';
import { type Approved, nextRevision } from './approval.ts';
import type { CertificateCase } from './certificate-case.ts';
import type { IssuerCase } from './issuer-case.ts';

/** The record of a new attempt, before anything came of it. */
export function newRequestRecord(
  target: CertificateCase,
  issuer: IssuerCase,
  because: IssueReason,
  csr: Uint8Array,
  order: OrderRecord | undefined,
  approval: Approved,
  now: Date,
): RequestRecord {
  const { certificate } = target;
  const { spec } = certificate;
  const { reason, message } = approval;
  const approved = { type: 'Approved', status: 'True', reason, message } as const;
  const pending = {
    type: 'Ready',
    status: 'False',
    reason: 'Pending',
    message: 'Waiting on certificate issuance from order: "pending"',
  } as const;
  return {
    certificate: certificate.name,
    revision: nextRevision(target),
    createdAt: now,
    issuerRef: spec.issuerRef,
    csrPem: encodePem('CERTIFICATE REQUEST', csr),
    durationMs: spec.durationMs,
    isCA: spec.isCA,
    usages: spec.usages.length === 0 ? DEFAULT_USAGES : spec.usages,
    trigger: because.reason,
    requestHash: target.orderHash,
    issuerHash: issuer.declared.specHash,
    conditions: setCondition(setCondition([], approved, now), pending, now),
    order: order && {
      url: order.orderUrl,
      finalizeUrl: order.finalizeUrl,
      state: order.state,
      commonName: spec.commonName,
      dnsNames: spec.dnsNames,
      ipAddresses: spec.ipAddresses,
      authorizations: order.authorizations,
    },
  };
}

/** A request that was fulfilled. */
export function closeIssued(record: RequestRecord, chain: IssuedChain, now: Date): RequestRecord {
  return {
    ...record,
    chainPem: chain.chainPem.join(''),
    caPem: chain.caPem,
    conditions: setCondition(
      record.conditions,
      {
        type: 'Ready',
        status: 'True',
        reason: 'Issued',
        message: 'Certificate fetched from issuer successfully',
      },
      now,
    ),
    order: record.order && { ...record.order, state: 'valid' },
  };
}

/** A request that policies denied, in the words of their condition; nothing was asked of anybody. */
export function closeDenied(record: RequestRecord, message: string, now: Date): RequestRecord {
  const denied = { type: 'Denied', status: 'True', reason: POLICY_REASON, message } as const;
  const ready = {
    type: 'Ready',
    status: 'False',
    reason: 'Denied',
    message: 'The CertificateRequest was denied by an approval controller',
  } as const;
  return {
    ...record,
    failureTime: now,
    conditions: setCondition(setCondition([], denied, now), ready, now),
  };
}

/** A request that came to nothing, as its record says it from then on. */
export function closeFailed(record: RequestRecord, message: string, now: Date): RequestRecord {
  return {
    ...record,
    failureTime: now,
    conditions: setCondition(
      record.conditions,
      { type: 'Ready', status: 'False', reason: 'Failed', message },
      now,
    ),
    order: record.order && { ...record.order, state: 'invalid', reason: message, failureTime: now },
  };
}
