/** The library that writes requests and certificates. */
export type X509Library = typeof import('@peculiar/x509');

/**
 * Loads the library that writes requests and certificates, on first use: it costs 0.3 s of CPU, and most runs
 * sign nothing. `reflect-metadata` has to stand before it, or it refuses to start.
 */
export async function loadX509(): Promise<X509Library> {
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}
