import { FORK_OWNER, PERSON_LOGIN } from './simulated-repository.ts';

/** The user of a project access token: GitLab makes one for each (docs.gitlab.com, "Project access tokens"). */
export const BOT_LOGIN = 'project_42_bot_4ffca233d8298ea1';

const USERS: readonly { readonly id: number; readonly username: string; readonly name: string }[] = [
  { id: 901, username: BOT_LOGIN, name: 'certops' },
  { id: 11, username: PERSON_LOGIN, name: 'A Person' },
  { id: 12, username: 'bob', name: 'Another Person' },
  { id: 13, username: FORK_OWNER, name: 'A Stranger' },
];

/** `APIEntitiesUserBasic`. */
export type GitlabUser = ReturnType<typeof user>;

/** Throws where there is no such user: a defect of the test. */
export function user(username: string) {
  const found = USERS.find((one) => one.username === username);
  if (found === undefined) throw new Error(`there is no user ${username}`);
  return {
    ...found,
    public_email: null,
    state: 'active',
    locked: false,
    avatar_url: null,
    web_url: `https://gitlab.example.com/${found.username}`,
  };
}

/** Login names are equal whatever their case. */
export function usersNamed(username: string): readonly GitlabUser[] {
  return USERS.filter((one) => one.username.toLowerCase() === username.toLowerCase()).map((one) =>
    user(one.username),
  );
}

export function userWithId(id: number): GitlabUser | undefined {
  const found = USERS.find((one) => one.id === id);
  return found === undefined ? undefined : user(found.username);
}
