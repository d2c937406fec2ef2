import { startGithubSimulator } from '../support/forges/github-simulator.ts';
import { describeProposals } from './proposal-suite.ts';

describeProposals('GitHub (simulated)', () => startGithubSimulator('token'));
