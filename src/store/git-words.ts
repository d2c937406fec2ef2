/** The last line that Git wrote, without progress, for people. Nothing decides by it. */
export function lastLine(stderr: string): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => /^(fatal|error|remote): /.test(line));
  return (lines.at(-1) ?? 'Git gave no reason').slice(0, 300);
}
