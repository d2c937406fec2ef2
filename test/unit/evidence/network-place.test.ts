import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInsideAddresses } from '../../../src/evidence/network-place.ts';

const INSIDE: readonly string[] = [
  ...['10.0.0.1', '127.0.0.1', '192.0.0.8', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
  ...['::1', '::a00:1', '::ffff:10.0.0.1', '64:ff9b::a00:1', '64:ff9b:1::1', '2002:a00:1::1'],
  ...['fc00::1', 'fe80::1', 'fec0::1', 'ff02::1'],
];
const OUTSIDE: readonly string[] = ['192.0.2.1', '198.20.0.1', '2001:db8::1', '::ffff:192.0.2.1'];

test('what carries an inner IPv4 address inside IPv6 lies inside, and public addresses do not', () => {
  const isInside = createInsideAddresses();

  assert.deepEqual(
    INSIDE.filter((address) => !isInside(address)),
    [],
  );
  assert.deepEqual(OUTSIDE.filter(isInside), []);
});
