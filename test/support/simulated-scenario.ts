import { formatInstant } from '../../src/lib/clock.ts';
import { Authority } from './acme-simulator/authority.ts';
import {
  type AcmeSimulator,
  type AcmeSimulatorOptions,
  startAcmeSimulator,
} from './acme-simulator/simulator.ts';
import { freePort, type LocalCa, type RunOptions, type Scenario, startScenario } from './scenario.ts';
import type { AfterHook } from './scratch.ts';

/** A scenario whose CAs are simulators: as many as a test wants, each under its own ClusterIssuer. */
export interface SimulatedScenario extends Scenario {
  /** Starts one that validates at the scenario's HTTP-01 port and ends with the test. */
  startCa(options?: AcmeSimulatorOptions): Promise<AcmeSimulator>;
}

/** Makes the world, without any CA yet. `remote`: a bare repository to use, as `startScenario` has it. */
export async function startSimulated(
  name: string,
  context: AfterHook,
  remote?: string,
): Promise<SimulatedScenario> {
  const httpPort = await freePort();
  const absent = (): never => {
    throw new Error('this scenario has no Pebble');
  };
  const noPebble: LocalCa = {
    // Whoever asks them for anything gets the sentence above.
    pebble: new Proxy({} as LocalCa['pebble'], { get: absent }),
    dns: new Proxy({} as LocalCa['dns'], { get: absent }),
    httpPort,
    stop: async () => {},
  };
  const scenario = await startScenario(name, context, {
    ca: noPebble,
    ...(remote === undefined ? {} : { remote }),
  });
  const authority = await Authority.create();
  return {
    ...scenario,
    startCa: async (options = {}) => {
      const ca = await startAcmeSimulator({ authority, validation: { httpPort }, ...options });
      context.after(() => void ca.close());
      return ca;
    },
  };
}

/** The ClusterIssuer for a simulator. `spec`: more lines of `spec.acme`, four spaces in. */
export function simulatedIssuer(ca: AcmeSimulator, name: string, spec = ''): string {
  return `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: ${name}
spec:
  acme:
    server: ${ca.directoryUrl}
    email: ops@example.com
    caBundle: ${Buffer.from(ca.caPem).toString('base64')}
    privateKeySecretRef:
      name: ${name}-account
${spec}    solvers:
      - http01:
          ingress:
            class: nginx
`;
}

/** A run on a machine that has seen nothing yet, whose clock stands at an instant. */
export function onNewMachine(data: string, at?: Date): RunOptions {
  return at === undefined
    ? { data }
    : { data, env: { CERTOPS_TESTING: '1', CERTOPS_CLOCK: formatInstant(at) } };
}
