import type { CauseCode } from './cause.ts';
import type { CauseWords } from './cause-words.ts';

/** Causes in the world outside: DNS, connections, what answers at a name, a DNS server's credential. */
export const ENVIRONMENT_WORDS = {
  'name-not-found': {
    class: 'environment',
    title: 'the name does not exist in DNS',
    why: 'The name servers of its zone say that there is no such domain.',
    next: 'Create its DNS records, or leave the name out.',
    cures: ['Create an A, AAAA or CNAME record for the name.', 'Correct its spelling.'],
  },
  'name-without-address': {
    class: 'environment',
    title: 'the name has no address',
    why: 'The name is in DNS, without an A or AAAA record that a CA could connect to.',
    next: 'Give it an address that leads to where HTTP-01 is presented, or use DNS-01.',
    cures: ['Create an A or AAAA record for the name.', 'Add a solver of type DNS-01 for it.'],
  },
  'connection-failed': {
    class: 'environment',
    title: 'the CA cannot connect to the name',
    why: 'Nobody answers where the name leads: a firewall, a closed port 80, a host that is off, or an address that is out of date.',
    next: 'Open port 80 to the world at the address that the name leads to, and let it reach where HTTP-01 is presented.',
    cures: [
      'Correct the A and AAAA records: a CA tries IPv6 first.',
      'Open the firewall to everybody: CAs look from several places and name none.',
      'Use DNS-01, which needs no connection.',
    ],
  },
  'wrong-answer': {
    class: 'environment',
    title: 'something else answers at the name',
    why: 'Where the name leads, another host, a proxy or an error page answers in place of what certops presents.',
    next: 'Let the name lead to where HTTP-01 is presented, or have the server there pass /.well-known/acme-challenge/ on.',
    cures: [
      'Correct the A and AAAA records of the name; every one of several addresses must answer alike.',
      'Take /.well-known/acme-challenge/ out of redirects, logins and caches.',
      'Use DNS-01, which needs no web server.',
    ],
  },
  'dns-record-missing': {
    class: 'environment',
    title: 'the TXT record is not to be seen',
    why: 'The name servers of the zone do not show the record that certops wrote: it went to another server or view, or has not spread.',
    next: "Let every name server of the zone serve the world what the solver's server is given.",
    cures: [
      'Check that the solver writes to the primary server of the zone, and that its secondaries follow.',
      'Where the record is a CNAME, set cnameStrategy: Follow.',
    ],
  },
  'dns-servers-disagree': {
    class: 'environment',
    title: 'the name servers of the zone disagree',
    why: 'Some of them show the TXT record and others do not, and a CA may ask any of them.',
    next: 'Look at why the secondaries do not follow their primary: NOTIFY, transfers, serial numbers.',
    cures: ['Take servers that no longer serve the zone out of its NS records.'],
  },
  'dns-trouble': {
    class: 'environment',
    title: 'DNS does not work for the name',
    why: 'Its name servers do not answer, answer with an error, or the delegation, a CNAME or DNSSEC leads nowhere.',
    next: 'Mend the zone; DNSViz and Zonemaster show where it breaks.',
    cures: ['Check the delegation at the registrar, the DS records, and that every name server answers.'],
  },
  'caa-forbids': {
    class: 'environment',
    title: 'CAA records forbid this CA',
    why: 'The CAA records of the name, or of a domain above it, do not name this CA, or forbid the account or the kind of challenge.',
    next: 'Let the CAA records name the CA (for wildcards in issuewild, where there is such a record), or take another issuer.',
    cures: [
      'Add a CAA record for the CA at the name itself: the nearest records decide.',
      'Where they have accounturi or validationmethods, let these fit.',
      'Where the CA could not look them up, mend the name servers: an error forbids, too.',
    ],
  },
  'tls-trouble': {
    class: 'environment',
    title: 'TLS fails at the name',
    why: 'The CA followed a redirect to HTTPS, or looked for TLS-ALPN-01, and could not agree with the server there.',
    next: 'Mend TLS at the host, or answer /.well-known/acme-challenge/ over plain HTTP without a redirect.',
    cures: ['Use DNS-01, which needs no connection.'],
  },
  'validation-failed': {
    class: 'environment',
    title: 'the CA could not validate the name',
    why: 'The CA says why in its own words; certops knows no more.',
    next: 'Make the name lead to where HTTP-01 is presented, or its TXT record be seen.',
    cures: ['Leave the name out.', 'Use another kind of challenge.'],
  },
  'dns-server-unreachable': {
    class: 'environment',
    title: 'the DNS server does not answer',
    why: 'The server that the solver writes to cannot be reached from here, or what answers there is no DNS.',
    next: 'Check the server, its name and address in the solver, and that UDP and TCP reach it from the daemon.',
    cures: [
      "Correct nameserver in the issuer's solver.",
      'Open the firewall between the daemon and the server.',
    ],
  },
  'dns-credential-refused': {
    class: 'environment',
    title: 'the DNS server refuses the TSIG key',
    why: 'Name, algorithm or secret of the key are not those that the server has, or the key was replaced there.',
    next: 'Seal the key that the server has into the Secret that the solver names, or correct its name and algorithm.',
    cures: ['Give the server the key that the solver has.'],
  },
  'dns-update-refused': {
    class: 'environment',
    title: 'the DNS server refuses the update',
    why: 'The server knows who asks, and does not let this zone be changed: rights, zone or dynamic updates are not set up for it.',
    next: 'Allow the key to change TXT records of the zone (update-policy of BIND, for example).',
    cures: ['Let the solver write to the primary server of the zone.', 'Use a key that has the right.'],
  },
  'presenter-unavailable': {
    class: 'environment',
    title: 'HTTP-01 cannot be presented',
    why: 'The daemon has no HTTP-01 presenter, or its port or folder cannot be used.',
    next: 'Start the daemon with --http01-port or --http01-webroot, and see that it may use the port or folder.',
    cures: [
      'Free the port, or let the daemon write to the folder.',
      'Add a solver of type DNS-01 to the issuer.',
    ],
  },
} as const satisfies Partial<Record<CauseCode, CauseWords>>;
