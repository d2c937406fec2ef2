import { startGitlabSimulator } from '../support/forges/gitlab-simulator.ts';
import { describeReviews } from './review-suite.ts';

describeReviews('GitLab (simulated)', () => startGitlabSimulator());
