import assert from 'node:assert/strict';
import fc from 'fast-check';
import { dnsNameFault, ipAddressFault } from '../../src/api/certificate-names.ts';
import { readLiteralSubject } from '../../src/api/literal-subject.ts';
import { readManifestFile } from '../../src/api/read-manifests.ts';
import { parseInstant } from '../../src/lib/clock.ts';
import { parseCron } from '../../src/lib/cron.ts';
import { matchesGlob } from '../../src/lib/glob.ts';
import { formatGoDuration, parseGoDuration } from '../../src/lib/go-duration.ts';
import { resolveGoScalar } from '../../src/lib/go-scalar.ts';
import { compileLinearRegex, RegexSyntaxError } from '../../src/lib/linear-regex.ts';
import { printable } from '../../src/lib/printable.ts';
import { canonicalIpAddress, ipAddressBytes } from '../../src/pki/ip-address.ts';
import { parseLiteralSubject } from '../../src/pki/literal-subject.ts';
import { parseDnsName } from '../../src/solvers/dns/name.ts';
import { parseNameserver } from '../../src/solvers/dns/nameserver.ts';
import { acmeIssuerWith } from '../unit/api/problem-text.ts';
import { fuzz, hostileText } from './fuzz.ts';

fuzz(
  'a Go duration is a finite number or none, and comes back from its own words',
  hostileText(
    ['1h', '30m', '2.5s', '-', '+', '.', '5', 'ms', 'µs', 'us', 'ns', '999999999h', '9'.repeat(400), ' '],
    6,
  ),
  (text) => {
    const ms = parseGoDuration(text);
    if (ms === undefined) return;
    assert.ok(Number.isFinite(ms));
    const again = parseGoDuration(formatGoDuration(ms));
    assert.ok(again !== undefined && Math.abs(again - ms) < 1, `${ms} became ${again}`);
  },
  500,
);

fuzz(
  'a cron expression is understood within bounds, or its fault is told',
  hostileText(
    [
      '*',
      '*/5',
      '1-5',
      '0',
      '59',
      '60',
      'jan',
      'MON',
      ',',
      '-',
      '/',
      ' ',
      '?',
      'L',
      '1-',
      '1/0',
      '@daily',
      '9999999999',
    ],
    14,
  ),
  (text) => {
    const cron = parseCron(text);
    if ('fault' in cron) return;
    const { minutes, hours, daysOfMonth, months, daysOfWeek } = cron;
    const bounds = [
      [minutes, 0, 59],
      [hours, 0, 23],
      [daysOfMonth, 1, 31],
      [months, 1, 12],
      [daysOfWeek, 0, 6],
    ] as const;
    for (const [values, min, max] of bounds) {
      assert.ok(values.length > 0 && values.every((value) => value >= min && value <= max));
      assert.deepEqual(
        values,
        [...new Set(values)].toSorted((a, b) => a - b),
      );
    }
  },
  500,
);

const pathText = fc
  .array(fc.constantFrom('a', 'b', '/', '.', '-', 'ä', '/a/', 'teams'), { maxLength: 20 })
  .map((parts) => parts.join(''));

fuzz(
  'a glob matches as the regular expression that says the same',
  fc.tuple(
    pathText,
    fc
      .array(fc.constantFrom('a', 'b', '/', '*', '?', '**', '.', '/**/', 'teams', '('), { maxLength: 10 })
      .map((parts) => parts.join('')),
  ),
  ([path, glob]) => {
    // What `**` beside other signs means is our own affair; here it stands alone in its segment.
    if (glob.split('/').some((segment) => segment !== '**' && segment.includes('**'))) return;
    if (glob.split('/').filter((segment) => segment === '**').length > 0) {
      matchesGlob(path, glob);
      return;
    }
    const source = [...glob].map((sign) =>
      sign === '*' ? '[^/]*' : sign === '?' ? '[^/]' : sign.replace(/[.()[\]]/g, '\\$&'),
    );
    assert.equal(matchesGlob(path, glob), new RegExp(`^${source.join('')}$`, 'u').test(path));
  },
  500,
);

fuzz(
  'a glob of a hundred stars takes no time',
  fc.tuple(fc.integer({ min: 1, max: 100 }), fc.constantFrom('*a', '**/', '?*', '*/**/')),
  ([count, part]) => {
    matchesGlob('a'.repeat(500), part.repeat(count));
    matchesGlob('a/'.repeat(250), part.repeat(count));
  },
  50,
);

fuzz(
  'a regular expression is compiled or refused, and is quick on any text',
  hostileText(
    [
      '(a+)+',
      '(a|a)*',
      '[a-z]',
      '{1,1000}',
      '(?:',
      ')',
      '\\d',
      '\\1',
      '(?<=a)',
      '^',
      '$',
      '.*',
      '[[:alpha:]]',
      '\\',
      '\\p{L}',
    ],
    8,
  ),
  (pattern) => {
    try {
      compileLinearRegex(pattern).test(`${'a'.repeat(5000)}!`);
    } catch (thrown) {
      assert.ok(thrown instanceof RegexSyntaxError, String(thrown));
    }
  },
);

fuzz(
  'an instant is a valid date or none',
  hostileText([
    '2027-02-20',
    'T',
    '11:22:33',
    'Z',
    '+01:00',
    '-99:99',
    '.123456789',
    '2027-02-30T00:00:00Z',
    ' ',
    '24:00:00',
    '0000-01-01',
  ]),
  (text) => {
    const instant = parseInstant(text);
    assert.ok(instant === undefined || !Number.isNaN(instant.getTime()));
  },
  500,
);

fuzz(
  'a scalar of YAML is resolved as Go would',
  hostileText(['0', 'x', '_', '.', 'e', '-', '+', 'inf', 'nan', 'yes', '0b1', '1e999', '~']),
  (text) => {
    resolveGoScalar(text);
  },
);

fuzz('printable text is one line', fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
  assert.doesNotMatch(printable(text), /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
});

fuzz(
  'a literal subject that validation takes can be made a name, with the same common name',
  hostileText(
    [
      'CN',
      '=',
      'a',
      ',',
      '+',
      ';',
      '\\',
      '\\2C',
      '\\C3\\A4',
      '"',
      '#',
      '#0c0161',
      ' ',
      'O=b',
      '1.2.3',
      '2.999',
      'DC=x',
      '1.99999999999999999999',
    ],
    10,
  ),
  (text) => {
    const read = readLiteralSubject(text);
    if (read.fault !== undefined) return;
    const name = parseLiteralSubject(text);
    const commonNames = name.flat().filter(({ oid }) => oid === '2.5.4.3');
    assert.equal(
      read.commonName === '',
      commonNames.every(({ value }) => value === ''),
    );
  },
  1500,
);

fuzz(
  'a DNS name that validation takes is one to the DNS',
  hostileText(['www', '.', '*', '-', 'a', '_', 'xn--', 'bcher-kva', 'example', '1', 'A', 'a'.repeat(63)], 8),
  (text) => {
    if (dnsNameFault(text) !== undefined) return;
    parseDnsName(text.replace(/^\*\./, ''));
  },
  1000,
);

fuzz(
  'a name server that validation takes is one to the solver',
  hostileText(
    ['192.0.2.1', ':', '53', '[', ']', '::1', 'ns', '.example', '_', '-', '0', '65536', '%eth0', '//', ' '],
    6,
  ),
  (nameserver) => {
    const written = JSON.stringify({ dns01: { rfc2136: { nameserver } } });
    const { objects } = readManifestFile(Buffer.from(acmeIssuerWith(`solvers: [${written}]`)));
    const [issuer] = objects.map(({ object }) => object);
    if (issuer?.kind !== 'Issuer' || issuer.spec.type !== 'acme') return;
    for (const solver of issuer.spec.solvers) {
      if (solver.type === 'dns-01') parseNameserver(solver.provider.nameserver);
    }
  },
  1000,
);

fuzz(
  'an address that validation takes has bytes, and one spelling',
  fc.oneof(fc.ipV4(), fc.ipV6(), hostileText(['::', '1', ':', '.', 'ffff', '192.0.2.1', '%', '0'], 8)),
  (text) => {
    if (ipAddressFault(text) !== undefined) return;
    const bytes = ipAddressBytes(text);
    assert.ok(bytes?.length === 4 || bytes?.length === 16);
    assert.equal(canonicalIpAddress(canonicalIpAddress(text)), canonicalIpAddress(text));
  },
  1000,
);
