interface Entry {
  users: number;
  /** The last addition or removal; the next one waits for it. */
  turn: Promise<unknown>;
}

/**
 * Which records or files are there because somebody needs them. Two orders may show the same value at one name (a
 * CA may hand out an authorization twice), so a value goes when the last user is done, and adding and removing
 * it never overtake one another.
 */
export class SharedRecords {
  readonly #entries = new Map<string, Entry>();

  /**
   * Adds the record, also where somebody else has: `add` changes nothing then, unless a server lost it since.
   * Rejects as `add` does, and then counts nothing.
   */
  acquire(key: string, add: () => Promise<void>): Promise<void> {
    return this.#inTurn(key, async (entry) => {
      await add();
      entry.users += 1;
    });
  }

  /** Removes the record when nobody else uses it. Rejects as `remove` does. */
  release(key: string, remove: () => Promise<void>): Promise<void> {
    return this.#inTurn(key, async (entry) => {
      entry.users -= 1;
      if (entry.users === 0) await remove();
    });
  }

  /** Removes a record that nobody here has added. */
  sweep(key: string, remove: () => Promise<void>): Promise<void> {
    return this.#inTurn(key, async (entry) => {
      if (entry.users === 0) await remove();
    });
  }

  async #inTurn(key: string, task: (entry: Entry) => Promise<void>): Promise<void> {
    const entry = this.#entries.get(key) ?? { users: 0, turn: Promise.resolve() };
    this.#entries.set(key, entry);
    const result = entry.turn.then(() => task(entry));
    const turn = result.catch(() => {});
    entry.turn = turn;
    try {
      await result;
    } finally {
      if (entry.users === 0 && entry.turn === turn) this.#entries.delete(key);
    }
  }
}
