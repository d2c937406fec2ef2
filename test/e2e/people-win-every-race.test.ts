import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPlainYaml } from '../../src/lib/yaml-write.ts';
import { assertLinear, assertNothingInClear, assertOwnPathsOnly } from '../support/promises.ts';
import { certificate, privateCa, startScenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

const PUSHES = process.env.SLOW === '1' ? 200 : 50;

test(`a person pushes ${PUSHES} times while the daemon works, and nothing of either is lost`, async (context) => {
  const scenario = await startScenario('races', context, { alwaysValid: true });
  context.after(() => scenario.stop());
  const { person } = scenario;
  const pushed = [await scenario.push({ 'pki.yaml': privateCa() })];
  const daemon = scenario.startDaemon({ args: ['--interval', '200ms', '--log-level', 'debug'] });
  context.after(() => void daemon.kill('SIGKILL'));
  const names = new Map<string, readonly string[]>();

  for (let index = 0; index < PUSHES; index += 1) {
    const what = whatPeopleDo(index, names);
    await person.commit({ message: `Person ${index}`, files: what });
    await person.pushPatiently();
    // Its id on the branch: rebasing on top of the daemon's commits may have given it another one.
    pushed.push((await person.log('-1', `--grep=^Person ${index}$`, '--format=%H')).trim());
  }
  await daemon.kill('SIGTERM');
  const last = await scenario.runOnce();

  assert.equal(last.code, 0, last.stdout + last.stderr);
  assert.deepEqual(await daemon.exited, { code: 0, signal: null }, daemon.stderr());
  assert.match(daemon.stderr(), /the push lost a race and is built again/, 'there were races');
  await assertLinear(scenario, pushed);
  const subjects = await scenario.subjects();
  const ofPeople = subjects.filter((subject) => subject.startsWith('Person '));
  assert.deepEqual(
    ofPeople,
    Array.from({ length: PUSHES }, (_, index) => `Person ${index}`),
    'each once, in their order',
  );
  const made = await assertOwnPathsOnly(scenario);
  assert.equal((await scenario.verifyCommits()) - 1, made);
  assert.ok(made > names.size, 'the daemon worked meanwhile');
  for (const [name, dnsNames] of names) {
    const [status] = readPlainYaml((await scenario.show(`status/pki/certificates/${name}.yaml`)) ?? '');
    const { conditions, certops } = (status as StatusDocument).status;
    assert.equal(conditions.find(({ type }) => type === 'Ready')?.status, 'True', name);
    assert.deepEqual(certops.dnsNames, dnsNames, `${name} has the names of its newest manifest`);
  }
  assert.equal((await scenario.list('secrets')).length, names.size + 1);
  const [name = '', dnsNames = []] = [...names].at(-1) ?? [];
  await checkTlsSecret(scenario, {
    path: `secrets/pki/${name}-tls.yaml`,
    names: dnsNames,
    key: 'EC PRIVATE KEY',
  });
  await assertNothingInClear(scenario, [last, { stdout: daemon.stdout(), stderr: daemon.stderr() }]);
});

/** In turn: a new Certificate, another name for it, a word in the README. `names` is told what is asked for. */
function whatPeopleDo(index: number, names: Map<string, readonly string[]>): Record<string, string> {
  const name = `leaf-${Math.floor(index / 3)}`;
  if (index % 3 === 2) return { 'README.md': `Certificates of ours, edition ${index}\n` };
  const dnsNames = index % 3 === 0 ? [`${name}.internal`] : [`${name}.internal`, `also-${name}.internal`];
  names.set(name, dnsNames);
  const issuer = Math.floor(index / 3) % 2 === 0 ? 'Issuer/ours' : 'ClusterIssuer/selfsigned';
  return { [`leaves/${name}.yaml`]: certificate({ name, namespace: 'pki', dnsNames, issuer }) };
}

interface StatusDocument {
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
    readonly certops: { readonly dnsNames: readonly string[] };
  };
}
