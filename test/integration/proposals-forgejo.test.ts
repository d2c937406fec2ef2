import { startGiteaSimulator } from '../support/forges/gitea-simulator.ts';
import { describeProposals } from './proposal-suite.ts';

describeProposals('Forgejo (simulated)', () => startGiteaSimulator('forgejo', ''));
