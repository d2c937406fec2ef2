import type { Cause } from '../diagnosis/cause.ts';

/** A cause that stands before an object without any attempt having failed for it. */
export interface StandingTrouble {
  readonly cause: Cause;
  readonly since: Date;
}

/**
 * What stands in the way of each object by the last look at it: manifests, policies, claims, an issuer that is not
 * there. Nothing of it needs to survive a restart: every object is looked at then.
 */
export class Troubles {
  readonly #standing = new Map<string, StandingTrouble>();
  #version = 0;

  /** Changes with each change of what stands. */
  get version(): number {
    return this.#version;
  }

  /** `since`: when it was first told, as far as the record says. */
  note(key: string, cause: Cause, since: Date): void {
    const known = this.#standing.get(key);
    if (known?.cause.key === cause.key) return;
    this.#standing.set(key, { cause, since });
    this.#version += 1;
  }

  clear(key: string): void {
    if (this.#standing.delete(key)) this.#version += 1;
  }

  get(key: string): StandingTrouble | undefined {
    return this.#standing.get(key);
  }

  entries(): IterableIterator<[string, StandingTrouble]> {
    return this.#standing.entries();
  }
}
