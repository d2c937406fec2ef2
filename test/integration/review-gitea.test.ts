import { startGiteaSimulator } from '../support/forges/gitea-simulator.ts';
import { describeReviews } from './review-suite.ts';

describeReviews('Gitea (simulated)', () => startGiteaSimulator('gitea'));
