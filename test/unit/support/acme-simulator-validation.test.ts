import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, describe, test } from 'node:test';
import { Authority } from '../../support/acme-simulator/authority.ts';
import { dns, type RawClient, registered } from '../../support/acme-simulator/raw-client.ts';
import { startAcmeSimulator } from '../../support/acme-simulator/simulator.ts';
import { encodeAnswer, type ScriptedAnswer } from '../../support/dns-answers.ts';

let authority: Authority;
before(async () => {
  authority = await Authority.create();
});

describe('validation knocks for real', () => {
  const outcomes: readonly { readonly name: string; readonly body: string; readonly as: string }[] = [
    { name: 'the right answer', body: 'right', as: 'valid' },
    { name: 'a wrong answer', body: 'wrong', as: 'unauthorized' },
    { name: 'a 404', body: '', as: 'unauthorized' },
    { name: 'nobody at the door', body: 'nobody', as: 'connection' },
    { name: 'a name that does not exist', body: 'nxdomain', as: 'dns' },
  ];
  for (const { name, body, as } of outcomes) {
    test(name, async (t) => {
      let keyAuthorization = '';
      const web = http.createServer((_, response) => {
        response.statusCode = body === '' ? 404 : 200;
        response.end(body === 'right' ? keyAuthorization : body);
      });
      web.listen(0, '127.0.0.1');
      await once(web, 'listening');
      t.after(() => web.close());
      // A listening TCP server's address is neither a string nor null.
      const place = `127.0.0.1:${(web.address() as AddressInfo).port}`;
      const gone = body === 'nobody' ? '127.0.0.1:9' : 'nxdomain';
      const host = ['nobody', 'nxdomain'].includes(body) ? gone : place;
      const strict = await startAcmeSimulator({
        authority,
        validation: { hosts: { 'www.example.test': host } },
      });
      t.after(() => strict.close());
      const client = await registered(strict);
      const { json } = await client.post('/new-order', dns('www.example.test'));
      const authorization = await client.post(json.authorizations[0], null);
      const challenge = authorization.json.challenges[0];
      keyAuthorization = `${challenge.token}.${thumbprintOf(client)}`;

      const looked = await settled(client, challenge.url);

      assert.equal(looked, as);
    });
  }
});

describe('DNS-01 asks for the record for real', () => {
  const outcomes: readonly {
    readonly name: string;
    readonly said: (value: string) => ScriptedAnswer;
    readonly as: string;
  }[] = [
    {
      name: 'the right value among others',
      said: (value) => ({ answers: txt('other', value) }),
      as: 'valid',
    },
    { name: 'a wrong value', said: () => ({ answers: txt('other') }), as: 'unauthorized' },
    { name: 'no value', said: () => ({}), as: 'unauthorized' },
    { name: 'no such name', said: () => ({ rcode: 'NXDOMAIN' }), as: 'dns' },
    { name: 'a server that fails', said: () => ({ rcode: 'SERVFAIL' }), as: 'dns' },
  ];
  for (const { name, said, as } of outcomes) {
    test(name, async (t) => {
      let value = '';
      const server = createSocket('udp4', (query, peer) => {
        server.send(encodeAnswer(query, said(value)), peer.port, peer.address);
      });
      server.bind(0, '127.0.0.1');
      await once(server, 'listening');
      t.after(() => server.close());
      const dnsServer = `127.0.0.1:${server.address().port}`;
      const strict = await startAcmeSimulator({ authority, validation: { dnsServer } });
      t.after(() => strict.close());
      const client = await registered(strict);
      const { json } = await client.post('/new-order', dns('*.example.test'));
      const { challenges } = (await client.post(json.authorizations[0], null)).json;
      value = hash('sha256', `${challenges[0].token}.${thumbprintOf(client)}`);

      const looked = await settled(client, challenges[0].url);

      assert.equal(looked, as);
    });
  }
});

function txt(...values: readonly string[]) {
  return values.map((data) => ({ name: '_acme-challenge.example.test', type: 'TXT' as const, data }));
}

/** RFC 7638, made here again. */
function thumbprintOf(client: RawClient): string {
  const { crv, kty, x, y } = client.jwk;
  return hash('sha256', JSON.stringify({ crv, kty, x, y }));
}

function hash(algorithm: string, text: string): string {
  return createHash(algorithm).update(text).digest('base64url');
}

/** Answers a challenge and resolves with what came of it: `valid`, or the type of its error. */
async function settled(client: RawClient, url: string): Promise<string> {
  let looked = await client.post(url, {});
  while (looked.json.status === 'processing') looked = await client.post(url, null);
  return looked.json.status === 'valid' ? 'valid' : looked.json.error.type.split(':').at(-1);
}
