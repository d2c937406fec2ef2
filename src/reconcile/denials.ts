import type { IssueReason } from '../plan/assess.ts';
import type { RequestRecord } from '../status/request-document.ts';
import type { CertificateCase } from './certificate-case.ts';
import type { IssuerCase } from './issuer-case.ts';
import type { Ports } from './ports.ts';
import { closeDenied, newRequestRecord } from './request-records.ts';

/** Requests that policies denied, for the record. */
export class Denials {
  readonly #ports: Pick<Ports, 'pki' | 'clock'>;

  constructor(ports: Pick<Ports, 'pki' | 'clock'>) {
    this.#ports = ports;
  }

  /** The request that would have been made, denied with `message`. Its key is thrown away. */
  async record(
    target: CertificateCase,
    issuer: IssuerCase,
    because: IssueReason,
    message: string,
  ): Promise<RequestRecord> {
    const { pki, clock } = this.#ports;
    const { spec } = target.certificate;
    const isAcme = issuer.issuer.spec.type === 'acme';
    const key = await pki.generatePrivateKey(spec.privateKey);
    const csr = await pki.createSigningRequest(spec, key, { isAcme });
    const now = clock.now();
    const unasked = { kind: 'approved', reason: '', message: '' } as const;
    return closeDenied(newRequestRecord(target, issuer, because, csr, undefined, unasked, now), message, now);
  }
}
