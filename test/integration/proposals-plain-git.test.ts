import { startPlainGit } from '../support/forges/plain-git.ts';
import { describeProposals } from './proposal-suite.ts';

describeProposals('a plain Git server', startPlainGit);
