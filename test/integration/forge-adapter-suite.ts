import { describe } from 'node:test';
import type { ForgeUnderTest } from '../support/forges/forge-under-test.ts';
import { describeClosing } from './forge-suite/closing.ts';
import { describeListing } from './forge-suite/listing.ts';
import { describeOpening } from './forge-suite/opening.ts';
import { describeReviews } from './forge-suite/reviews.ts';
import { describeTrouble } from './forge-suite/trouble.ts';

/**
 * What every forge with an API has to do, whichever it is. `start` gives a new forge with a repository of its own; the
 * suite closes it.
 */
export function describeForge(name: string, start: () => Promise<ForgeUnderTest>): void {
  describe(`${name}: proposals are opened and kept up to date`, () => describeOpening(start));
  describe(`${name}: proposals are closed`, () => describeClosing(start));
  describe(`${name}: pull requests are found`, () => describeListing(start));
  describe(`${name}: changes are reviewed`, () => describeReviews(start));
  describe(`${name}: the forge is in trouble`, () => describeTrouble(start));
}
