import { AnswerTooLong } from './errors.ts';

/** Which part of a list is asked for. */
export interface PageRequest {
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

/** A page of a list, as a forge answered. */
export interface PageAnswer<T> {
  readonly items: readonly T[];
  /** Whether the forge names a page after this one. */
  readonly hasNext: boolean;
}

export interface PagesOptions {
  /** Entries of a page as long as its answer is not too long. */
  readonly perPage: number;
  /** Pages of that length that are read at most. What lies behind is not seen. */
  readonly maxPages: number;
  /** The server may be configured to give shorter pages than it is asked for (Gitea, Forgejo). */
  readonly mayBeCut?: boolean | undefined;
}

/** What is asked for where a page is too long: an entry may be as long as a stranger wrote it. */
const SHORTER: readonly number[] = [10, 1];

/**
 * A list page by page, in the forge's order, until the forge names no next one. Strangers write long texts: where a
 * page's answer is longer than an answer may be (`AnswerTooLong`), the same entries are read in shorter pages, and one
 * that is too long by itself is left out. After that the pages are long again. Entries may come twice.
 *
 * Throws what `ask` throws, and `AnswerTooLong` where every answer is so, whatever is asked for.
 */
export async function* readInPages<T>(
  ask: (request: PageRequest) => Promise<PageAnswer<T>>,
  { perPage, maxPages, mayBeCut = false }: PagesOptions,
): AsyncGenerator<readonly T[]> {
  let sizes = [perPage, ...SHORTER.filter((size) => size < perPage)];
  /** Pages up to this length are not cut. */
  let uncut = mayBeCut ? 1 : perPage;
  let position = 0;
  let tooLong = Number.POSITIVE_INFINITY;
  let hasAnswered = false;
  while (position < maxPages * (sizes[0] ?? 1)) {
    const size = sizes.find((one) => one < tooLong && position % one === 0) ?? 1;
    const answer = await fitting(ask, { page: position / size + 1, perPage: size });
    if (answer === undefined && size > 1) {
      tooLong = size;
      continue;
    }
    // Behind the end there is nothing: what is too long there as well is no list.
    if (answer === undefined && !hasAnswered) await ask({ page: maxPages * perPage + 1, perPage: 1 });
    hasAnswered = true;
    tooLong = Number.POSITIVE_INFINITY;
    if (answer === undefined) {
      position += 1;
      continue;
    }
    const { items, hasNext } = answer;
    const isCut = hasNext && items.length > 0 && items.length < size && size > uncut;
    if (isCut) sizes = [items.length, ...SHORTER.filter((one) => one < items.length)];
    // Cut pages lie elsewhere than long ones, but for the first.
    if (isCut && position > 0) continue;
    yield items;
    if (!hasNext || items.length === 0) return;
    uncut = Math.max(uncut, items.length);
    position += isCut ? items.length : size;
  }
}

/** Undefined where the answer is too long. */
async function fitting<T>(
  ask: (request: PageRequest) => Promise<PageAnswer<T>>,
  request: PageRequest,
): Promise<PageAnswer<T> | undefined> {
  try {
    return await ask(request);
  } catch (thrown) {
    if (thrown instanceof AnswerTooLong) return undefined;
    throw thrown;
  }
}
