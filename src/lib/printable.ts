/** One line: control, format and bidirectional characters become spaces. */
export function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** Several lines: control, format and bidirectional characters become spaces, indentation stays as it is. */
export function printableText(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) =>
      line
        .replace(/\t/g, '  ')
        .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
        .trimEnd(),
    )
    .join('\n');
}
