/** Changes parts of a JSON value by paths (`a.b`, `list.*.c`, `list.0`); `undefined` takes a part away. */
export function editJson(value: object, edits: Readonly<Record<string, unknown>>): object {
  // A copy, so that what the CA keeps is not touched.
  const copy = structuredClone(value);
  for (const [path, replacement] of Object.entries(edits)) setAt(copy, path.split('.'), replacement, path);
  return copy;
}

function setAt(holder: unknown, [key, ...rest]: readonly string[], value: unknown, path: string): void {
  if (typeof holder !== 'object' || holder === null || key === undefined) {
    throw new Error(`there is nothing at ${path} to edit`);
  }
  const keys = key === '*' ? Object.keys(holder) : [key];
  for (const each of keys) {
    if (rest.length > 0) setAt(Reflect.get(holder, each), rest, value, path);
    else if (value === undefined) Reflect.deleteProperty(holder, each);
    else Reflect.set(holder, each, value);
  }
}
