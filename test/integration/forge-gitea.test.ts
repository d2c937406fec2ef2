import { startGiteaSimulator } from '../support/forges/gitea-simulator.ts';
import { describeForge } from './forge-adapter-suite.ts';

describeForge('Gitea', () => startGiteaSimulator('gitea'));
describeForge('Forgejo', () => startGiteaSimulator('forgejo', ''));
