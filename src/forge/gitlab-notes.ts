import { readAnswer } from './answer-shape.ts';
import { asKept, NOTE, USER } from './gitlab-answers.ts';
import { type GitlabClient, readPages } from './gitlab-client.ts';
import { forbidQuickActions } from './quick-actions.ts';

/** Our comment is among the oldest; a merge request with more of them than 5,000 gets a second one. */
const MAX_PAGES = 50;

/** Comments (GitLab: notes) on the merge requests of one project: those of the user whose token this is, no others. */
export class GitlabNotes {
  readonly #project: string;
  #ownId: number | undefined;

  constructor(project: string) {
    this.#project = project;
  }

  /** One comment that holds `marker`, written anew where it differs. Somebody else's marker is not believed. */
  async ensure(client: GitlabClient, number: number, marker: string, body: string): Promise<void> {
    forbidQuickActions(body);
    const notes = await this.#own(client, number, { sort: 'asc', maxPages: MAX_PAGES });
    const ours = notes.find((note) => note.body.includes(marker));
    if (ours === undefined) {
      await client.notes.create(this.#project, number, body);
    } else if (asKept(ours.body) !== asKept(body)) {
      await client.notes.edit(this.#project, number, ours.id, { body });
    }
  }

  /** One comment that says just this, among the newest hundred. */
  async ensureSaid(client: GitlabClient, number: number, body: string): Promise<void> {
    forbidQuickActions(body);
    const newest = await this.#own(client, number, { sort: 'desc', maxPages: 1 });
    if (newest.some((note) => asKept(note.body) === asKept(body))) return;
    await client.notes.create(this.#project, number, body);
  }

  async #own(
    client: GitlabClient,
    number: number,
    { sort, maxPages }: { readonly sort: 'asc' | 'desc'; readonly maxPages: number },
  ): Promise<readonly { readonly id: number; readonly body: string }[]> {
    // A token of a project or a group has a user of its own (a bot), which `GET user` gives as well.
    this.#ownId ??= readAnswer(USER, await client.users.showCurrentUser(), 'GET user').id;
    const notes = await readPages(NOTE, 'GET notes', maxPages, (paging) =>
      client.notes.all(this.#project, number, { orderBy: 'created_at', sort, ...paging }),
    );
    return notes.filter(({ system, author }) => !system && author.id === this.#ownId);
  }
}
