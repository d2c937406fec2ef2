import 'reflect-metadata';
import acme from 'acme-client';
import { issueAll, readTask } from '../support/issuing-harness.mjs';

/**
 * acme-client as it comes: its own `auto` mode, keys, requests, transport, nonces and polling. The CA's own
 * certificate is trusted by `NODE_EXTRA_CA_CERTS`. `backoffMinMs` in the task, where it is there, replaces the
 * 5 s that the library waits after a first look that came too early.
 */
const task = readTask();
const client = new acme.Client({
  directoryUrl: task.directoryUrl,
  accountKey: await acme.crypto.createPrivateKey(),
  ...(task.backoffMinMs === undefined ? {} : { backoffMin: task.backoffMinMs, backoffAttempts: 100 }),
});
await client.createAccount({ termsOfServiceAgreed: true, contact: ['mailto:ops@example.com'] });

await issueAll(task, async (dnsName) => {
  const key = await acme.crypto.createPrivateEcdsaKey('P-256');
  const [, csr] = await acme.crypto.createCsr({ altNames: [dnsName] }, key);
  const chainPem = await client.auto({
    csr,
    skipChallengeVerification: true,
    challengeCreateFn: async () => {},
    challengeRemoveFn: async () => {},
  });
  return { dnsName, chainPem, keyPem: key.toString('utf8') };
});
