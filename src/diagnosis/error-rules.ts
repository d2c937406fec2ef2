import type { CauseCode, CauseScope } from './cause.ts';
import { SOLVER_RULES } from './solver-rules.ts';

/** What an error of ours means, where no CA has said more. */
export interface ErrorRule {
  readonly code: CauseCode;
  /** `certificate` becomes the issuer's where no Certificate was tried, or where the attempt says so. */
  readonly scope: CauseScope;
  /** Another zone is another cause. */
  readonly isZoned?: boolean | undefined;
  /** Time alone heals it, whatever the class of its code. */
  readonly isHealing?: boolean | undefined;
  /** In place of the code's own words. */
  readonly title?: string | undefined;
  readonly why?: string | undefined;
  readonly next?: string | undefined;
}

const OF_CERTIFICATE = { scope: 'certificate' } as const;
const OF_ISSUER = { scope: 'issuer' } as const;
const OF_SOLVER = { scope: 'solver' } as const;
const OF_REPOSITORY = { scope: 'repository' } as const;

const CA_AWAY = { code: 'ca-unavailable', ...OF_ISSUER } as const;
const ORDER_WAITS = { code: 'ca-unavailable', ...OF_CERTIFICATE } as const;
const ISSUER_WRONG = { code: 'issuer-misconfigured', ...OF_ISSUER } as const;
const CREDENTIAL = { code: 'credential-missing', ...OF_ISSUER } as const;
const PASSWORD = {
  code: 'credential-missing',
  ...OF_CERTIFICATE,
  title: "the Secret with a keystore's password is missing",
  why: 'The Secret is not there, lacks the key, or is declared in several files. Nothing is ordered that could not be stored in full.',
} as const;
const BAD_CERTIFICATE = { code: 'wrong-certificate', ...OF_CERTIFICATE } as const;
const BAD_MANIFEST = { code: 'manifest-invalid', ...OF_CERTIFICATE } as const;
const UNREADABLE = { code: 'secret-unreadable', ...OF_REPOSITORY } as const;
const RULES = { code: 'sealing-rules-broken', ...OF_REPOSITORY } as const;
const UNKNOWN = { code: 'unknown', ...OF_CERTIFICATE } as const;

const ACME_RULES: Readonly<Record<string, ErrorRule>> = {
  'acme.unreachable': CA_AWAY,
  'acme.timed-out': CA_AWAY,
  'acme.answer-too-large': { ...CA_AWAY, title: 'the CA gives an answer that is too large' },
  'acme.bad-answer': { ...CA_AWAY, title: 'the CA gives an answer that is no ACME' },
  'acme.redirected': {
    ...ISSUER_WRONG,
    title: "the CA's URL redirects",
    why: 'certops follows no redirect of a CA, so that nobody in between can send it elsewhere.',
    next: 'Name the URL that it leads to in spec.acme.server.',
  },
  'acme.host-refused': {
    ...ISSUER_WRONG,
    title: 'the address of the CA may not be reached',
    why: 'Link-local and cloud metadata addresses, and what the operator forbids, are never reached.',
    next: 'Correct spec.acme.server, or ask the operator to allow its host.',
  },
  'acme.url-refused': {
    ...ISSUER_WRONG,
    title: "the CA's URL cannot be used",
    why: 'It is plain HTTP where HTTPS is due, or leads to another origin than that of the directory.',
    next: 'Correct spec.acme.server.',
  },
  'acme.no-key-change': {
    code: 'account-unusable',
    ...OF_ISSUER,
    title: 'the CA offers no way to change the account key',
    next: 'Put the former key back, or use another account.',
  },
  'acme.unsupported-account-key': {
    code: 'account-unusable',
    ...OF_ISSUER,
    title: 'the account key cannot sign for ACME',
    next: 'Seal an RSA key of 2048 bits or more, or let certops make one.',
  },
  'acme.order-unknown': ORDER_WAITS,
  'acme.refused': CA_AWAY,
};

const ISSUER_RULES: Readonly<Record<string, ErrorRule>> = {
  'issuers.account-deactivated': {
    code: 'account-unusable',
    ...OF_ISSUER,
    title: 'the ACME account was deactivated',
    why: 'A deactivated account stays so; the CA refuses it everything.',
  },
  'issuers.account-gone': {
    code: 'account-unusable',
    ...OF_ISSUER,
    title: 'the CA does not know the ACME account',
    why: 'The CA has no account for the key: it was set up anew, or the key is that of another CA.',
  },
  'issuers.budget-spent': {
    code: 'rate-limited',
    ...OF_CERTIFICATE,
    title: 'the order waits so that a limit of the CA is kept',
  },
  'issuers.ca-busy': ORDER_WAITS,
  'issuers.ca-key-pair': {
    ...ISSUER_WRONG,
    title: 'the key pair of the CA issuer cannot be used',
    why: 'The Secret that spec.ca.secretName names holds no CA certificate with its key, or the certificate has ended.',
    next: "Seal a CA's certificate and private key into the Secret that spec.ca.secretName names.",
  },
  'issuers.ca-unavailable': CA_AWAY,
  'issuers.contact-update-failed': {
    ...ISSUER_WRONG,
    title: 'the CA does not take the address of the account',
    next: 'Correct spec.acme.email.',
  },
  'issuers.external-account-binding': { code: 'account-binding-required', ...OF_ISSUER },
  'issuers.no-challenge': { code: 'no-challenge', ...OF_CERTIFICATE },
  'issuers.no-identifiers': {
    ...BAD_MANIFEST,
    title: 'it asks an ACME issuer for no DNS name and no IP address',
    why: 'ACME CAs certify nothing else.',
    next: 'Add spec.dnsNames or spec.ipAddresses, or take another issuer.',
  },
  'issuers.no-presenter': { code: 'presenter-unavailable', ...OF_SOLVER },
  'issuers.no-solver': { code: 'no-solver', ...OF_CERTIFICATE },
  'issuers.order-gone': { ...ORDER_WAITS, title: 'the CA gave the order up' },
  'issuers.order-slow': { ...ORDER_WAITS, title: 'the CA does not come to an end with the order' },
  'issuers.order-taken': {
    ...ORDER_WAITS,
    title: 'another Certificate with the same names is being issued',
    why: 'A CA gives the same order to both, so they take turns.',
    next: 'It goes on by itself. One Certificate for one set of names is better.',
  },
  'issuers.paused': { code: 'paused', ...OF_CERTIFICATE },
  'issuers.profile-unknown': { code: 'profile-unknown', ...OF_CERTIFICATE },
  'issuers.registration-failed': { code: 'account-unusable', ...OF_ISSUER },
  'issuers.request-refused': { code: 'request-refused', ...OF_CERTIFICATE },
  'issuers.validation-failed': { code: 'validation-failed', ...OF_CERTIFICATE },
  'issuers.validation-interrupted': {
    code: 'validation-failed',
    ...OF_CERTIFICATE,
    title: 'the CA validated while certops was not running',
    why: 'certops had ended after it told the CA to look, and nobody was there to answer.',
    next: 'A new order is made by itself.',
  },
};

const NO_RULE = 'Nothing says whom to seal it to, and nothing is ordered that could not be sealed.';

const NO_IDENTITY = {
  ...UNREADABLE,
  title: 'certops has no age identity that can be used',
  why: 'Without one nothing that is sealed can be opened.',
  next: 'Give the daemon its age identity: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, or keys.txt where SOPS looks for it.',
} as const;

const SEALING_RULES: Readonly<Record<string, ErrorRule>> = {
  'sops.cannot-open-own': {
    code: 'no-recipient',
    ...OF_REPOSITORY,
    title: 'certops could not open what it would seal by .sops.yaml',
    why: "The recipients of the rule are not the daemon's, or it has no age identity at all. Nothing is ordered that could be lost.",
  },
  'sops.no-recipient': { code: 'no-recipient', ...OF_REPOSITORY },
  'sops.no-rule': { ...RULES, title: 'no rule of .sops.yaml matches the path of a Secret', why: NO_RULE },
  'sops.rule-unsupported': {
    ...RULES,
    title: 'the rule of .sops.yaml that matches is none of age recipients alone',
  },
  'sops.rules-missing': { ...RULES, title: 'there is no .sops.yaml', why: NO_RULE },
  'sops.rules-unreadable': { ...RULES, title: '.sops.yaml cannot be read' },
  'sops.identity-invalid': NO_IDENTITY,
  'sops.identity-unreadable': NO_IDENTITY,
  'sops.clear-value': {
    ...UNREADABLE,
    title: 'a Secret holds plain text',
    why: 'What stands in clear in Git is no secret any more.',
    next: 'Make a new credential, and seal it with sops.',
  },
  'sops.mac-mismatch': { ...UNREADABLE, title: 'a sealed Secret was changed after it was sealed' },
  'sops.mac-missing': { ...UNREADABLE, title: 'a sealed Secret has no MAC' },
  'sops.malformed': UNREADABLE,
  'sops.no-identity': { ...UNREADABLE, title: 'a Secret is not sealed to certops' },
  'sops.readers-disagree': { ...UNREADABLE, title: 'two SOPS readers do not find the same in a Secret' },
  'sops.secret-invalid': UNREADABLE,
  'sops.tampered': { ...UNREADABLE, title: 'a sealed Secret was changed after it was sealed' },
  'sops.unsupported': { ...UNREADABLE, title: 'a Secret is sealed in a way that certops does not read' },
  'sops.wrong-object': { ...UNREADABLE, title: 'a sealed file is another Secret than its path says' },
};

const OTHER_RULES: Readonly<Record<string, ErrorRule>> = {
  'config.no-account-key': {
    ...CREDENTIAL,
    title: 'the Secret with the ACME account key is missing',
    why: 'Since disableAccountKeyGeneration is set, certops may not make one.',
  },
  'pki.bad-literal-subject': BAD_MANIFEST,
  'pki.broken-chain': BAD_CERTIFICATE,
  'pki.ca-key-mismatch': ISSUER_WRONG,
  'pki.expired': BAD_CERTIFICATE,
  'pki.is-ca': BAD_CERTIFICATE,
  'pki.not-a-ca': ISSUER_WRONG,
  'pki.not-yet-valid': BAD_CERTIFICATE,
  'pki.request-key-mismatch': UNKNOWN,
  'pki.unencodable-name': { ...BAD_MANIFEST, title: 'a certificate cannot hold a name of it' },
  'pki.unreadable-certificate': BAD_CERTIFICATE,
  'pki.unreadable-key': {
    code: 'secret-unreadable',
    ...OF_CERTIFICATE,
    title: 'a private key cannot be read',
  },
  'pki.unreadable-request': UNKNOWN,
  'pki.unsupported-key': BAD_MANIFEST,
  'pki.wrong-key': BAD_CERTIFICATE,
  'pki.wrong-names': BAD_CERTIFICATE,
  'pki.wrong-signature-algorithm': { ...BAD_MANIFEST, title: 'the key cannot sign by signatureAlgorithm' },
  'reconcile.credential-ambiguous': {
    ...CREDENTIAL,
    title: 'a Secret that the issuer names is declared twice',
  },
  'reconcile.credential-incomplete': { ...CREDENTIAL, title: 'a Secret that the issuer names lacks the key' },
  'reconcile.credential-missing': { ...CREDENTIAL, title: 'a Secret that the issuer names is missing' },
  'reconcile.key-missing': {
    code: 'secret-unreadable',
    ...OF_CERTIFICATE,
    title: 'a Secret holds no tls.key',
  },
  'reconcile.keystore-password-ambiguous': PASSWORD,
  'reconcile.keystore-password-incomplete': PASSWORD,
  'reconcile.keystore-password-missing': PASSWORD,
  'reconcile.no-chain': BAD_CERTIFICATE,
  'reconcile.no-world': UNKNOWN,
  'reconcile.settings': { code: 'manifest-invalid', ...OF_REPOSITORY, title: 'certops.yaml is not valid' },
  'reconcile.unvouched-outputs': UNKNOWN,
};

/** What each error of ours means. A problem of a CA comes first where there is one. */
export const ERROR_RULES: Readonly<Record<string, ErrorRule>> = {
  ...ACME_RULES,
  ...ISSUER_RULES,
  ...SOLVER_RULES,
  ...SEALING_RULES,
  ...OTHER_RULES,
};

/** What an error means that stands in no table. */
export const UNKNOWN_RULE: ErrorRule = UNKNOWN;
