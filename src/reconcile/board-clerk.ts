import { findCondition, isTrue } from '../api/condition.ts';
import { formatIssuerRef } from '../api/names.ts';
import { gitBlobId } from '../lib/git-blob-id.ts';
import { type BoardEntry, renderBoard } from '../status/board.ts';
import type { CertificateStatus } from '../status/certificate-status.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import { describeHeld } from '../status/recipients-status.ts';
import type { ChangeSet, Precondition, RepositoryReader } from './ports.ts';
import type { World } from './world.ts';

/** Keeps the board that a forge shows true to the statuses. */
export class BoardClerk {
  readonly #world: World;
  readonly #reader: RepositoryReader;
  readonly #examined: Precondition;
  #seen: string | undefined;

  constructor(world: World, reader: RepositoryReader, examined: Precondition) {
    this.#world = world;
    this.#reader = reader;
    this.#examined = examined;
  }

  /** The commit that brings the board up to date; undefined when it is, or when there is nothing to show. */
  async update(): Promise<ChangeSet | undefined> {
    const { commit, recorded, paths, settings } = this.#world;
    if (this.#seen === commit) return undefined;
    this.#seen = commit;
    const entries = [...recorded.certificates()].map(([, { status }]) => entryOf(status));
    const current = await this.#reader.readPath(commit, paths.board());
    if (entries.length === 0 && current === null) return undefined;
    const waiting = (recorded.recipients?.status.held ?? []).map(describeHeld);
    const content = renderBoard(entries, waiting);
    if (current?.oid === gitBlobId(content)) return undefined;
    return {
      label: 'other',
      message: renderCommitMessage({
        subject: 'Update the board',
        body: '',
        suffix: settings.commit.trailer,
        trailers: { 'Certops-Source': commit },
      }),
      files: [{ path: paths.board(), content }],
      preconditions: [this.#examined],
    };
  }
}

function entryOf(status: CertificateStatus): BoardEntry {
  const { conditions, issued } = status;
  const isReady = isTrue(conditions, 'Ready');
  const issuing = findCondition(conditions, 'Issuing');
  const failed = issuing?.status === 'False' ? issuing : undefined;
  const unready = isReady ? undefined : findCondition(conditions, 'Ready');
  return {
    name: status.name,
    isReady,
    trouble: (failed ?? unready)?.reason ?? '',
    notAfter: issued?.notAfter,
    renewalTime: issued?.renewalTime,
    issuer: issued === undefined ? '' : formatIssuerRef(issued.issuerRef),
    dnsNames: issued?.dnsNames ?? [],
  };
}
