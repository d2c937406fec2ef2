const DAY_MS = 86_400_000;

/** What Let's Encrypt makes of one profile, from its pages of 2026-07-14 and 2026-08-05. */
export interface CaProfile {
  readonly maxNames: number;
  readonly takesIpAddresses: boolean;
  readonly hasCommonName: boolean;
  /** How long its certificates live, in milliseconds. */
  readonly lifetimeMs: number;
  /** Announced changes of `lifetimeMs`, by the UTC day on which they come. */
  readonly laterLifetimes: readonly { readonly from: string; readonly lifetimeMs: number }[];
}

/** What is known of a CA: its profiles, what it ended, and what it counts. */
export interface CaFacts {
  /** As people write it. */
  readonly name: string;
  /** The profile of an order that names none. */
  readonly defaultProfile: string;
  readonly profiles: Readonly<Record<string, CaProfile>>;
  /** Profiles that there were, with the UTC day of their end. */
  readonly endedProfiles: Readonly<Record<string, string>>;
  /** Issuers of alternate chains that there were, with the UTC day of their end. */
  readonly endedChains: Readonly<Record<string, string>>;
  /** Since when the CA keeps no addresses and mails nobody. */
  readonly mailsNobodySince: string;
  /** Bits of RSA keys, and curves of ECDSA keys, that it signs; it signs no others. */
  readonly keySizes: { readonly RSA: readonly number[]; readonly ECDSA: readonly number[] };
  readonly rates: CaRates;
}

/** What the CA counts; renewals with ARI are exempt from all but the failed validations. */
export interface CaRates {
  /** New certificates for one registered domain in 7 days. */
  readonly perDomainAndWeek: number;
  /** Certificates for exactly the same names in 7 days. */
  readonly perNameSetAndWeek: number;
  /** New orders of one account in 3 hours. */
  readonly perAccountAndThreeHours: number;
  /** Failed validations of one name by one account in an hour. */
  readonly failuresPerNameAndHour: number;
}

const LETS_ENCRYPT: Omit<CaFacts, 'rates'> = {
  name: "Let's Encrypt",
  defaultProfile: 'classic',
  profiles: {
    classic: {
      maxNames: 100,
      takesIpAddresses: false,
      hasCommonName: true,
      lifetimeMs: 90 * DAY_MS,
      laterLifetimes: [
        { from: '2027-02-10', lifetimeMs: 64 * DAY_MS },
        { from: '2028-02-16', lifetimeMs: 45 * DAY_MS },
      ],
    },
    tlsserver: {
      maxNames: 25,
      takesIpAddresses: false,
      hasCommonName: false,
      lifetimeMs: 45 * DAY_MS,
      laterLifetimes: [],
    },
    shortlived: {
      maxNames: 25,
      takesIpAddresses: true,
      hasCommonName: false,
      lifetimeMs: 160 * 3_600_000,
      laterLifetimes: [],
    },
  },
  endedProfiles: { tlsclient: '2026-07-08' },
  endedChains: { 'DST Root CA X3': '2024-09-30' },
  mailsNobodySince: '2025-06-04',
  keySizes: { RSA: [2048, 3072, 4096], ECDSA: [256, 384] },
};

const CAS: Readonly<Record<string, CaFacts>> = {
  'acme-v02.api.letsencrypt.org': {
    ...LETS_ENCRYPT,
    rates: {
      perDomainAndWeek: 50,
      perNameSetAndWeek: 5,
      perAccountAndThreeHours: 300,
      failuresPerNameAndHour: 5,
    },
  },
  'acme-staging-v02.api.letsencrypt.org': {
    ...LETS_ENCRYPT,
    rates: {
      perDomainAndWeek: 30_000,
      perNameSetAndWeek: 30_000,
      perAccountAndThreeHours: 1_500,
      failuresPerNameAndHour: 200,
    },
  },
};

/** What is known of the CA behind a directory URL; undefined for every other one. */
export function caFacts(server: string): CaFacts | undefined {
  const host = URL.canParse(server) ? new URL(server).hostname : '';
  return Object.hasOwn(CAS, host) ? CAS[host] : undefined;
}

/** A profile by name, the CA's default by the empty one; undefined where the CA has none of that name. */
export function caProfile(ca: CaFacts, name: string): CaProfile | undefined {
  const wanted = name === '' ? ca.defaultProfile : name;
  return Object.hasOwn(ca.profiles, wanted) ? ca.profiles[wanted] : undefined;
}

/** What is wrong with the name of a profile; undefined for nothing. */
export function profileFault(ca: CaFacts, name: string): string | undefined {
  if (caProfile(ca, name) !== undefined) return undefined;
  const names = Object.keys(ca.profiles).join(', ');
  const ended = Object.hasOwn(ca.endedProfiles, name) ? ca.endedProfiles[name] : undefined;
  return ended === undefined
    ? `${ca.name} has no profile of this name; it has ${names}`
    : `${ca.name} ended this profile on ${ended}; it has ${names}`;
}
