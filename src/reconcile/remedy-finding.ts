import type { Certificate } from '../api/certificate.ts';
import { isTrue } from '../api/condition.ts';
import type { Issuer } from '../api/issuer.ts';
import { SETTINGS_FILE } from '../api/manifest-paths.ts';
import type { ObjectName } from '../api/names.ts';
import type { CauseSubject } from '../diagnosis/cause.ts';
import type { OpenCause } from '../proposals/open-cause.ts';
import type { Patient, Remedy, RemedyInput, SourceFile } from '../remedies/remedy.ts';
import { remedyFor } from '../remedies/remedy-for.ts';
import type { Acceptance } from './acceptance.ts';
import { nearEnd } from './applicant.ts';
import { credentialName, type Declared, providedSecrets, secretNameOf } from './desired-state.ts';
import { certificateKey, issuerKey, issuerKeyOf } from './keys.ts';
import type { Ports } from './ports.ts';
import type { SafetyRail } from './safety-rail.ts';
import type { World } from './world.ts';

const MAX_PATIENTS = 50;
const MAX_FILE_BYTES = 1 << 20;
/** How far back a Secret that people took away is looked for. */
const MAX_COMMITS = 500;
const SOPS_RULES_FILE = '.sops.yaml';

/** Reads what a remedy is chosen by, from the branch as it is now, and asks for the remedy. */
export class RemedyFinding {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #acceptance: Acceptance;
  readonly #rail: Pick<SafetyRail, 'held'>;

  constructor(ports: Ports, world: World, acceptance: Acceptance, rail: Pick<SafetyRail, 'held'>) {
    this.#rail = rail;
    this.#ports = ports;
    this.#world = world;
    this.#acceptance = acceptance;
  }

  /** The edit that a pull request for a cause carries; undefined where there is none. Throws store errors. */
  async find(open: OpenCause): Promise<Remedy | undefined> {
    const { cause, affected } = open;
    const now = this.#ports.clock.now();
    const patients: Patient[] = [];
    for (const { name, notAfter, renewalTime } of affected.slice(0, MAX_PATIENTS)) {
      const resolution = await this.#acceptance.certificate(certificateKey(name));
      if (resolution.kind !== 'in-force') continue;
      const { object: certificate, path } = resolution.declared;
      const issued = this.#world.recorded.certificate(certificateKey(name))?.status.issued;
      patients.push({
        certificate,
        file: await this.#file(path),
        coveredNames: issued?.dnsNames,
        notAfter,
        isNearEnd: notAfter !== undefined && now >= nearEnd(notAfter, renewalTime),
      });
    }
    const issuer = await this.#issuer(cause.subject, patients[0]?.certificate);
    const input: RemedyInput = {
      ...{ cause, patients, now },
      subject: await this.#subject(cause.subject),
      issuer,
      takenSecretNames:
        cause.code === 'secret-claimed' ? this.#secretNames(patients[0]?.certificate.name.namespace) : [],
      readyIssuers: this.#readyIssuers(patients[0]?.certificate.name.namespace),
      sopsRules: await this.#file(SOPS_RULES_FILE),
      ownRecipients: cause.class === 'encryption' ? await this.#ports.sealer.ownRecipients() : [],
      lostSecrets:
        cause.code === 'credential-missing' && issuer !== undefined
          ? await this.#lostSecrets(issuer.issuer)
          : [],
      sealedPath: patients[0] && this.#world.paths.secret(secretNameOf(patients[0].certificate)),
      settings: await this.#file(SETTINGS_FILE),
      heldPlanId: this.#rail.held?.id,
    };
    return remedyFor(input);
  }

  async #file(path: string): Promise<SourceFile | undefined> {
    const found = await this.#ports.store.readPath(this.#world.commit, path);
    if (found === null || found.content.length > MAX_FILE_BYTES) return undefined;
    const text = textOf(found.content);
    return text === undefined ? undefined : { path, text };
  }

  async #subject({ kind, namespace, name }: CauseSubject): Promise<RemedyInput['subject']> {
    const path = kind === 'File' ? name : this.#pathOf(kind, { namespace, name });
    const file = path === undefined ? undefined : await this.#file(path);
    return (
      file && {
        ...{ file, kind, name: { namespace, name } },
        lastAccepted: await this.#lastAccepted(kind, { namespace, name }),
      }
    );
  }

  /** The file of the revision in force, where the newest one is not. */
  async #lastAccepted(kind: string, name: ObjectName): Promise<string | undefined> {
    const { recorded } = this.#world;
    const blobs =
      kind === 'File'
        ? [...recorded.certificates()].flatMap(
            ([
              ,
              {
                status: { source },
              },
            ]) => (source?.path === name.name ? [source.blob] : []),
          )
        : [
            (kind === 'Certificate'
              ? recorded.certificate(certificateKey(name))
              : recorded.issuer(issuerKey(kind, name))
            )?.status.source?.blob,
          ];
    // Of a file, only where all that it declared was accepted from one version of it.
    const [blob, ...others] = new Set(blobs);
    if (blob === undefined || others.length > 0) return undefined;
    const bytes = await this.#ports.store.readBlob(blob, MAX_FILE_BYTES).catch(() => undefined);
    return bytes && textOf(bytes);
  }

  #secretNames(namespace: string | undefined): readonly string[] {
    const { desired, recorded } = this.#world;
    const claimed = [...desired.certificateKeys()]
      .filter((key) => key.startsWith(`${namespace}/`))
      .flatMap((key) => desired.certificates(key).map(({ object }) => object.spec.secretName));
    const written = desired
      .allSecrets()
      .flatMap(({ object: { name } }) => (name.namespace === namespace ? [name.name] : []));
    const issued = [...recorded.certificates()].flatMap(([, { status }]) =>
      status.name.namespace === namespace && status.issued !== undefined ? [status.issued.secretName] : [],
    );
    return [...new Set([...claimed, ...written, ...issued])];
  }

  /** Where an object is declared, in whatever state. */
  #pathOf(kind: string, name: ObjectName): string | undefined {
    const { desired } = this.#world;
    const key = kind === 'Certificate' ? certificateKey(name) : issuerKey(kind, name);
    const declared: readonly Declared<Certificate | Issuer>[] =
      kind === 'Certificate' ? desired.certificates(key) : desired.issuers(key);
    return desired.rejected(key)?.path ?? declared[0]?.path;
  }

  async #issuer(
    { kind, namespace, name }: CauseSubject,
    certificate: Certificate | undefined,
  ): Promise<RemedyInput['issuer']> {
    const isIssuer = kind === 'Issuer' || kind === 'ClusterIssuer';
    const key = isIssuer
      ? issuerKey(kind, { namespace, name })
      : certificate && issuerKeyOf(certificate.spec.issuerRef, certificate.name.namespace);
    const resolution = key === undefined ? undefined : await this.#acceptance.issuer(key);
    if (resolution?.kind !== 'in-force') return undefined;
    const { object: issuer, path } = resolution.declared;
    return { issuer, file: await this.#file(path) };
  }

  #readyIssuers(namespace: string | undefined): readonly string[] {
    return [...this.#world.recorded.issuers()].flatMap(([, { status }]) => {
      const { kind, name, conditions } = status;
      const isUsable = kind === 'ClusterIssuer' || name.namespace === namespace;
      const isServing = !conditions.some((condition) => condition.type === 'Serving');
      return isUsable && isServing && isTrue(conditions, 'Ready') ? [`${kind}/${name.name}`] : [];
    });
  }

  /** Sealed Secrets that the issuer names, that nobody declares, and that history has. */
  async #lostSecrets(issuer: Issuer): Promise<RemedyInput['lostSecrets']> {
    const { desired, settings } = this.#world;
    const namespace =
      issuer.kind === 'ClusterIssuer' ? settings.clusterResourceNamespace : issuer.name.namespace;
    const own = credentialName(issuer);
    const names = [...(own === undefined ? [] : [own]), ...providedSecrets(issuer).map(({ name }) => name)];
    const wanted = new Set(names.filter((name) => desired.secrets(namespace, name).length === 0));
    if (wanted.size === 0) return [];
    const lost: { name: ObjectName; path: string; text: string }[] = [];
    for (const { path, blob } of await this.#ports.store.removedFiles(MAX_COMMITS)) {
      if (wanted.size === 0) break;
      if (!/\.ya?ml$/.test(path) || this.#world.paths.classify(path) !== undefined) continue;
      const bytes = await this.#ports.store.readBlob(blob, MAX_FILE_BYTES).catch(() => undefined);
      if (bytes === undefined) continue;
      // Something else lies there by now.
      if ((await this.#ports.store.readPath(this.#world.commit, path)) !== null) continue;
      const { objects } = await this.#ports.readManifests(bytes);
      const secret = objects.find(
        ({ object: { kind, name } }) =>
          kind === 'Secret' && name.namespace === namespace && wanted.has(name.name),
      );
      // Only a file that holds nothing else comes back as it was.
      if (secret === undefined || objects.length > 1) continue;
      wanted.delete(secret.object.name.name);
      lost.push({ name: secret.object.name, path, text: Buffer.from(bytes).toString('utf8') });
    }
    return lost;
  }
}

/** Undefined where it is not UTF-8: nothing of it could be kept byte for byte in a text. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
