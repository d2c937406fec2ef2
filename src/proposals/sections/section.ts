/** One way to say what a section has to say. */
export interface Variant {
  /** Markdown without an empty line at either end; empty: nothing is said. */
  readonly text: string;
  /** What saying this is worth over the next shorter variant, 0 to 100: the least goes first where room is short. */
  readonly worth: number;
}

/** A part of a pull request's text: the fullest variant first. After the last there is nothing. */
export type Section = readonly Variant[];

/** A section that is either there or not; without lines it is not. */
export function wholeSection(heading: string, lines: readonly string[], worth: number): Section {
  return lines.length === 0 ? [] : [{ text: titled(heading, lines), worth }];
}

/** Markdown of a section. */
export function titled(heading: string, lines: readonly string[]): string {
  return [`### ${heading}`, '', ...lines].join('\n');
}

/**
 * The sections below one another, at most `maxCharacters`, the fullest that fit: what is worth least is shortened first.
 * Every variant is valid Markdown by itself, so the whole is.
 */
export function fitSections(sections: readonly Section[], maxCharacters: number): string {
  const shown = sections.map(() => 0);
  const order = sections
    .flatMap((variants, section) => variants.map(({ worth }, variant) => ({ section, variant, worth })))
    // A shorter variant never goes before a longer one of its section.
    .sort((a, b) => a.worth - b.worth || a.variant - b.variant);
  const join = () =>
    sections
      .map((variants, section) => variants[shown[section] ?? 0]?.text ?? '')
      .filter((text) => text !== '')
      .join('\n\n');
  let text = join();
  for (const { section, variant } of order) {
    if (text.length <= maxCharacters) break;
    if ((shown[section] ?? 0) > variant) continue;
    shown[section] = variant + 1;
    text = join();
  }
  return text.length <= maxCharacters ? text : '';
}
