/** What a CA's profile takes; from Let's Encrypt's pages of July and August 2026. */
export interface CaProfile {
  readonly maxNames: number;
  readonly takesIpAddresses: boolean;
  readonly hasCommonName: boolean;
}

const LETS_ENCRYPT_HOSTS: readonly string[] = [
  'acme-v02.api.letsencrypt.org',
  'acme-staging-v02.api.letsencrypt.org',
];

const LETS_ENCRYPT: Readonly<Record<string, CaProfile>> = {
  classic: { maxNames: 100, takesIpAddresses: false, hasCommonName: true },
  tlsserver: { maxNames: 25, takesIpAddresses: false, hasCommonName: false },
  shortlived: { maxNames: 25, takesIpAddresses: true, hasCommonName: false },
};

/** The limits of a profile of a CA that is known; an empty name is the CA's default. Undefined for every other. */
export function caProfile(server: string, name: string): CaProfile | undefined {
  const host = URL.canParse(server) ? new URL(server).hostname : '';
  if (!LETS_ENCRYPT_HOSTS.includes(host)) return undefined;
  const wanted = name === '' ? 'classic' : name;
  return Object.hasOwn(LETS_ENCRYPT, wanted) ? LETS_ENCRYPT[wanted] : undefined;
}
