/** `1 file`, `2 files`: a count with the noun that goes with it. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
