import type { Endpoint } from './behaviour.ts';

/** One request as it was answered. */
export interface LoggedRequest {
  readonly at: Date;
  readonly endpoint: Endpoint | 'unknown';
  readonly method: string;
  readonly path: string;
  /** 0: no answer was sent. */
  readonly status: number;
  /** Type of the problem that was answered, without the prefix. */
  readonly problemType?: string | undefined;
  /** The problem's words. */
  readonly detail?: string | undefined;
  /** Whether a behaviour of the test's own shaped the answer. */
  readonly isProvoked: boolean;
  /** What it was about, where that is known. */
  readonly identifiers: readonly string[];
  readonly userAgent: string | undefined;
  /** The decoded payload; undefined for GET and POST-as-GET. */
  readonly payload?: unknown;
}

/** One validation that the CA made. */
export interface LoggedValidation {
  readonly at: Date;
  readonly identifier: string;
  readonly type: string;
  /** Undefined: it succeeded. */
  readonly problemType?: string | undefined;
}

/** One certificate that the CA issued. */
export interface LoggedCertificate {
  readonly at: Date;
  /** Hex in lower case. */
  readonly serial: string;
  /** RFC 9773, section 4.1. */
  readonly certificateId: string;
  readonly identifiers: readonly string[];
  readonly profile?: string | undefined;
  /** What its order said it takes the place of. */
  readonly replaces?: string | undefined;
  /** Leaf, PEM. */
  readonly pem: string;
}

/** How often what was done. Name sets are written `a.example b.example`, sorted. */
export interface SimulatorCounts {
  readonly accounts: number;
  /** Orders made; one that is handed out again is not counted. */
  readonly orders: number;
  readonly ordersByNames: Readonly<Record<string, number>>;
  readonly finalizes: number;
  readonly certificates: number;
  readonly certificatesByNames: Readonly<Record<string, number>>;
  readonly revocations: number;
  readonly keyChanges: number;
  readonly validations: number;
  readonly failedValidations: number;
  /** The most failed validations of one identifier within any hour. */
  readonly mostFailedValidationsAnHour: number;
  readonly newNonces: number;
  readonly totalRequests: number;
  readonly requests: Readonly<Partial<Record<Endpoint | 'unknown', number>>>;
}

const HOUR_MS = 3_600_000;

/** What the CA remembers for those who ask afterwards. */
export class Journal {
  readonly requests: LoggedRequest[] = [];
  readonly validations: LoggedValidation[] = [];
  readonly certificates: LoggedCertificate[] = [];
  readonly orders: { readonly at: Date; readonly identifiers: readonly string[] }[] = [];
  accounts = 0;
  revocations = 0;
  keyChanges = 0;
  finalizes = 0;

  counts(): SimulatorCounts {
    const requests: Partial<Record<Endpoint | 'unknown', number>> = {};
    for (const { endpoint } of this.requests) requests[endpoint] = (requests[endpoint] ?? 0) + 1;
    return {
      accounts: this.accounts,
      orders: this.orders.length,
      ordersByNames: byNames(this.orders),
      finalizes: this.finalizes,
      certificates: this.certificates.length,
      certificatesByNames: byNames(this.certificates),
      revocations: this.revocations,
      keyChanges: this.keyChanges,
      validations: this.validations.length,
      failedValidations: this.#failures().length,
      mostFailedValidationsAnHour: Math.max(
        0,
        ...this.#failures().map(
          (last) =>
            this.#failures().filter(
              ({ at, identifier }) =>
                identifier === last.identifier && at <= last.at && last.at.getTime() - at.getTime() < HOUR_MS,
            ).length,
        ),
      ),
      newNonces: requests.newNonce ?? 0,
      totalRequests: this.requests.length,
      requests,
    };
  }

  #failures(): readonly LoggedValidation[] {
    return this.validations.filter(({ problemType }) => problemType !== undefined);
  }
}

/** The names of a set as one text. */
export function nameSet(identifiers: readonly string[]): string {
  return [...identifiers].sort().join(' ');
}

function byNames(entries: readonly { readonly identifiers: readonly string[] }[]): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { identifiers } of entries) {
    const key = nameSet(identifiers);
    counted[key] = (counted[key] ?? 0) + 1;
  }
  return counted;
}
