import type { Cause, CauseCode } from '../diagnosis/cause.ts';
import { isNeverIssued, resume, retry, retryOnceCorrected, suspend } from './annotations.ts';
import { confirmPlan } from './confirm-plan.ts';
import { correctField, leaveOutFaults } from './correct-manifest.ts';
import { dropNames } from './drop-names.ts';
import { fallbackIssuer } from './fallback-issuer.ts';
import { nameSolver } from './name-solver.ts';
import { putBackSecrets } from './put-back-secret.ts';
import type { Remedy, RemedyInput } from './remedy.ts';
import { renameSecret } from './rename-secret.ts';
import { repairSopsRule } from './sops-rule.ts';
import { takeBack } from './take-back.ts';

/**
 * The smallest edit of the repository that helps against a cause: the first that can be made, of those that suit it.
 * Undefined where none can be made; never one without a difference. Every file is read again after the edit, so what
 * is proposed is valid and means exactly what its promise says. Never throws for what the files hold.
 */
export function remedyFor(input: RemedyInput): Remedy | undefined {
  for (const attempt of attemptsFor(input)) {
    const remedy = attempt(input);
    if (remedy !== undefined) return remedy;
  }
  return undefined;
}

type Attempt = (input: RemedyInput) => Remedy | undefined;

const SPECIFIC: Readonly<Partial<Record<CauseCode, readonly Attempt[]>>> = {
  'manifest-invalid': [correctField, takeBack, leaveOutFaults, retryOnceCorrected],
  'not-allowed-here': [retryOnceCorrected],
  'not-served': [takeBack, fallbackIssuer, retryOnceCorrected],
  'no-solver': [nameSolver, dropNames],
  'no-challenge': [nameSolver, dropNames],
  'identifier-rejected': [dropNames],
  'secret-claimed': [renameSecret],
  'secret-not-owned': [renameSecret],
  'no-recipient': [repairSopsRule],
  'sealing-rules-broken': [repairSopsRule],
  'credential-missing': [putBackSecrets],
  'suspended-too-long': [resume],
  'plan-held': [confirmPlan],
};

/** What nothing but another request can heal; suspended only where nothing depends on it yet. */
const FOR_GOOD: readonly CauseCode[] = ['denied', 'unapproved', 'identifier-rejected', 'request-refused'];

const NOT_ACCEPTED: readonly CauseCode[] = ['manifest-invalid', 'not-allowed-here', 'not-served'];

function attemptsFor({ cause, patients }: RemedyInput): readonly Attempt[] {
  // A manifest that is not accepted is not acted on, whatever its annotations say.
  if (NOT_ACCEPTED.includes(cause.code)) return SPECIFIC[cause.code] ?? [];
  const [first] = patients;
  const isStillborn = FOR_GOOD.includes(cause.code) && first !== undefined && isNeverIssued(first);
  return [
    ...(SPECIFIC[cause.code] ?? []),
    fallbackIssuer,
    ...(isNamesFault(cause) ? [dropNames] : []),
    ...(isStillborn ? [suspend] : []),
    retry,
  ];
}

/** The world outside refuses single names, or the CA has had enough of them. */
function isNamesFault({ class: kind, code }: Cause): boolean {
  return kind === 'environment' || code === 'paused';
}
