import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { formatObjectName, type ObjectName } from '../api/names.ts';
import { type Log, silentLog } from '../lib/log.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { RulesInForce } from './rules-in-force.ts';
import { readSecretData, readSecretFacts } from './secret-manifest.ts';
import { openWithSopsAge } from './sops/cross-check.ts';
import type { AgeIdentities } from './sops/identities.ts';
import { readSopsMetadata } from './sops/metadata.ts';
import { type OpenedDocument, openDocument } from './sops/open.ts';
import type { SealingRule } from './sops/rules.ts';
import { sealDocument } from './sops/seal.ts';
import { SopsError } from './sops/sops-error.ts';

/** A Secret that was opened; what was sealed in it stays wrapped. */
export interface OpenedSecret {
  /** `default` where the manifest names none. */
  readonly namespace: string;
  readonly name: string;
  /** `Opaque` where the manifest names none. */
  readonly type: string;
  readonly data: Sensitive<ReadonlyMap<string, Buffer>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The age recipients that the document names. */
  readonly recipients: readonly string[];
  /** Those of them that somebody chose who could read it (`certops rekey`). */
  readonly provenRecipients: readonly string[];
}

/** Two versions of one sealed file, opened and compared. */
export interface SealedComparison {
  /** Everything in them is equal but how it is sealed. */
  readonly isSame: boolean;
  /** The object that the later one says it is. */
  readonly name: ObjectName;
  /** The recipients of the later one. */
  readonly recipients: readonly string[];
  /** Those of them that somebody chose who could read it (`certops rekey`). */
  readonly provenRecipients: readonly string[];
}

export interface SealerOptions {
  readonly identities: AgeIdentities;
  /** Recipients that are accepted wherever a rule names them (`age1…`). */
  readonly allowedRecipients?: readonly string[] | undefined;
  readonly log?: Log;
}

/** What both readers must agree on. */
const COMPARED_FIELDS = ['apiVersion', 'kind', 'type', 'data', 'stringData'];

/**
 * Seals and opens Secrets by `.sops.yaml` and the identities in hand.
 *
 * Every error is a SopsError with `retry.when === 'never'`; of these, `rules-missing`, `rules-unreadable`,
 * `rule-unsupported`, `no-rule`, `no-recipient` and `cannot-open-own` mean that nothing can be sealed for a path
 * (reason `EncryptionUnavailable`). All methods may be called for many Secrets at once.
 */
export class Sealer {
  /** The rules, and who is accepted of those that they name. */
  readonly rules: RulesInForce;
  readonly #identities: AgeIdentities;
  readonly #log: Log;
  readonly #proofs = new Map<string, Promise<void>>();

  constructor(options: SealerOptions) {
    this.#identities = options.identities;
    const own = options.identities.identities.map(({ recipient }) => recipient);
    this.rules = new RulesInForce([...own, ...(options.allowedRecipients ?? [])]);
    this.#log = options.log ?? silentLog;
  }

  /** age recipients of the identities in hand. */
  ownRecipients(): Promise<readonly string[]> {
    return this.#identities.recipients();
  }

  /** Takes the text of `.sops.yaml`, undefined where there is none. Never throws: `prove` tells what is wrong. */
  setRules(text: string | undefined): void {
    this.rules.set(text);
  }

  /** Whom a Secret at `path` would be sealed to now; undefined where no rule can be used. Proves nothing. */
  recipients(path: string): readonly string[] | undefined {
    return this.rules.recipients(path);
  }

  /**
   * The rule for a final path, relative to the root, after proof that what it seals can be opened with an identity in
   * hand, by our own reader and by sops-age. Proven once for each set of recipients.
   *
   * @throws SopsError `sops.rules-missing`, `sops.rules-unreadable`, `sops.rule-unsupported`, `sops.no-rule`,
   *   `sops.no-recipient`, `sops.cannot-open-own`
   */
  async prove(path: string): Promise<SealingRule> {
    const rule = this.rules.ruleFor(path);
    const key = [String(rule.macOnlyEncrypted), ...rule.recipients].join(' ');
    let proof = this.#proofs.get(key);
    if (proof === undefined) {
      proof = this.#proveRule(rule);
      this.#proofs.set(key, proof);
      // What failed is tried again when asked again, and then tells of the rule that was asked for.
      proof.catch(() => this.#proofs.delete(key));
    }
    await proof;
    return rule;
  }

  /**
   * Seals `document` for its final path, after `prove`.
   *
   * @param now becomes `sops.lastmodified`.
   * @returns the YAML text of the file.
   */
  async seal(path: string, document: Readonly<Record<string, unknown>>, now: Date): Promise<string> {
    return await sealDocument(document, await this.prove(path), now);
  }

  /** The recipients that a sealed text names in clear. @throws SopsError `sops.malformed`, `sops.unsupported` */
  sealedTo(text: string, where: string): readonly string[] {
    return readSopsMetadata(text, where).recipients;
  }

  /**
   * Seals what `text` holds once more by the rule for `path`: the same content, a new data key.
   *
   * @param where names the file in errors; it may be another one than the rule is for.
   * @param isProven says in it that whoever sealed it could read it (`certops rekey`).
   * @throws SopsError those of `open` and `prove`
   */
  async reseal(
    path: string,
    text: string,
    where: string,
    expected: ObjectName | undefined,
    now: Date,
    isProven = false,
  ): Promise<string> {
    const opened = await openDocument(text, this.#identities, where);
    readSecret(opened, where, expected);
    return await sealDocument(opened.document.reveal(), await this.prove(path), now, isProven);
  }

  /**
   * Whether two versions of a sealed file hold the same. Only kinds of recipients that we could seal to ourselves count:
   * a version that opens with other keys besides is not the same.
   *
   * @throws SopsError those of `open`, for either
   */
  async compare(
    before: string,
    after: string,
    where: string,
    expected: ObjectName | undefined,
  ): Promise<SealedComparison> {
    const [earlier, later] = await Promise.all(
      [before, after].map((text) => openDocument(text, this.#identities, where)),
    );
    // Two were opened.
    const [left, right] = [earlier as OpenedDocument, later as OpenedDocument];
    const { namespace, name } = readSecret(right, where, expected);
    const { recipients, hasOtherKeys } = right.metadata;
    return {
      isSame: !hasOtherKeys && isSame(left.document.reveal(), right.document.reveal()),
      name: { namespace, name },
      recipients,
      provenRecipients: right.provenRecipients,
    };
  }

  /**
   * Opens a Secret strictly.
   *
   * @param where names the file in errors.
   * @param expected the object that must be in it. SOPS's MAC covers values one after the other without their bounds, and
   *   nothing in clear where `mac_only_encrypted` is set: a caller that knows whose file it is should say so.
   * @throws SopsError those of `openDocument`, `sops.secret-invalid`, `sops.wrong-object`
   */
  async open(text: string, where: string, expected?: ObjectName): Promise<OpenedSecret> {
    return readSecret(await openDocument(text, this.#identities, where), where, expected);
  }

  /**
   * As `open`, for Secrets that people wrote with their own tools: sops-age must read the same content.
   *
   * @throws SopsError those of `open`, and `sops.readers-disagree`
   */
  async openCredential(text: string, where: string, expected?: ObjectName): Promise<OpenedSecret> {
    const opened = await openDocument(text, this.#identities, where);
    const secret = readSecret(opened, where, expected);
    const other = await openWithSopsAge(text, this.#identities, opened.metadata.recipients);
    if (!opened.document.map((document) => isSameSecret(document, other)).reveal()) {
      throw new SopsError(
        'sops.readers-disagree',
        {
          what: `${where} cannot be relied on`,
          why: 'Two independent SOPS readers do not find the same content in it',
          next: 'Quote texts that look like numbers or dates, give keys a letter, and seal the Secret again with sops',
        },
        { where },
      );
    }
    return secret;
  }

  async #proveRule(rule: SealingRule): Promise<void> {
    const ours = await this.#identities.recipients();
    if (!ours.some((recipient) => rule.recipients.includes(recipient))) {
      throw cannotOpenOwn(
        rule,
        ours.length === 0
          ? 'There is no age identity: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE and keys.txt are empty or absent'
          : 'None of its recipients belongs to an age identity in hand',
        ours,
      );
    }
    const probe = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'certops-probe', namespace: 'default' },
      type: 'Opaque',
      data: { probe: randomBytes(16).toString('base64') },
    };
    let agreed: boolean;
    try {
      const text = await sealDocument(probe, rule, new Date(0));
      const opened = await openDocument(text, this.#identities, 'a test document');
      const other = await openWithSopsAge(text, this.#identities, rule.recipients);
      agreed = isSame(opened.document.reveal(), probe) && isSame(other, probe);
    } catch {
      // Whatever it was, it must not be told by what a cryptography library says.
      agreed = false;
    }
    if (!agreed)
      throw cannotOpenOwn(rule, 'A test document that was sealed by it could not be opened again', ours);
    this.#log.debug({ recipients: rule.recipients, line: rule.line }, 'sealing proven');
  }
}

function readSecret(opened: OpenedDocument, where: string, expected: ObjectName | undefined): OpenedSecret {
  const facts = readSecretFacts(opened, where);
  if (
    expected !== undefined &&
    (facts.name.namespace !== expected.namespace || facts.name.name !== expected.name)
  ) {
    throw new SopsError(
      'sops.wrong-object',
      {
        what: `${where} is not the Secret ${formatObjectName(expected)}`,
        why: `It says that it is ${formatObjectName(facts.name)}`,
        next: 'Restore the file from history',
      },
      { where, found: formatObjectName(facts.name), expected: formatObjectName(expected) },
    );
  }
  return {
    namespace: facts.name.namespace,
    name: facts.name.name,
    type: facts.type,
    data: readSecretData(opened, where),
    labels: facts.labels,
    annotations: facts.annotations,
    recipients: opened.metadata.recipients,
    provenRecipients: opened.provenRecipients,
  };
}

function isSameSecret(ours: Readonly<Record<string, unknown>>, theirs: unknown): boolean {
  if (typeof theirs !== 'object' || theirs === null) return false;
  const other = new Map(Object.entries(theirs));
  const nameOf = (metadata: unknown): unknown =>
    typeof metadata === 'object' && metadata !== null
      ? Object.entries(metadata).filter(([key]) => key === 'name' || key === 'namespace')
      : metadata;
  return (
    COMPARED_FIELDS.every((field) => isSame(ours[field], other.get(field))) &&
    isSame(nameOf(ours.metadata), nameOf(other.get('metadata')))
  );
}

/** Equal in content; whether records have a prototype does not matter. */
function isSame(left: unknown, right: unknown): boolean {
  return isDeepStrictEqual(withoutPrototypes(left), withoutPrototypes(right));
}

function withoutPrototypes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPrototypes);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, withoutPrototypes(item)]));
}

function cannotOpenOwn(rule: SealingRule, why: string, ours: readonly string[]): SopsError {
  return new SopsError(
    'sops.cannot-open-own',
    {
      what: `certops could not open what it would seal by rule ${rule.index + 1} of .sops.yaml (line ${rule.line})`,
      why,
      next:
        ours.length === 0
          ? 'Give the daemon its age identity in SOPS_AGE_KEY or SOPS_AGE_KEY_FILE'
          : `Add ${ours[0]} to the recipients of the rule, or give the daemon an identity that is among them`,
    },
    { line: rule.line, recipients: rule.recipients },
  );
}
