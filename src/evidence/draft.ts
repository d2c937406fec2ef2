import type { Observation } from '../diagnosis/failure.ts';

/** An observation before it is cleaned and told of which name it is. */
export type Draft = Pick<Observation, 'at' | 'asked' | 'found' | 'finding'>;
