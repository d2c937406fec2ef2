// More digits are no exact numbers here, and in no identifier that anybody was given.
const DOTTED = /^(?<root>[0-2])\.(?<second>\d{1,13})(?:\.(?:0|[1-9]\d{0,12}))*$/;

/** Whether a text is an object identifier in dotted decimal that DER can hold (X.660: 0.0 to 0.39, 1.0 to 1.39, 2.x). */
export function isObjectIdentifier(text: string): boolean {
  const { root, second = '' } = DOTTED.exec(text)?.groups ?? {};
  if (root === undefined || (second.startsWith('0') && second !== '0')) return false;
  return root === '2' || Number(second) < 40;
}
