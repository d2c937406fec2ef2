import { list } from '../lib/schema.ts';
import { ForgeError, hasStatus } from './errors.ts';
import type { GiteaClient } from './gitea-client.ts';
import { COMMENT, DONE, ME, sameText } from './gitea-shapes.ts';

/** Comments of ours, told from those of others by their author. */
export class GiteaComments {
  readonly #client: GiteaClient;
  #login: string | undefined;

  constructor(client: GiteaClient) {
    this.#client = client;
  }

  /** Makes sure that our comment which `isIt` says `body`; where there is none it is written. */
  async ensure(
    number: number,
    isIt: (text: string) => boolean,
    body: string,
    signal: AbortSignal,
  ): Promise<void> {
    const login = await this.#whoAmI(signal);
    // The one list that comes without pages.
    const comments = await this.#client.call(
      'GET comments',
      list(COMMENT),
      (api, owner, name, params) => api.repos.issueGetComments(owner, name, number, {}, params),
      signal,
    );
    const ours = comments.find((comment) => comment.user?.login === login && isIt(comment.body));
    if (ours === undefined) {
      await this.#client.call(
        'POST comment',
        DONE,
        (api, owner, name, params) => api.repos.issueCreateComment(owner, name, number, { body }, params),
        signal,
      );
    } else if (!sameText(ours.body, body)) {
      await this.#client.call(
        'PATCH comment',
        DONE,
        (api, owner, name, params) => api.repos.issueEditComment(owner, name, ours.id, { body }, params),
        signal,
      );
    }
  }

  async #whoAmI(signal: AbortSignal): Promise<string> {
    if (this.#login !== undefined) return this.#login;
    try {
      const { login } = await this.#client.call(
        'GET user',
        ME,
        (api, _owner, _name, params) => api.user.userGetCurrent(params),
        signal,
      );
      this.#login = login;
      return login;
    } catch (thrown) {
      if (!hasStatus(thrown, 403) || thrown.code !== 'forge.unauthorized') throw thrown;
      throw new ForgeError(
        'forge.unauthorized',
        {
          what: 'The token of the forge may not say whose it is',
          why: 'Without that, comments of certops cannot be told from those of others',
          next: 'Give it the scope read:user besides write:repository and write:issue',
        },
        { status: 403, cause: thrown },
      );
    }
  }
}
