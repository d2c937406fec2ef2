import type { ObjectName } from '../../src/api/names.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { Sealer } from '../../src/secrets/sealer.ts';
import { tlsSecretDocument } from '../../src/secrets/secret-manifest.ts';
import { loadIdentities } from '../../src/secrets/sops/identities.ts';
import type { Scenario } from './scenario.ts';

/** A credential as people commit one, sealed by the repository's rules: the text of `credentials/<name>.yaml`. */
export async function sealedSecret(
  scenario: Scenario,
  name: ObjectName,
  data: Readonly<Record<string, string>>,
): Promise<string> {
  const sealer = new Sealer({
    identities: await loadIdentities({ SOPS_AGE_KEY_FILE: scenario.identityFile }),
  });
  sealer.setRules(await scenario.show('.sops.yaml'));
  const values = Object.entries(data).map(([key, value]) => [key, new Sensitive(value)]);
  const document = tlsSecretDocument({
    ...{ ...name, labels: {}, annotations: {} },
    data: Object.fromEntries(values),
  });
  return sealer.seal(`credentials/${name.name}.yaml`, { ...document, type: 'Opaque' }, new Date());
}
