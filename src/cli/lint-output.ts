import { styleText } from 'node:util';
import type { Finding } from '../api/lint/finding.ts';
import { ruleDescription } from '../api/lint/rules.ts';
import { printable } from '../lib/printable.ts';
import { packageVersion } from '../lib/version.ts';
import { counted } from './counted.ts';

/** Findings for people: one a line, a blank line between files, a summary at the end. */
export function renderText(findings: readonly Finding[], looked: string, hasColours: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    hasColours ? styleText(style, text, { validateStream: false }) : text;
  const groups: string[] = [];
  for (const ofFile of byFile(findings)) {
    const lines = ofFile.map(({ file, line, column, severity, message, rule }) => {
      const shown = paint(severity === 'error' ? 'red' : 'yellow', severity);
      const place = `${printable(file)}:${line}:${column}`;
      return `${place} ${shown} ${printable(message)} ${paint('dim', `(${rule})`)}`;
    });
    groups.push(lines.join('\n'));
  }
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  const summary = `${counted(errors, 'error')}, ${counted(warnings, 'warning')}; ${looked}`;
  return [...groups, paint(errors > 0 ? 'red' : 'green', summary)].join('\n\n');
}

function byFile(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.file);
    if (group === undefined) groups.set(finding.file, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}

/**
 * Findings as workflow commands of GitHub Actions, which shows them beside the lines of a pull request. What
 * could end a command or begin another is escaped as its toolkit does it.
 */
export function renderGithub(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ severity, file, line, column, rule, message }) => {
    const properties = `file=${property(file)},line=${line},col=${column},title=${property(`certops ${rule}`)}`;
    return `::${severity} ${properties}::${data(message)}`;
  });
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** Findings as a SARIF 2.1.0 log (OASIS), as code scanning of forges takes it. */
export function renderSarif(findings: readonly Finding[]): unknown {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort();
  const indices = new Map(rules.map((rule, index) => [rule, index]));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'certops',
            semanticVersion: packageVersion(),
            rules: rules.map((id) => ({ id, shortDescription: { text: ruleDescription(id) } })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => result(finding, indices.get(finding.rule) ?? -1)),
      },
    ],
  };
}

function result(finding: Finding, ruleIndex: number): unknown {
  const { severity, rule, file, line, column, kind, namespace, name, path, message } = finding;
  const object = [kind, namespace, name].filter((part) => part !== '').join('/');
  const fullyQualifiedName = [object, path].filter((part) => part !== '').join(' ');
  return {
    ruleId: rule,
    ruleIndex,
    level: severity,
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: {
            uri: file.split('/').map(encodeURIComponent).join('/'),
            uriBaseId: '%SRCROOT%',
          },
          region: { startLine: line, startColumn: column },
        },
        ...(fullyQualifiedName === '' ? {} : { logicalLocations: [{ fullyQualifiedName }] }),
      },
    ],
  };
}
