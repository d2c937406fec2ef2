import { startGiteaSimulator } from '../support/forges/gitea-simulator.ts';
import { describeProposals } from './proposal-suite.ts';

describeProposals('Gitea (simulated)', () => startGiteaSimulator('gitea'));
