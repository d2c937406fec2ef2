import type { ErrorRule } from './error-rules.ts';

const ORDER_WAITS = { code: 'ca-unavailable', scope: 'certificate' } as const;
const BAD_MANIFEST = { code: 'manifest-invalid', scope: 'certificate' } as const;
const KEY_REFUSED = { code: 'dns-credential-refused', scope: 'solver' } as const;
const SERVER_AWAY = { code: 'dns-server-unreachable', scope: 'solver' } as const;
const NAME_TROUBLE = { code: 'dns-trouble', scope: 'certificate' } as const;

/** What an error of whoever presents challenges means. */
export const SOLVER_RULES: Readonly<Record<string, ErrorRule>> = {
  'solvers.bad-token': { ...ORDER_WAITS, title: 'the CA gives a challenge that cannot be answered' },
  'solvers.cannot-listen': { code: 'presenter-unavailable', scope: 'solver' },
  'solvers.webroot-unusable': { code: 'presenter-unavailable', scope: 'solver' },
  'solvers.too-many-tokens': {
    code: 'presenter-unavailable',
    scope: 'solver',
    isHealing: true,
    title: 'as many challenges are shown as can be',
    why: 'Others have to come to an end first.',
    next: 'It is tried again by itself.',
  },
  'solvers.token-conflict': { code: 'presenter-unavailable', scope: 'certificate' },
  'solvers.dns-bad-answer': SERVER_AWAY,
  'solvers.dns-bad-name': {
    ...BAD_MANIFEST,
    title: 'a name is none that DNS can hold',
    why: 'Labels have 1 to 63 bytes and a whole name at most 255, _acme-challenge included.',
    next: 'Correct the name.',
  },
  'solvers.dns-bad-nameserver': {
    code: 'issuer-misconfigured',
    scope: 'solver',
    title: 'a name server of the solver is written wrongly',
    why: 'It is neither host:port nor the URL of a DNS-over-HTTPS server.',
    next: "Correct nameserver, or nameservers, of the issuer's solver.",
  },
  'solvers.dns-cname-chain': {
    ...NAME_TROUBLE,
    title: 'CNAMEs of the challenge record lead on for too long',
  },
  'solvers.dns-cname-in-the-way': {
    ...NAME_TROUBLE,
    title: 'a CNAME stands where the TXT record belongs',
    why: 'No other record can stand beside a CNAME, so the server takes none.',
    next: "Set cnameStrategy: Follow in the issuer's solver, or remove the CNAME.",
  },
  'solvers.dns-cname-loop': { ...NAME_TROUBLE, title: 'CNAMEs of the challenge record lead in a circle' },
  'solvers.dns-no-answer': SERVER_AWAY,
  'solvers.dns-not-visible': { code: 'dns-record-missing', scope: 'certificate' },
  'solvers.dns-resolver-failed': {
    code: 'dns-trouble',
    scope: 'solver',
    title: 'no DNS resolver answers',
    why: 'The resolvers that the daemon or the solver asks give no answer.',
    next: 'Check --dns-resolver of the daemon, and nameservers of the solver.',
  },
  'solvers.dns-server-refused': {
    code: 'issuer-misconfigured',
    scope: 'solver',
    title: 'the address of the DNS server may not be reached',
    why: 'Link-local and cloud metadata addresses, and what the operator forbids, are never reached.',
    next: "Correct nameserver in the issuer's solver, or ask the operator to allow its host.",
  },
  'solvers.dns-server-unknown': { ...SERVER_AWAY, title: 'the DNS server has no address' },
  'solvers.dns-update-refused': { code: 'dns-update-refused', scope: 'solver', isZoned: true },
  'solvers.dns-zone-elsewhere': {
    code: 'issuer-misconfigured',
    scope: 'solver',
    isZoned: true,
    title: 'the DNS server does not serve the zone',
    why: 'The server that the solver writes to delegates the zone to others.',
    next: 'Name the primary server of the zone in the solver, or add a solver with dnsZones for it.',
  },
  'solvers.dns-zone-not-found': { ...NAME_TROUBLE, title: 'no zone is found for the name' },
  'solvers.tsig-bad-secret': {
    ...KEY_REFUSED,
    title: 'the TSIG key in the Secret is not base64',
    why: 'As in cert-manager, the value is the base64 text that stands in the key file of the name server.',
    next: 'Seal the key as tsig-keygen prints it.',
  },
  'solvers.tsig-bad-signature': {
    ...KEY_REFUSED,
    why: 'The secret is not the one that the server has under the name of the key.',
  },
  'solvers.tsig-refused': KEY_REFUSED,
  'solvers.tsig-unknown-key': {
    ...KEY_REFUSED,
    why: 'The server has no key of this name and algorithm: it was removed or replaced there, or is written wrongly here.',
    next: 'Correct tsigKeyName, tsigAlgorithm or the Secret of the solver, or add the key to the server.',
  },
  'solvers.tsig-unverified': {
    ...KEY_REFUSED,
    title: "the DNS server's answers are not signed as they should be",
    why: 'They are signed with another key, wrongly, or not at all, so they are not believed.',
  },
  'solvers.tsig-wrong-time': {
    ...KEY_REFUSED,
    title: "the DNS server's clock and ours differ too much for TSIG",
    why: 'TSIG allows 300 seconds.',
    next: 'Set the clocks of both machines right.',
  },
};
