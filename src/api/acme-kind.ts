import { parseGoDuration } from '../lib/go-duration.ts';
import { readCaBundle } from './ca-bundle.ts';
import { dnsNameFault } from './certificate-names.ts';
import { checkDns01, TSIG_ALGORITHMS } from './dns01-rules.ts';
import { DNS01_PROVIDERS, type Dns01Shape } from './dns01-schema.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import type { AcmeIssuerSpec, Rfc2136Provider, SolverSpec } from './issuer.ts';
import type { AcmeShape, SolverShape } from './issuer-schema.ts';
import { checkName, subdomainFault } from './kubernetes-names.ts';
import { memberOf } from './manifest-identity.ts';
import { checkSecretKey } from './secret-references.ts';

const ACME: FieldPath = ['spec', 'acme'];
const MAX_SOLVERS = 1000;
const MAX_PREFERRED_CHAIN_BYTES = 64;

/** `spec.acme` validated and defaulted, with the paths of what is not served yet. */
export interface ReadAcme {
  readonly spec: AcmeIssuerSpec;
  readonly unserved: readonly FieldPath[];
}

/** Checks `spec.acme` as cert-manager's webhook does, and what no ACME client could use. */
export function readAcme(errors: FieldErrors, shape: AcmeShape): ReadAcme {
  checkServer(errors, shape.server);
  checkName(errors, [...ACME, 'privateKeySecretRef', 'name'], shape.privateKeySecretRef.name);
  checkAccount(errors, shape);
  const caBundle = readBundle(errors, shape);
  return {
    spec: {
      type: 'acme',
      server: shape.server,
      ...(shape.email ? { email: shape.email } : {}),
      privateKeySecretRef: {
        name: shape.privateKeySecretRef.name,
        key: shape.privateKeySecretRef.key || 'tls.key',
      },
      disableAccountKeyGeneration: shape.disableAccountKeyGeneration ?? false,
      ...(caBundle === undefined ? {} : { caBundle }),
      ...bindingOf(shape),
      skipTLSVerify: shape.skipTLSVerify ?? false,
      ...(shape.preferredChain ? { preferredChain: shape.preferredChain } : {}),
      enableDurationFeature: shape.enableDurationFeature ?? false,
      ...(shape.profile ? { profile: shape.profile } : {}),
      renewalInformationSource: shape.renewalInformationSource ?? 'ARI',
      solvers: readSolvers(errors, shape.solvers ?? []),
    },
    unserved: unservedFields(shape),
  };
}

function checkServer(errors: FieldErrors, server: string): void {
  const path: FieldPath = [...ACME, 'server'];
  const url = URL.canParse(server) ? new URL(server) : undefined;
  const isLoopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url?.hostname ?? '');
  if (server === '') errors.required(path, 'acme server URL is a required field');
  else if (url === undefined) errors.invalid(path, server, 'must be an absolute URL');
  else if (url.username !== '' || url.password !== '') {
    errors.invalid(path, '', 'must not carry a user name or a password');
  } else if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback)) {
    errors.invalid(path, server, 'must be an https URL (plain http only for loopback addresses)');
  }
}

function checkAccount(errors: FieldErrors, shape: AcmeShape): void {
  // RFC 8555, 7.3: the contact is sent as `mailto:`; anything that could end that URL is refused.
  if (shape.email && !/^[^\s@<>,;?&#%"]+@[^\s@<>,;?&#%"]+$/.test(shape.email)) {
    errors.invalid([...ACME, 'email'], shape.email, 'must be a bare email address');
  }
  if (Buffer.byteLength(shape.preferredChain ?? '') > MAX_PREFERRED_CHAIN_BYTES) {
    errors.tooLong([...ACME, 'preferredChain'], MAX_PREFERRED_CHAIN_BYTES);
  }
  const binding = shape.externalAccountBinding;
  if (binding === undefined) return;
  const path: FieldPath = [...ACME, 'externalAccountBinding'];
  if (binding.keyID === '') {
    errors.required([...path, 'keyID'], 'the keyID field is required when using externalAccountBinding');
  }
  checkSecretKey(errors, [...path, 'keySecretRef'], binding.keySecretRef);
  if (binding.keyAlgorithm !== undefined) {
    errors.deprecated([...path, 'keyAlgorithm'], 'it is ignored, as by cert-manager; the algorithm is HS256');
  }
}

function readBundle(errors: FieldErrors, shape: AcmeShape): string | undefined {
  if (!shape.caBundle) return undefined;
  if (shape.skipTLSVerify === true) {
    const detail = 'caBundle and skipTLSVerify are mutually exclusive and cannot both be set';
    errors.invalid([...ACME, 'caBundle'], '', detail);
    errors.invalid([...ACME, 'skipTLSVerify'], true, detail);
  }
  const bundle = readCaBundle(shape.caBundle);
  if ('pem' in bundle) return bundle.pem;
  errors.invalid([...ACME, 'caBundle'], '', bundle.fault);
  return undefined;
}

function readSolvers(errors: FieldErrors, shapes: readonly SolverShape[]): readonly SolverSpec[] {
  if (shapes.length > MAX_SOLVERS) errors.tooMany([...ACME, 'solvers'], shapes.length, MAX_SOLVERS);
  const solvers: SolverSpec[] = [];
  for (const [index, shape] of shapes.entries()) {
    checkSolver(errors, [...ACME, 'solvers', index], shape);
    const solver = solverOf(shape);
    if (solver !== undefined) solvers.push(solver);
  }
  return solvers;
}

/** Undefined for a solver of no type, and for a provider that is not served. */
function solverOf(shape: SolverShape): SolverSpec | undefined {
  const selector = {
    dnsNames: shape.selector?.dnsNames ?? [],
    dnsZones: shape.selector?.dnsZones ?? [],
    matchLabels: shape.selector?.matchLabels ?? {},
  };
  const { http01, dns01, waitInsteadOfSelfCheck: wait } = shape;
  if (http01 !== undefined) return { type: 'http-01', selector };
  if (dns01?.rfc2136 === undefined) return undefined;
  const waitMs = wait === undefined ? undefined : parseGoDuration(wait);
  return {
    type: 'dns-01',
    selector,
    ...(waitMs === undefined ? {} : { waitInsteadOfSelfCheckMs: waitMs }),
    cnameStrategy: dns01.cnameStrategy ?? 'None',
    nameservers: dns01.nameservers ?? [],
    provider: rfc2136Of(dns01.rfc2136),
  };
}

function rfc2136Of(shape: NonNullable<Dns01Shape['rfc2136']>): Rfc2136Provider {
  const { nameserver, protocol = 'UDP', tsigKeyName, tsigAlgorithm, tsigSecretSecretRef: secret } = shape;
  const known = TSIG_ALGORITHMS.find((name) => name === tsigAlgorithm?.toUpperCase());
  return {
    type: 'rfc2136',
    // cert-manager takes an empty port for none.
    nameserver: nameserver.trim().replace(/:$/, ''),
    protocol,
    ...(secret === undefined || !tsigKeyName
      ? {}
      : {
          tsig: {
            keyName: tsigKeyName,
            algorithm: known ?? 'HMACMD5',
            secretRef: { name: secret.name, key: secret.key ?? '' },
          },
        }),
  };
}

function bindingOf({ externalAccountBinding: binding }: AcmeShape): Partial<AcmeIssuerSpec> {
  if (binding === undefined) return {};
  const { keyID, keySecretRef } = binding;
  return {
    externalAccountBinding: {
      keyID,
      keySecretRef: { name: keySecretRef.name, key: keySecretRef.key ?? '' },
    },
  };
}

function checkSolver(errors: FieldErrors, path: FieldPath, solver: SolverShape): void {
  if (solver.http01 === undefined && solver.dns01 === undefined)
    errors.required(path, 'no solver type configured');
  if (solver.http01 !== undefined && solver.dns01 !== undefined) {
    errors.forbidden(path, 'may not specify more than one solver type in a single solver');
  }
  for (const [index, name] of (solver.selector?.dnsNames ?? []).entries()) {
    const fault = dnsNameFault(name);
    if (fault !== undefined) errors.invalid([...path, 'selector', 'dnsNames', index], name, fault);
  }
  for (const [index, zone] of (solver.selector?.dnsZones ?? []).entries()) {
    const fault = zone.includes('*') ? 'must be a zone, not a wildcard' : dnsNameFault(zone);
    if (fault !== undefined) errors.invalid([...path, 'selector', 'dnsZones', index], zone, fault);
  }
  checkWait(errors, [...path, 'waitInsteadOfSelfCheck'], solver);
  checkHttp01(errors, [...path, 'http01'], solver);
  if (solver.dns01 !== undefined && solver.http01 === undefined)
    checkDns01(errors, [...path, 'dns01'], solver.dns01);
}

function checkWait(errors: FieldErrors, path: FieldPath, solver: SolverShape): void {
  const { waitInsteadOfSelfCheck: wait, http01 } = solver;
  if (wait === undefined) return;
  const ms = parseGoDuration(wait);
  if (ms === undefined) errors.invalid(path, wait, 'must be a Go duration, for example 30s');
  else if (ms < 0) errors.invalid(path, wait, 'waitInsteadOfSelfCheck must not be negative');
  else if (http01 !== undefined) {
    errors.noEffect(path, 'certops asks the CA as soon as its own presenter answers');
  }
}

function checkHttp01(errors: FieldErrors, path: FieldPath, solver: SolverShape): void {
  const { ingress, gatewayHTTPRoute: gateway } = solver.http01 ?? {};
  if (solver.http01 === undefined) return;
  if (ingress === undefined && gateway === undefined)
    errors.required(path, 'no HTTP01 solver type configured');
  if (ingress !== undefined && gateway !== undefined) {
    errors.required(path, 'only 1 HTTP01 solver type may be configured');
  }
  const classes = [ingress?.class, ingress?.ingressClassName, ingress?.name].filter((each) => Boolean(each));
  if (classes.length > 1) {
    const detail = "only one of 'ingressClassName', 'name' or 'class' should be specified";
    errors.forbidden([...path, 'ingress'], detail);
  }
  const className = ingress?.ingressClassName ?? '';
  const fault = className === '' ? undefined : subdomainFault(className);
  if (fault !== undefined) {
    const detail = `must be a valid IngressClass name: ${fault}`;
    errors.invalid([...path, 'ingress', 'ingressClassName'], className, detail);
  }
  for (const [index, parent] of (gateway?.parentRefs ?? []).entries()) {
    checkParent(errors, [...path, 'gatewayHTTPRoute', 'parentRefs', index], parent);
  }
  const parts = { ingress: ingress ?? {}, gatewayHTTPRoute: gateway ?? {} };
  for (const [part, fields] of Object.entries(parts)) {
    for (const field of Object.keys(fields)) {
      errors.noEffect(
        [...path, part, field],
        'only a cluster can honour it; the presenter of certops answers',
      );
    }
  }
}

/** A parent of an HTTPRoute: name and kind together, or neither (annotations may give it). */
function checkParent(errors: FieldErrors, path: FieldPath, parent: object): void {
  const hasName = (memberOf(parent, 'name') ?? '') !== '';
  const hasKind = memberOf(parent, 'kind') !== undefined;
  if (hasKind && !hasName) errors.required([...path, 'name'], 'name is required when kind is specified');
  if (hasName && !hasKind) errors.required([...path, 'kind'], 'kind is required when name is specified');
}

function unservedFields(shape: AcmeShape): readonly FieldPath[] {
  return (shape.solvers ?? []).flatMap(({ dns01 }, index) =>
    DNS01_PROVIDERS.filter((provider) => provider !== 'rfc2136' && dns01?.[provider] !== undefined).map(
      (provider): FieldPath => [...ACME, 'solvers', index, 'dns01', provider],
    ),
  );
}
