import { readFileSync, writeFileSync } from 'node:fs';

/**
 * What the programs that issue alone have in common: they read what to do from the JSON file that the command
 * line names, and write what came of it to another.
 *
 * Task: `{ directoryUrl, caFile, dnsNames, concurrency, outFile }`. Result: `{ issuingMs, issuingCpuMs, issued }`;
 * times are of the phase between `issuing()` and its end, without start-up and account.
 */
export function readTask() {
  return JSON.parse(readFileSync(process.argv[2], 'utf8'));
}

/**
 * Runs `issue(dnsName)` for every name, `concurrency` at once, measures it, and writes the result.
 * `issue` resolves with `{ dnsName, chainPem, keyPem }`; the first failure rejects.
 */
export async function issueAll({ dnsNames, concurrency, outFile }, issue, finish = () => ({})) {
  const startedAtMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const issued = [];
  const queue = dnsNames.values();
  const worker = async () => {
    for (const dnsName of queue) issued.push(await issue(dnsName));
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const { user, system } = process.cpuUsage(cpuBefore);
  const issuingMs = performance.now() - startedAtMs;
  writeFileSync(
    outFile,
    JSON.stringify({ issuingMs, issuingCpuMs: (user + system) / 1000, issued, ...finish() }),
    { mode: 0o600 },
  );
}
