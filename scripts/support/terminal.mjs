/** Calm terminal output of the scripts: colours on a terminal only. */
const isColourful = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

function paint(code) {
  return (text) => (isColourful ? `\u001b[${code}m${text}\u001b[0m` : text);
}

export const bold = paint('1');
export const dim = paint('2');
export const red = paint('31');
export const green = paint('32');
export const yellow = paint('33');
export const cyan = paint('36');

/** `0.4 s`, `12.0 s`, `3 min 5 s`. */
export function describeDuration(ms) {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Every line of `text` moved to the right. */
export function indent(text, by = '   ') {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `${by}${line}`))
    .join('\n');
}
