import { checkShape, choice, integer, openObject, optional, type Schema, text } from '../lib/schema.ts';

import type { DeliveryMemory } from './delivery-memory.ts';
import { isSignedBody, isSignedDelivery, isToken, type WebhookSecrets } from './webhook-signatures.ts';

/** Whose webhook it is: the last part of `/webhook/<kind>`. */
export type WebhookKind = 'github' | 'gitlab' | 'gitea' | 'forgejo' | 'generic';

/** One request at a webhook. The listener has bounded its size and time. */
export interface WebhookRequest {
  readonly kind: WebhookKind;
  /** Names in lower case, as node:http has them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The bytes as they came: what is signed. */
  readonly body: Uint8Array;
  /** Two at most. Without any nothing is taken. */
  readonly secrets: WebhookSecrets;
  /** Path of the repository that is served: `team/certificates`, with GitLab's subgroups. */
  readonly repository: string;
  readonly seen: DeliveryMemory;
  /** Real time. */
  readonly now: Date;
}

/** That something may have happened: a reason to look, and nothing that is believed. */
export interface WebhookHint {
  readonly event: 'push' | 'pull-request' | 'ping';
  /** Branch that was pushed to, without `refs/heads/`; a stranger's words. */
  readonly branch?: string | undefined;
  readonly pullRequest?: number | undefined;
}

export interface WebhookRefusal {
  readonly refused: /** Signed with another secret. */
    | 'signature'
    /** A header that this kind of forge always sends is not there: no webhook, or another forge's. */
    | 'missing'
    | 'repository'
    /** Its delivery was taken before, or it was signed over five minutes ago. */
    | 'replayed'
    /** Genuine, and nothing that certops looks at. */
    | 'event'
    | 'content-type'
    | 'malformed';
  /** HTTP status to answer with. */
  readonly status: number;
}

const STATUS = {
  signature: 401,
  missing: 401,
  repository: 403,
  replayed: 409,
  // Taken, and nothing done: whoever sends all events is not told that each is a failure.
  event: 202,
  'content-type': 415,
  malformed: 400,
} as const;

/** How far clocks may be apart (Standard Webhooks, "Timestamp"). */
const MAX_SKEW_MS = 5 * 60_000;

/** What the parts throw at one another; it never leaves this file. */
class Refused extends Error {
  readonly reason: WebhookRefusal['refused'];

  constructor(reason: WebhookRefusal['refused']) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * Decides whether a request is a genuine and new webhook of the repository. The secret is checked over the raw bytes, in
 * constant time, before a byte of them is read. Never throws for what is sent.
 */
export function verifyWebhook(request: WebhookRequest): WebhookHint | WebhookRefusal {
  try {
    return verify(request);
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown;
    return { refused: thrown.reason, status: STATUS[thrown.reason] };
  }
}

function verify(request: WebhookRequest): WebhookHint {
  const { kind, headers, body, secrets, seen, now } = request;
  const manners = MANNERS[kind];
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  if (manners.strangers.some((name) => headers[name] !== undefined)) throw new Refused('missing');
  if (!manners.isGenuine({ header, body, secrets, now })) throw new Refused('signature');
  const delivery = manners.delivery.map(header).find((id) => id !== undefined);
  if (delivery === undefined && manners.isDeliveryRequired) throw new Refused('missing');
  if (delivery !== undefined && delivery.length > 200) throw new Refused('malformed');
  const hint = manners.read(payload(header('content-type'), body), header, request.repository);
  // Last, so that only what was taken is remembered.
  if (delivery !== undefined && !seen.remember(`${kind} ${delivery}`, now)) throw new Refused('replayed');
  return hint;
}

type Header = (name: string) => string | undefined;

interface Credentials {
  readonly header: Header;
  readonly body: Uint8Array;
  readonly secrets: WebhookSecrets;
  readonly now: Date;
}

/** How one kind of forge sends webhooks. */
interface Manners {
  /** Headers that another forge alone sends. */
  readonly strangers: readonly string[];
  /** Throws `missing` where nothing is there that could be genuine. */
  isGenuine(credentials: Credentials): boolean;
  /** Headers that name the delivery, the best one first. */
  readonly delivery: readonly string[];
  readonly isDeliveryRequired: boolean;
  /** Throws `event`, `repository` or `malformed`. */
  read(payload: unknown, header: Header, repository: string): WebhookHint;
}

const MANNERS: Readonly<Record<WebhookKind, Manners>> = {
  // docs.github.com, "Validating webhook deliveries". Gitea and Forgejo send these headers as well.
  github: {
    strangers: ['x-gitea-event', 'x-forgejo-event', 'x-gogs-event', 'x-gitlab-event'],
    isGenuine: ({ header, body, secrets }) => {
      const [, hex] = /^sha256=(.*)$/.exec(required(header, 'x-hub-signature-256')) ?? [];
      return isSignedBody(hex ?? '', body, secrets);
    },
    delivery: ['x-github-delivery'],
    isDeliveryRequired: true,
    read: (payload, header, repository) =>
      readHubEvent(payload, required(header, 'x-github-event'), repository),
  },
  // docs.gitea.com, "Webhooks": the same payloads, the signature as bare hex.
  gitea: gitea('gitea'),
  forgejo: gitea('forgejo'),
  gitlab: {
    strangers: ['x-gitea-event', 'x-forgejo-event', 'x-gogs-event', 'x-github-event'],
    isGenuine: isGenuineGitlab,
    // Only the first is signed. The event's id is the same for events that a webhook led to.
    delivery: ['webhook-id', 'idempotency-key', 'x-gitlab-webhook-uuid', 'x-gitlab-event-uuid'],
    isDeliveryRequired: true,
    read: readGitlabEvent,
  },
  generic: {
    strangers: [],
    isGenuine: ({ header, body, secrets }) => {
      const [, hex] = /^sha256=(.*)$/.exec(header('x-certops-signature') ?? '') ?? [];
      if (hex !== undefined) return isSignedBody(hex, body, secrets);
      const [, token] = /^Bearer +(\S+)$/i.exec(required(header, 'authorization')) ?? [];
      return isToken(token ?? '', secrets);
    },
    delivery: ['x-certops-delivery'],
    isDeliveryRequired: false,
    read: (payload, _header, repository) => readGenericEvent(payload, repository),
  },
};

function gitea(kind: 'gitea' | 'forgejo'): Manners {
  return {
    strangers: ['x-gitlab-event'],
    isGenuine: ({ header, body, secrets }) =>
      isSignedBody(required(header, `x-${kind}-signature`), body, secrets),
    delivery: [`x-${kind}-delivery`],
    isDeliveryRequired: true,
    read: (payload, header, repository) =>
      readHubEvent(payload, required(header, `x-${kind}-event`), repository),
  };
}

/** docs.gitlab.com, "Webhooks": the secret itself in `X-Gitlab-Token`, and from newer versions a signature. */
function isGenuineGitlab({ header, body, secrets, now }: Credentials): boolean {
  const signatures = header('webhook-signature');
  const id = header('webhook-id');
  const timestamp = header('webhook-timestamp');
  const token = header('x-gitlab-token');
  if (signatures !== undefined && id !== undefined && timestamp !== undefined) {
    if (isSignedDelivery({ id, timestamp, signatures }, body, secrets)) {
      const signedAtMs = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) * 1000 : Number.NaN;
      // Also true for what is no number.
      if (!(Math.abs(now.getTime() - signedAtMs) <= MAX_SKEW_MS)) throw new Refused('replayed');
      return true;
    }
  } else if (token === undefined) {
    throw new Refused('missing');
  }
  return token !== undefined && isToken(token, secrets);
}

const HUB_PUSH = openObject({ ref: text(), repository: openObject({ full_name: text() }) });
const HUB_PULL_REQUEST = openObject({ number: integer(), repository: openObject({ full_name: text() }) });
/** That of an organisation or an App names no repository. */
const HUB_PING = openObject({ repository: optional(openObject({ full_name: text() })) });

function readHubEvent(payload: unknown, event: string, repository: string): WebhookHint {
  if (event === 'ping') {
    const { repository: named } = shaped(HUB_PING, payload);
    if (named !== undefined) checkRepository(named.full_name, repository);
    return { event: 'ping' };
  }
  if (event === 'push') {
    const push = shaped(HUB_PUSH, payload);
    checkRepository(push.repository.full_name, repository);
    return { event: 'push', branch: branchOf(push.ref) };
  }
  // Gitea says so of a new head in some versions.
  if (event === 'pull_request' || event === 'pull_request_sync') {
    const change = shaped(HUB_PULL_REQUEST, payload);
    checkRepository(change.repository.full_name, repository);
    return { event: 'pull-request', pullRequest: numberOf(change.number) };
  }
  throw new Refused('event');
}

const GITLAB_PROJECT = openObject({ path_with_namespace: text() });
const GITLAB_PUSH = openObject({ ref: text(), project: GITLAB_PROJECT });
const GITLAB_MERGE_REQUEST = openObject({
  /** The project that it is to be merged into. */
  project: GITLAB_PROJECT,
  object_attributes: openObject({ iid: integer() }),
});

function readGitlabEvent(payload: unknown, header: Header, repository: string): WebhookHint {
  const event = required(header, 'x-gitlab-event');
  if (event === 'Push Hook') {
    const push = shaped(GITLAB_PUSH, payload);
    checkRepository(push.project.path_with_namespace, repository);
    return { event: 'push', branch: branchOf(push.ref) };
  }
  if (event === 'Merge Request Hook') {
    const change = shaped(GITLAB_MERGE_REQUEST, payload);
    checkRepository(change.project.path_with_namespace, repository);
    return { event: 'pull-request', pullRequest: numberOf(change.object_attributes.iid) };
  }
  throw new Refused('event');
}

const GENERIC = openObject({
  event: optional(choice(['push', 'pull-request', 'ping'])),
  repository: optional(text()),
  branch: optional(text()),
  pullRequest: optional(integer()),
});

function readGenericEvent(payload: unknown, repository: string): WebhookHint {
  const said = payload === undefined ? {} : shaped(GENERIC, payload);
  if (said.repository !== undefined) checkRepository(said.repository, repository);
  return {
    event: said.event ?? 'push',
    ...(said.branch === undefined ? {} : { branch: branchOf(`refs/heads/${said.branch}`) }),
    ...(said.pullRequest === undefined ? {} : { pullRequest: numberOf(said.pullRequest) }),
  };
}

/** The body as JSON; undefined where it is empty. */
function payload(contentType: string | undefined, body: Uint8Array): unknown {
  if (body.length === 0) return undefined;
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? '')) throw new Refused('content-type');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new Refused('malformed');
  }
}

function shaped<T>(schema: Schema<T>, payload: unknown): T {
  const checked = checkShape(schema, payload);
  if (!checked.ok) throw new Refused('malformed');
  return checked.value;
}

function required(header: Header, name: string): string {
  const value = header(name);
  if (value === undefined) throw new Refused('missing');
  return value;
}

/** Paths of repositories are equal whatever their case, on every forge. */
function checkRepository(named: string, served: string): void {
  if (named.toLowerCase() !== served.toLowerCase()) throw new Refused('repository');
}

function branchOf(ref: string): string {
  const [, branch] = /^refs\/heads\/(.+)$/s.exec(ref) ?? [];
  // A tag: nothing that certops reads.
  if (branch === undefined) throw new Refused('event');
  if (branch.length > 255 || /\p{Cc}/u.test(branch)) throw new Refused('malformed');
  return branch;
}

function numberOf(number: number): number {
  if (number < 1) throw new Refused('malformed');
  return number;
}
