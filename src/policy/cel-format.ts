/**
 * `format` of CEL's strings extension, for what policies write: `%s` of strings, numbers and bools, `%d` of whole
 * numbers, and `%%`. Throws for any other verb, a missing argument and one of another kind: an expression that cannot
 * be evaluated allows nothing.
 */
export function formatString(template: string, values: readonly unknown[]): string {
  let next = 0;
  const text = template.replace(/%(.?)/gs, (_, verb: string) => {
    if (verb === '%') return '%';
    if (next >= values.length) throw new RangeError(`format: no argument for %${verb}`);
    return formatValue(verb, values[next++]);
  });
  return text;
}

function formatValue(verb: string, value: unknown): string {
  if (verb === 's' && ['string', 'bigint', 'number', 'boolean'].includes(typeof value)) return String(value);
  if (verb === 'd' && typeof value === 'bigint') return String(value);
  throw new TypeError(`format: %${verb} is not served for this value`);
}
