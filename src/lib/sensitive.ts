import { inspect } from 'node:util';

const PLACEHOLDER = '[sensitive]';

/**
 * A value that must never be seen: key material, tokens, identities.
 *
 * It cannot be printed, logged, interpolated, serialised or enumerated; whoever needs the plain value
 * says so with `reveal`, at the place of use, and keeps it no longer than the call.
 */
export class Sensitive<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  /** A sensitive value made from this one, without revealing either. */
  map<U>(transform: (value: T) => U): Sensitive<U> {
    return new Sensitive(transform(this.#value));
  }

  toString(): string {
    return PLACEHOLDER;
  }

  toJSON(): string {
    return PLACEHOLDER;
  }

  [Symbol.toPrimitive](): string {
    return PLACEHOLDER;
  }

  [inspect.custom](): string {
    return PLACEHOLDER;
  }
}
