/** The body of an answer, or undefined where it is longer than `maxBytes`; the rest is not read then. */
export async function readBounded(
  answer: Response,
  maxBytes: number,
): Promise<Buffer<ArrayBuffer> | undefined> {
  if (answer.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
}
