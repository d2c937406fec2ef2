import type { FieldPath } from '../field-error.ts';
import type { Issuer } from '../issuer.ts';
import { caFacts, profileFault } from '../known-cas.ts';
import type { Declared } from './catalogue.ts';
import type { CrossFinding } from './finding.ts';
import { finding } from './object-rules.ts';

const ACME: FieldPath = ['spec', 'acme'];

/** Rules about an ACME issuer by itself, where its CA is one that is known. */
export function checkAcmeIssuer(issuer: Declared<Issuer>): readonly CrossFinding[] {
  const { spec } = issuer.object;
  const ca = spec.type === 'acme' ? caFacts(spec.server) : undefined;
  if (spec.type !== 'acme' || ca === undefined) return [];
  const { profile = '', preferredChain = '', email = '' } = spec;
  const fault = profileFault(ca, profile);
  const ended = Object.hasOwn(ca.endedChains, preferredChain) ? ca.endedChains[preferredChain] : undefined;
  const found: (CrossFinding | undefined)[] = [
    fault === undefined
      ? undefined
      : finding('error', 'unknown-profile', issuer, [...ACME, 'profile'], fault),
    ended === undefined
      ? undefined
      : finding(
          'warning',
          'preferred-chain-gone',
          issuer,
          [...ACME, 'preferredChain'],
          `${ca.name} offers no chain from this CA since ${ended}; its default chain is taken`,
        ),
    email === ''
      ? undefined
      : finding(
          'warning',
          'no-effect',
          issuer,
          [...ACME, 'email'],
          `No effect here: ${ca.name} keeps no addresses and mails nobody since ${ca.mailsNobodySince}`,
        ),
    spec.enableDurationFeature
      ? finding(
          'warning',
          'ca-limits',
          issuer,
          [...ACME, 'enableDurationFeature'],
          `${ca.name} refuses every order that asks for a duration`,
        )
      : undefined,
  ];
  return found.filter((each) => each !== undefined);
}
