import { CertopsError } from '../lib/errors.ts';

/** What can be listed and described. */
export type Resource = 'certificates' | 'issuers' | 'clusterissuers' | 'requests';

/** kubectl's names, singular, plural and short. */
const NAMES: Readonly<Record<Resource, readonly string[]>> = {
  certificates: ['certificates', 'certificate', 'certs', 'cert'],
  issuers: ['issuers', 'issuer', 'iss'],
  clusterissuers: ['clusterissuers', 'clusterissuer', 'ciss'],
  requests: ['requests', 'request', 'certificaterequests', 'certificaterequest', 'crs', 'cr'],
};

/** Throws `cli.usage` for a name that is none. */
export function parseResource(name: string): Resource {
  const wanted = name.toLowerCase().replace(/\.cert-manager\.io$/, '');
  for (const [resource, names] of Object.entries(NAMES)) {
    // The keys of NAMES are the resources.
    if (names.includes(wanted)) return resource as Resource;
  }
  throw new CertopsError(
    'cli.usage',
    { what: `"${name}" is nothing that can be shown`, next: `There are ${Object.keys(NAMES).join(', ')}` },
    { retry: { when: 'never' } },
  );
}
