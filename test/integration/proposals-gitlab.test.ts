import { startGitlabSimulator } from '../support/forges/gitlab-simulator.ts';
import { describeProposals } from './proposal-suite.ts';

describeProposals('GitLab (simulated)', () => startGitlabSimulator());
