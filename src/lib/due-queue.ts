interface Entry {
  readonly key: string;
  readonly atMs: number;
}

/** Keys with the time at which each is due: a binary heap, so nothing scans everything on a timer. */
export class DueQueue {
  readonly #heap: Entry[] = [];
  readonly #due = new Map<string, number>();

  /** Sets when `key` is due, instead of what was said before; undefined: never. */
  set(key: string, at: Date | undefined): void {
    if (at === undefined) {
      this.#due.delete(key);
      return;
    }
    const atMs = at.getTime();
    if (this.#due.get(key) === atMs) return;
    this.#due.set(key, atMs);
    this.#push({ key, atMs });
  }

  /** Takes out all that is due at `now`. */
  takeDue(now: Date): readonly string[] {
    const keys: string[] = [];
    for (let top = this.#top(); top !== undefined && top.atMs <= now.getTime(); top = this.#top()) {
      keys.push(top.key);
      this.#due.delete(top.key);
      this.#pop();
    }
    return keys;
  }

  /** When the next key is due; undefined when none is. */
  next(): Date | undefined {
    const top = this.#top();
    return top === undefined ? undefined : new Date(top.atMs);
  }

  /** The first entry that still counts; those that were set anew or taken out are dropped on the way. */
  #top(): Entry | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#due.get(top.key) === top.atMs) return top;
      this.#pop();
    }
    return undefined;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (above.atMs <= entry.atMs) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Entry).atMs < (heap[child] as Entry).atMs)
        child += 1;
      if ((heap[child] as Entry).atMs >= last.atMs) break;
      heap[index] = heap[child] as Entry;
      index = child;
    }
    heap[index] = last;
  }
}
