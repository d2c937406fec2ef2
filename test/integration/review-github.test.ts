import { startGithubSimulator } from '../support/forges/github-simulator.ts';
import { describeReviews } from './review-suite.ts';

describeReviews('GitHub (simulated)', () => startGithubSimulator('token'));
