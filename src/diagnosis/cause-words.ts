import type { CauseClass, CauseCode } from './cause.ts';
import { ENVIRONMENT_WORDS } from './environment-words.ts';
import { MANIFEST_WORDS } from './manifest-words.ts';

/** What is told of a cause, in words of ours alone. */
export interface CauseWords {
  readonly class: CauseClass;
  /** A few words that go on after an object's name and a colon. */
  readonly title: string;
  readonly why: string;
  readonly next: string;
  /** What else would heal it, a sentence each. */
  readonly cures: readonly string[];
}

const ACCOUNT_WORDS = {
  'account-unusable': {
    class: 'account',
    title: 'the CA does not accept the ACME account',
    why: 'The account is deactivated or unknown to the CA, or it would not register one.',
    next: 'Name another Secret in spec.acme.privateKeySecretRef, so that an account is registered with a new key; or settle it with the CA.',
    cures: [
      'Ask the CA what became of the account.',
      'Give the key of an account that the CA knows, sealed, where disableAccountKeyGeneration is set.',
    ],
  },
  'account-binding-required': {
    class: 'account',
    title: 'the CA wants an account bound to one that it knows',
    why: 'This CA registers ACME accounts only with an external account binding, and the one in spec.acme is missing or refused.',
    next: 'Get a key id and a MAC key from the CA, seal the key, and name both in spec.acme.externalAccountBinding.',
    cures: ['Get new binding credentials: many CAs let each be used once, or for a short time.'],
  },
  paused: {
    class: 'account',
    title: 'the CA has paused issuance',
    why: 'The names failed so often that the CA serves them again only when a person says so at its portal.',
    next: "Mend why they failed, end the pause at the CA's portal, and then ask for a retry.",
    cures: ['Leave names out that are gone for good.', 'Use another issuer.'],
  },
  'action-required': {
    class: 'account',
    title: 'the CA wants a person to act',
    why: 'The CA serves this account again when a person has done something at its site: agreed to new terms, for example.',
    next: 'Open the page that the CA names, do what it asks for, and then ask for a retry.',
    cures: ['Use another issuer.'],
  },
} as const satisfies Partial<Record<CauseCode, CauseWords>>;

const ENCRYPTION_WORDS = {
  'no-recipient': {
    class: 'encryption',
    title: '.sops.yaml names no recipient that certops can use',
    why: 'What is sealed must be opened again by certops itself, and nothing is ordered that could not be sealed.',
    next: "Give the rule age recipients, the daemon's own among them.",
    cures: ['Give the daemon an identity that is among the recipients (SOPS_AGE_KEY or SOPS_AGE_KEY_FILE).'],
  },
  'sealing-rules-broken': {
    class: 'encryption',
    title: '.sops.yaml cannot be used for sealing',
    why: 'It is missing, cannot be read, or has no rule of age recipients alone for the path of a Secret.',
    next: 'Mend .sops.yaml: a creation rule with age recipients whose path_regex matches the path.',
    cures: ['Put a rule with age recipients alone before the one that matches now.'],
  },
  'secret-unreadable': {
    class: 'encryption',
    title: 'a sealed Secret cannot be opened',
    why: 'It was changed after it was sealed, sealed to somebody else, or is no Secret that can be used.',
    next: 'Restore the file from history, or seal it again with sops to recipients of which certops is one.',
    cures: [
      'Run sops updatekeys with the recipients of .sops.yaml.',
      'Give the daemon its age identity back.',
    ],
  },
} as const satisfies Partial<Record<CauseCode, CauseWords>>;

const OTHER_WORDS = {
  'rate-limited': {
    class: 'time',
    title: 'a rate limit is reached',
    why: 'The CA, or certops before it, counts what is asked, and the limit lifts by itself at a known time.',
    next: 'Nothing has to be done, unless the certificate in use ends before the limit does: then use another issuer.',
    cures: ['Wait until the limit lifts.', 'Ask the CA for a higher limit.', 'Use another issuer.'],
  },
  'ca-unavailable': {
    class: 'time',
    title: 'the CA gives no usable answer',
    why: 'It cannot be reached from here, is overloaded, or answers with an error of its own.',
    next: 'It is tried again by itself. Where it lasts, look at the status page of the CA and at the network on the way.',
    cures: [
      'Wait until the CA answers again.',
      'Correct spec.acme.server, caBundle or the network, if it is not the CA that is at fault.',
      'Use another issuer.',
    ],
  },
  unknown: {
    class: 'environment',
    title: 'it failed, and certops has no diagnosis for it',
    why: 'The error is none of those that are told apart here.',
    next: 'The log of the daemon has all that is known of it; docs/errors.md explains its code.',
    cures: ['Mend what the log names, and ask for a retry.'],
  },
} as const satisfies Partial<Record<CauseCode, CauseWords>>;

/** The words of every cause. */
export const CAUSE_WORDS: Readonly<Record<CauseCode, CauseWords>> = {
  ...OTHER_WORDS,
  ...ENVIRONMENT_WORDS,
  ...MANIFEST_WORDS,
  ...ACCOUNT_WORDS,
  ...ENCRYPTION_WORDS,
};

/**
 * What can heal a cause. Where nothing is tried again by itself, neither time nor the world outside is waited for: a
 * person has to change something, so it is the specification's. An account that is registered again by itself needs
 * time alone.
 */
export function classOf(code: CauseCode, isForGood: boolean, isHealing = false): CauseClass {
  const usual = CAUSE_WORDS[code].class;
  if (isHealing) return 'time';
  return isForGood && (usual === 'time' || usual === 'environment') ? 'specification' : usual;
}
