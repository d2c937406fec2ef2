import { DnsError, quoted } from '../dns/dns-error.ts';
import { serverTime, type TsigKey, type TsigVerdict } from '../dns/tsig.ts';
import type { TsigRecord } from '../dns/tsig-record.ts';

/** What was tried, for people. */
export interface UpdateContext {
  readonly name: string;
  readonly zone: string;
  readonly server: string;
  readonly isSigned: boolean;
}

/** A refused UPDATE (RFC 2136, section 2.2) in words: `solvers.dns-update-refused`, `solvers.dns-cname-in-the-way`. */
export function updateFailure({ name, zone, server, isSigned }: UpdateContext, rcode: string): DnsError {
  const data = { name, zone, server, rcode };
  if (rcode === 'YXRRSET') {
    return new DnsError(
      'solvers.dns-cname-in-the-way',
      {
        what: `There is a CNAME at ${quoted(name)}, and no TXT record can stand beside it`,
        next: 'Set dns01.cnameStrategy: Follow, so that the record is written where it points, or remove the CNAME',
      },
      { data },
    );
  }
  const [why, next] = reasonOf(rcode, isSigned);
  return new DnsError(
    'solvers.dns-update-refused',
    { what: `${server} refused to change ${quoted(name)} in the zone ${quoted(zone)}: ${rcode}`, why, next },
    { data },
  );
}

function reasonOf(rcode: string, isSigned: boolean): readonly [why: string, next: string] {
  switch (rcode) {
    case 'REFUSED':
      return isSigned
        ? ['The key is known, but may not change this name', 'Allow it in the update-policy of the zone']
        : ['The server takes no unsigned updates', 'Set tsigKeyName and tsigSecretSecretRef of the solver'];
    case 'NOTAUTH':
      return ['The server is no primary of this zone', 'Name the primary server in dns01.rfc2136.nameserver'];
    case 'NOTZONE':
      return ['The name lies outside the zone', 'Check the zones of the server'];
    case 'NOTIMP':
      return ['The server does not do dynamic updates', 'Switch them on, or name another server'];
    default:
      return ['The server could not do it', 'Its log says why; it is tried again by itself'];
  }
}

/** An error that the server reports about our signature (RFC 8945, section 5.2): `solvers.tsig-…`. */
export function tsigFailure(tsig: TsigRecord, server: string, key: TsigKey, nowSeconds: number): DnsError {
  const data = { server, keyName: key.name };
  switch (tsig.error) {
    case 16:
      return new DnsError(
        'solvers.tsig-bad-signature',
        {
          what: `${server} says that our signature with the key ${quoted(key.name)} is wrong (BADSIG)`,
          why: 'The secret is not the one that the server has under this name',
          next: 'Correct the Secret that tsigSecretSecretRef names',
        },
        { data },
      );
    case 17:
      return new DnsError(
        'solvers.tsig-unknown-key',
        {
          what: `${server} does not know the key ${quoted(key.name)} with ${key.algorithm} (BADKEY)`,
          next: 'Correct tsigKeyName or tsigAlgorithm of the solver, or add the key to the server',
        },
        { data },
      );
    case 18: {
      const theirs = serverTime(tsig);
      const apart = theirs === undefined ? '' : ` by ${Math.abs(theirs - nowSeconds)} s`;
      return new DnsError(
        'solvers.tsig-wrong-time',
        {
          what: `${server} says that our clock is wrong (BADTIME)`,
          why: `Its clock and ours differ${apart}; TSIG allows 300 s`,
          next: 'Set the clocks of both machines right',
        },
        { data },
      );
    }
    default:
      return new DnsError(
        'solvers.tsig-refused',
        { what: `${server} does not accept our signature (TSIG error ${tsig.error})` },
        { data },
      );
  }
}

/** An answer that cannot be believed: `solvers.tsig-unverified`. */
export function unverified(verdict: Exclude<TsigVerdict, 'valid'>, server: string): DnsError {
  const why = {
    unsigned: 'It is not signed',
    'other-key': 'It is signed with another key',
    'wrong-mac': 'Its signature is wrong',
    'wrong-time': 'It was signed at another time; the clocks of both machines differ',
  }[verdict];
  return new DnsError(
    'solvers.tsig-unverified',
    {
      what: `An answer of ${server} cannot be believed`,
      why,
      next: 'Check the key on both sides, and whether something in between changes packets',
    },
    { data: { server, verdict } },
  );
}
