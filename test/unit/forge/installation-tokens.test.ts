import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openInstallationTokens } from '../../../src/forge/installation-tokens.ts';
import type { ForgeAddress } from '../../../src/forge/open-forge.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';

const APP = { id: '4711', privateKey: new Sensitive('no key'), installationId: undefined };

function isOpened(change: Partial<ForgeAddress>): boolean {
  const remote = 'https://github.com/team/certificates.git';
  const address = {
    kind: 'auto',
    remote,
    app: APP,
    clock: systemClock(),
    allowPlainLoopback: false,
  } as const;
  return openInstallationTokens({ ...address, ...change }) !== undefined;
}

describe('where Git shows the token of an App', () => {
  const served: readonly { readonly name: string; readonly address: Partial<ForgeAddress> }[] = [
    { name: 'github.com', address: {} },
    { name: 'github.com, by the URL of its API', address: { url: 'https://api.github.com/' } },
    { name: 'an Enterprise Server', address: { remote: 'https://git.example.com/team/certificates' } },
    {
      name: 'an Enterprise Server, by the URL of its API',
      address: {
        remote: 'https://git.example.com/team/certificates',
        url: 'https://git.example.com/api/v3',
        kind: 'github',
      },
    },
    {
      name: 'GitHub with data residency, by the URL of its API',
      address: { remote: 'https://team.ghe.com/team/certificates', url: 'https://api.team.ghe.com' },
    },
  ];
  for (const { name, address } of served) {
    it(`shows it to ${name}`, () => {
      assert.equal(isOpened(address), true);
    });
  }

  const passedOver: readonly { readonly name: string; readonly address: Partial<ForgeAddress> }[] = [
    { name: 'anybody without an App', address: { app: undefined } },
    { name: 'another host than the forge', address: { url: 'https://github.example.com' } },
    { name: 'a host whose name ends alike', address: { url: 'https://api.evil-github.com' } },
    {
      name: 'another port of the host',
      address: { remote: 'https://git.example.com:8443/a/b', url: 'https://git.example.com' },
    },
    {
      name: 'plain HTTP on loopback that nobody allowed',
      address: { remote: 'http://127.0.0.1:8080/team/certificates' },
    },
    {
      name: 'plain HTTP in place of HTTPS',
      address: { remote: 'http://github.com/team/certificates', url: 'https://github.com' },
    },
    { name: 'SSH', address: { remote: 'git@github.com:team/certificates.git' } },
    { name: 'a folder', address: { remote: '/srv/certificates.git' } },
    { name: 'a forge that is no GitHub', address: { kind: 'gitea' } },
  ];
  for (const { name, address } of passedOver) {
    it(`does not show it to ${name}`, () => {
      assert.equal(isOpened(address), false);
    });
  }
});
