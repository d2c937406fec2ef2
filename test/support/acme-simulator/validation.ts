import { createHash } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import http from 'node:http';
import { isIP } from 'node:net';
import type { SimulatedProblem } from './problem.ts';
import type { ValidationOptions } from './simulator.ts';

const DEFAULT_TIMEOUT_MS = 2_000;
const MAX_BODY_BYTES = 1_024;
const MAX_ALIASES = 8;

export interface ValidationTarget {
  readonly type: string;
  /** Without the wildcard's `*.`. */
  readonly name: string;
  readonly token: string;
  /** RFC 8555, section 8.1. */
  readonly keyAuthorization: string;
}

/** Tries one challenge for real. Undefined: it succeeded; else what Boulder would say. */
export async function validate(
  target: ValidationTarget,
  options: ValidationOptions,
): Promise<SimulatedProblem | undefined> {
  if (options.isAlwaysValid === true) return undefined;
  return target.type === 'dns-01'
    ? await validateDns01(target, options)
    : await validateHttp01(target, options);
}

/** RFC 8555, section 8.3. */
async function validateHttp01(
  { name, token, keyAuthorization }: ValidationTarget,
  options: ValidationOptions,
): Promise<SimulatedProblem | undefined> {
  const place = options.hosts?.[name] ?? `127.0.0.1:${options.httpPort ?? 80}`;
  if (place === 'nxdomain') {
    return {
      type: 'dns',
      detail: `DNS problem: NXDOMAIN looking up A for ${name} - check that a DNS record exists for this domain`,
    };
  }
  const host = isIP(name) === 6 ? `[${name}]` : name;
  const path = `/.well-known/acme-challenge/${token}`;
  let answer: { readonly status: number; readonly body: string };
  try {
    answer = await get(place, path, host, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  } catch (thrown) {
    const why = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    return {
      type: 'connection',
      detail:
        why === 'ECONNREFUSED'
          ? `${place}: Fetching http://${host}${path}: Connection refused`
          : `${place}: Fetching http://${host}${path}: Timeout during connect (likely firewall problem): ${why}`,
    };
  }
  if (answer.status !== 200) {
    return {
      type: 'unauthorized',
      status: 403,
      detail: `${place}: Invalid response from http://${host}${path}: ${answer.status}`,
    };
  }
  // Whitespace at the end is forgiven.
  if (answer.body.trimEnd() === keyAuthorization) return undefined;
  return {
    type: 'unauthorized',
    status: 403,
    detail: `The key authorization file from the server did not match this challenge. Expected "${keyAuthorization}" (got "${answer.body}")`,
  };
}

/** RFC 8555, section 8.4; aliases are followed. */
async function validateDns01(
  { name, keyAuthorization }: ValidationTarget,
  { dnsServer, timeoutMs = DEFAULT_TIMEOUT_MS }: ValidationOptions,
): Promise<SimulatedProblem | undefined> {
  const wanted = createHash('sha256').update(keyAuthorization).digest('base64url');
  const asked = `_acme-challenge.${name}`;
  // A resolver of its own remembers nothing of the last look.
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  if (dnsServer !== undefined) resolver.setServers([dnsServer]);
  let records: readonly (readonly string[])[] = [];
  let current = asked;
  for (let aliases = 0; records.length === 0 && aliases <= MAX_ALIASES; aliases += 1) {
    try {
      records = await resolver.resolveTxt(current);
    } catch (thrown) {
      const alias = await resolver.resolveCname(current).catch(() => []);
      if (alias[0] === undefined) {
        const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
        if (code === 'ENODATA') break;
        const why = code === 'ENOTFOUND' ? 'NXDOMAIN' : String(code);
        return {
          type: 'dns',
          detail: `DNS problem: ${why} looking up TXT for ${asked} - check that a DNS record exists for this domain`,
        };
      }
      current = alias[0];
    }
  }
  const found = records.map((chunks) => chunks.join(''));
  if (found.includes(wanted)) return undefined;
  return {
    type: 'unauthorized',
    status: 403,
    detail:
      found.length === 0
        ? `No TXT record found at ${asked}`
        : `Incorrect TXT record "${found[0]}"${found.length > 1 ? ` (and ${found.length - 1} more)` : ''} found at ${asked}`,
  };
}

function get(
  place: string,
  path: string,
  host: string,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly body: string }> {
  const at = new URL(`http://${place}`);
  return new Promise((resolve, reject) => {
    const request = http.get(
      {
        host: at.hostname,
        port: at.port,
        path,
        agent: false,
        headers: { Host: host, 'User-Agent': 'acme-simulator' },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          body += text;
          if (body.length > MAX_BODY_BYTES) response.destroy(new Error('the body is too long'));
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    request.on('error', reject);
  });
}
