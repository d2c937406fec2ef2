import type { Certificate } from '../api/certificate.ts';
import type { Issuer } from '../api/issuer.ts';
import type { ObjectName } from '../api/names.ts';
import type { Cause } from '../diagnosis/cause.ts';

/** Every kind of edit that a pull request for a failure may carry. */
export type RemedyKind =
  /** The field is corrected where it can be known what was meant. */
  | 'correct-field'
  /** The document becomes what it was when it was last accepted. */
  | 'take-back'
  /** `issuerRef` becomes the next of `certops.dev/fallback-issuers`. */
  | 'fallback-issuer'
  /** The issuer gets a solver, or a selector, for names that none takes. */
  | 'name-solver'
  /** Of a Certificate that was never issued, exactly the names that fail go away. */
  | 'drop-names'
  /** A name that the certificate in use covers goes away. */
  | 'stop-covering'
  /** The newcomer of two claimants gets another Secret. */
  | 'rename-secret'
  /** `.sops.yaml` gets what it lacks. */
  | 'repair-sops-rule'
  /** A sealed Secret that people took away comes back from history. */
  | 'put-back-secret'
  /** `certops.dev/retry-requested-at`: "mended, try now". */
  | 'retry'
  /** `certops.dev/suspend` on what was never issued. */
  | 'suspend'
  /** `certops.dev/suspend` goes away. */
  | 'resume'
  /** The plan's id is added to `spec.confirmed` of certops.yaml. */
  | 'confirm-plan';

/** An edit of the repository that can be merged as it is. */
export interface Remedy {
  readonly kind: RemedyKind;
  /** Whole new content by path; at least one, each different from what stands there. */
  readonly files: ReadonlyMap<string, string>;
  /** Few words for the title of a pull request: `drop old.example.com`, `stop covering old.example.com`, `try again`. */
  readonly title: string;
  /** A sentence that says what merging does, and how one sees that it did. */
  readonly promise: string;
}

/** A manifest file as it stands on the branch. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A Certificate that the cause stops, with the facts that an edit is chosen by. */
export interface Patient {
  readonly certificate: Certificate;
  /** Where it is declared; undefined where no acceptable revision is at hand. */
  readonly file?: SourceFile | undefined;
  /** Names of the certificate in use; undefined where there is none. */
  readonly coveredNames?: readonly string[] | undefined;
  /** End of the certificate in use. */
  readonly notAfter?: Date | undefined;
  /** Its life is in the last third of its renewal window, or it has ended. */
  readonly isNearEnd: boolean;
}

/** Everything that a remedy is chosen by. Pure data: whoever asks reads the files first. */
export interface RemedyInput {
  readonly cause: Cause;
  /** Nearest end first; at most 50 of them (the first carries the edit where one suffices for all). */
  readonly patients: readonly Patient[];
  /** File and object that the cause's subject is declared in: an issuer's, an invalid Certificate's. */
  readonly subject?:
    | {
        readonly file: SourceFile;
        readonly name: ObjectName;
        readonly kind: string;
        /** The text of that file when the object was last accepted. */
        readonly lastAccepted?: string | undefined;
      }
    | undefined;
  /** The issuer of the first patient, and where it stands. */
  readonly issuer?: { readonly issuer: Issuer; readonly file?: SourceFile | undefined } | undefined;
  /** Names of issuers that are ready, as `Kind/name`, and may be used from the patient's namespace. */
  readonly readyIssuers: readonly string[];
  /** Names of Secrets in the first patient's namespace that somebody asks for, wrote or owns. */
  readonly takenSecretNames: readonly string[];
  /** `.sops.yaml`, where there is one. */
  readonly sopsRules?: SourceFile | undefined;
  /** Recipients of our own identities, for a rule that has none. */
  readonly ownRecipients: readonly string[];
  /** Sealed Secrets that issuers refer to and history has: path and content of the newest version. */
  readonly lostSecrets: readonly {
    readonly name: ObjectName;
    readonly path: string;
    readonly text: string;
  }[];
  /** Path of the Secret that cannot be sealed, for `.sops.yaml`. */
  readonly sealedPath?: string | undefined;
  /** `certops.yaml` and the id of a plan that is held. */
  readonly settings?: SourceFile | undefined;
  readonly heldPlanId?: string | undefined;
  readonly now: Date;
}
