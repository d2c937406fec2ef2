/**
 * The named steps at which the process can be made to die (`CERTOPS_FAULT`), in the order of the flow.
 *
 * `…-built`: commits exist in memory and in the mirror only; `…-pushing`: the push is on its way;
 * `…-pushed`: the remote has them and nothing else has been told.
 */
export const FAULT_STEPS = [
  'account-key-made',
  'account-key-built',
  'account-key-pushing',
  'account-key-pushed',
  'account-registered',
  'account-built',
  'account-pushing',
  'account-pushed',
  'key-made',
  'order-created',
  'start-built',
  'start-pushing',
  'start-pushed',
  'challenge-presented',
  'challenge-accepted',
  'order-ready',
  'order-finalized',
  'certificate-downloaded',
  'issue-built',
  'issue-pushing',
  'issue-pushed',
] as const;

export type FaultStep = (typeof FAULT_STEPS)[number];

/** Told at each named step; the real one kills the process at the step it was made for. */
export interface FaultPoints {
  reach(step: FaultStep): void;
}

export const noFaults: FaultPoints = { reach: () => {} };

export function isFaultStep(text: string): text is FaultStep {
  return (FAULT_STEPS as readonly string[]).includes(text);
}

/** Ends the process with SIGKILL, as a power cut would, the first time `step` is reached. */
export function killAt(step: FaultStep): FaultPoints {
  return {
    reach: (reached) => {
      if (reached === step) process.kill(process.pid, 'SIGKILL');
    },
  };
}
