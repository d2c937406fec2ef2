/** One quantity, measured several times. */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly samples: readonly number[];
}

/** A goal of the design and how far it was reached; met when `measured` is at most (or at least) `limit`. */
export interface Goal {
  readonly text: string;
  readonly unit: string;
  readonly measured: number;
  readonly limit: number;
  readonly direction: 'at most' | 'at least';
}

/** What one bench found. A bench that could not show its results to be correct throws instead. */
export interface BenchReport {
  readonly id: string;
  readonly title: string;
  readonly measures: readonly Measure[];
  readonly goals: readonly Goal[];
  /** What a reader must know: sizes that differ, what is counted in and what is not. */
  readonly notes: readonly string[];
}

export function isMet({ measured, limit, direction }: Goal): boolean {
  return direction === 'at most' ? measured <= limit : measured >= limit;
}

/** The middle value; of an even number the mean of the two in the middle. NaN for none. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The median of `ours[i] / theirs[i]`: both of a pair ran one after the other, so they shared the weather. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, index) => value / (theirs[index] ?? Number.NaN)));
}

/** The report as a table for people. */
export function renderReport({ id, title, measures, goals, notes }: BenchReport): string {
  const rows = measures.map(({ name, unit, samples }) => [
    name,
    `${round(median(samples))} ${unit}`,
    samples.length < 2 ? '' : `${round(Math.min(...samples))} to ${round(Math.max(...samples))}`,
  ]);
  const verdicts = goals.map((goal) => [
    goal.text,
    `${round(goal.measured)} ${goal.unit}`.trim(),
    `${goal.direction} ${round(goal.limit)}`,
    isMet(goal) ? 'met' : 'MISSED',
  ]);
  return [
    `${id}  ${title}`,
    '',
    ...table([['measured', 'median', 'spread'], ...rows]),
    '',
    ...table([['goal', 'measured', 'limit', ''], ...verdicts]),
    ...notes.map((note) => `  * ${note}`),
    '',
  ].join('\n');
}

/** The report as data: every sample, the medians, and whether each goal is met. */
export function reportFigures(report: BenchReport): unknown {
  return {
    ...report,
    measures: report.measures.map((measure) => ({ ...measure, median: median(measure.samples) })),
    goals: report.goals.map((goal) => ({ ...goal, isMet: isMet(goal) })),
  };
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}

/** Three significant digits and no more zeros than that. */
function round(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
