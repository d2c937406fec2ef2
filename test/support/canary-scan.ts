import { describeFindings, scanForCleartext } from './canary.ts';

/**
 * `canary-scan.ts FOLDER`: what the test command runs over everything that its tests left behind.
 * Exit code 1 with a finding, or when there was nothing to look at.
 */
const [folder = ''] = process.argv.slice(2);

const report = await scanForCleartext({
  roots: [folder],
  gitRepos: [],
  allowed: [
    // The two files in which certops itself is given keys.
    /\/sops\/age\/keys\.txt$/,
    /\/\.config\/certops\/[^/]+$/,
    // The compiler's cache holds the tests themselves, planted keys and all.
    /\/tsx-[^/]*$/,
    /\/node-compile-cache$/,
  ],
});

console.log(`${report.filesScanned} files and ${report.objectsScanned} Git objects scanned`);
if (report.findings.length > 0) {
  console.error(`keys in clear:\n${describeFindings(report)}`);
  process.exitCode = 1;
} else if (report.filesScanned === 0) {
  console.error('there was nothing to scan');
  process.exitCode = 1;
}
