import type { Condition } from '../api/condition.ts';
import type { IssuerRef, ObjectName } from '../api/names.ts';
import { formatInstant } from '../lib/clock.ts';
import { formatGoDuration, parseGoDuration } from '../lib/go-duration.ts';
import { readPlainYaml, writeYaml } from '../lib/yaml-write.ts';
import { expectKind, renderConditions, type StatusReader, statusDocument } from './document.ts';

/** One authorization of an order and the challenge chosen for it (RFC 8555, sections 7.1.4 and 7.1.5). */
export interface RequestAuthorization {
  readonly url: string;
  readonly identifier: string;
  readonly identifierType: string;
  readonly wildcard: boolean;
  readonly initialState: string;
  readonly challenge?: RequestChallenge | undefined;
}

/** The challenge chosen for an authorization. */
export interface RequestChallenge {
  readonly url: string;
  readonly type: 'http-01' | 'dns-01';
  readonly token: string;
}

/** The ACME order behind a request; `state` is the RFC 8555 status as last recorded. */
export interface RequestOrder {
  readonly url: string;
  readonly finalizeUrl: string;
  readonly state: string;
  readonly reason?: string | undefined;
  readonly failureTime?: Date | undefined;
  readonly commonName?: string | undefined;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly authorizations: readonly RequestAuthorization[];
}

/**
 * One issuance attempt: `status/<namespace>/requests/<name>-<revision>.yaml`.
 * A CertificateRequest, then for ACME its Order and, while it is open, its Challenges.
 */
export interface RequestRecord {
  readonly certificate: ObjectName;
  readonly revision: number;
  readonly createdAt: Date;
  readonly issuerRef: IssuerRef;
  /** PEM of the PKCS#10 request. */
  readonly csrPem: string;
  readonly durationMs?: number | undefined;
  readonly isCA: boolean;
  readonly usages: readonly string[];
  /** Why this attempt was made: a reason of the assessment (`DoesNotExist`, `Renewing`, …). */
  readonly trigger: string;
  readonly requestHash: string;
  /** Fingerprint of the issuer's specification: an order is gone on with at the server that gave it out. */
  readonly issuerHash: string;
  readonly conditions: readonly Condition[];
  /** Public chain, PEM, once issued. */
  readonly chainPem?: string | undefined;
  readonly caPem?: string | undefined;
  readonly failureTime?: Date | undefined;
  readonly order?: RequestOrder | undefined;
}

/** Whether an attempt still stands: neither issued nor failed. */
export function isOpen(request: RequestRecord): boolean {
  return request.chainPem === undefined && request.failureTime === undefined;
}

export function requestName(certificate: ObjectName, revision: number): ObjectName {
  return { namespace: certificate.namespace, name: `${certificate.name}-${revision}` };
}

export function renderRequestRecord(request: RequestRecord): string {
  const name = requestName(request.certificate, request.revision);
  const csr = base64(request.csrPem);
  const { order } = request;
  const documents = [
    statusDocument('CertificateRequest', name, {
      createdAt: request.createdAt,
      annotations: {
        'cert-manager.io/certificate-name': request.certificate.name,
        'cert-manager.io/certificate-revision': String(request.revision),
        'cert-manager.io/private-key-secret-name': name.name,
        'certops.dev/reason': request.trigger,
        'certops.dev/request-hash': request.requestHash,
        'certops.dev/issuer-hash': request.issuerHash,
      },
      spec: {
        request: csr,
        issuerRef: { ...request.issuerRef },
        duration: request.durationMs === undefined ? undefined : formatGoDuration(request.durationMs),
        isCA: request.isCA || undefined,
        usages: request.usages,
      },
      status: {
        conditions: renderConditions(request.conditions),
        certificate: request.chainPem && base64(request.chainPem),
        ca: request.caPem && base64(request.caPem),
        failureTime: request.failureTime && formatInstant(request.failureTime),
      },
    }),
  ];
  if (order !== undefined) {
    documents.push(renderOrder(request, order, name, csr));
    if (isOpen(request)) documents.push(...renderChallenges(request, order, name));
  }
  return writeYaml(documents);
}

function renderOrder(request: RequestRecord, order: RequestOrder, name: ObjectName, csr: string) {
  return statusDocument('Order', name, {
    createdAt: request.createdAt,
    spec: {
      request: csr,
      issuerRef: { ...request.issuerRef },
      commonName: order.commonName,
      dnsNames: order.dnsNames,
      ipAddresses: order.ipAddresses,
    },
    status: {
      url: order.url,
      finalizeURL: order.finalizeUrl,
      authorizations: order.authorizations.map((authorization) => ({
        url: authorization.url,
        identifier: authorization.identifier,
        identifierType: authorization.identifierType,
        wildcard: authorization.wildcard,
        initialState: authorization.initialState,
        challenges: authorization.challenge === undefined ? [] : [{ ...authorization.challenge }],
      })),
      state: order.state,
      reason: order.reason,
      failureTime: order.failureTime && formatInstant(order.failureTime),
    },
  });
}

// The key authorization is left out on purpose: whoever holds it could answer the challenge elsewhere.
function renderChallenges(request: RequestRecord, order: RequestOrder, name: ObjectName) {
  return order.authorizations.flatMap((authorization, index) => {
    const { challenge } = authorization;
    if (challenge === undefined) return [];
    return [
      statusDocument(
        'Challenge',
        { namespace: name.namespace, name: `${name.name}-${index}` },
        {
          createdAt: request.createdAt,
          spec: {
            url: challenge.url,
            authorizationURL: authorization.url,
            dnsName: authorization.identifier,
            wildcard: authorization.wildcard,
            type: challenge.type.toUpperCase(),
            token: challenge.token,
            issuerRef: { ...request.issuerRef },
          },
          status: { state: 'pending', processing: true },
        },
      ),
    ];
  });
}

/** Reads what `renderRequestRecord` wrote. Throws `status.malformed` or `yaml.malformed`. */
export function parseRequestRecord(text: string, where: string): RequestRecord {
  const documents = readPlainYaml(text);
  const request = expectKind(documents[0], 'CertificateRequest', where);
  const metadata = request.child('metadata');
  const annotations = metadata.child('annotations');
  const spec = request.child('spec');
  const status = request.child('status');
  const chain = status.text('certificate');
  const ca = status.text('ca');
  const issuerRef = spec.child('issuerRef');
  return {
    certificate: {
      namespace: metadata.requiredText('namespace'),
      name: annotations.requiredText('cert-manager.io/certificate-name'),
    },
    revision: Number(annotations.requiredText('cert-manager.io/certificate-revision')),
    createdAt: metadata.instant('creationTimestamp') ?? new Date(0),
    issuerRef: {
      kind: issuerRef.requiredText('kind'),
      name: issuerRef.requiredText('name'),
      group: issuerRef.requiredText('group'),
    },
    csrPem: fromBase64(spec.requiredText('request')),
    durationMs: parseDuration(spec.text('duration')),
    isCA: spec.flag('isCA'),
    usages: spec.texts('usages'),
    trigger: annotations.requiredText('certops.dev/reason'),
    requestHash: annotations.requiredText('certops.dev/request-hash'),
    issuerHash: annotations.text('certops.dev/issuer-hash') ?? '',
    conditions: status.conditions(),
    chainPem: chain && fromBase64(chain),
    caPem: ca && fromBase64(ca),
    failureTime: status.instant('failureTime'),
    order: documents.length > 1 ? parseOrder(expectKind(documents[1], 'Order', where)) : undefined,
  };
}

function parseDuration(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseGoDuration(text);
}

function parseOrder(document: StatusReader): RequestOrder {
  const spec = document.child('spec');
  const status = document.child('status');
  return {
    url: status.requiredText('url'),
    finalizeUrl: status.requiredText('finalizeURL'),
    state: status.text('state') ?? '',
    reason: status.text('reason'),
    failureTime: status.instant('failureTime'),
    commonName: spec.text('commonName'),
    dnsNames: spec.texts('dnsNames'),
    ipAddresses: spec.texts('ipAddresses'),
    authorizations: status.children('authorizations').map((authorization): RequestAuthorization => {
      const challenge = authorization.children('challenges')[0];
      return {
        url: authorization.requiredText('url'),
        identifier: authorization.requiredText('identifier'),
        identifierType: authorization.text('identifierType') ?? 'dns',
        wildcard: authorization.flag('wildcard'),
        initialState: authorization.text('initialState') ?? '',
        challenge: challenge && {
          url: challenge.requiredText('url'),
          // Records of before there was DNS-01 name no other.
          type: challenge.text('type') === 'dns-01' ? 'dns-01' : 'http-01',
          token: challenge.requiredText('token'),
        },
      };
    }),
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString();
}
