import { DEFAULT_USAGES } from '../api/certificate.ts';
import { setCondition } from '../api/condition.ts';
import type { IssuedChain, OrderRecord } from '../issuers/issuer.ts';
import { encodePem } from '../pki/pem.ts';
import type { IssueReason } from '../plan/assess.ts';
import type { RequestRecord } from '../status/request-document.ts';
import type { CertificateCase } from './certificate-case.ts';
import type { IssuerCase } from './issuer-case.ts';

/** The record of a new attempt, before anything came of it. */
export function newRequestRecord(
  target: CertificateCase,
  issuer: IssuerCase,
  because: IssueReason,
  csr: Uint8Array,
  order: OrderRecord | undefined,
  now: Date,
): RequestRecord {
  const { certificate, recorded } = target;
  const { spec } = certificate;
  const approved = {
    type: 'Approved',
    status: 'True',
    reason: 'cert-manager.io',
    message: 'Certificate request has been approved by cert-manager.io',
  } as const;
  const pending = {
    type: 'Ready',
    status: 'False',
    reason: 'Pending',
    message: 'Waiting on certificate issuance from order: "pending"',
  } as const;
  return {
    certificate: certificate.name,
    revision: (recorded?.status.issued?.revision ?? 0) + 1,
    createdAt: now,
    issuerRef: spec.issuerRef,
    csrPem: encodePem('CERTIFICATE REQUEST', csr),
    durationMs: spec.durationMs,
    isCA: spec.isCA,
    usages: spec.usages.length === 0 ? DEFAULT_USAGES : spec.usages,
    trigger: because.reason,
    requestHash: target.requestHash,
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
