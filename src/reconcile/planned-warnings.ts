import type { Ports } from './ports.ts';
import type { TouchedObjects } from './touched-objects.ts';
import type { World } from './world.ts';

const SOPS_RULES_FILE = '.sops.yaml';

/** One Certificate in several files: the one on record goes on, else the first by path. */
export function duplicates(base: World, head: World, { certificates }: TouchedObjects): readonly string[] {
  return [...certificates].sort().flatMap((key) => {
    const files = head.desired.certificates(key).map(({ path }) => path);
    if (files.length < 2 || base.desired.certificates(key).length >= files.length) return [];
    return [`Certificate ${key} is declared in ${files.join(' and ')}; only one of them counts`];
  });
}

/** What another `.sops.yaml` comes to: nobody is shown anything by it, and whoever it takes away loses access. */
export function rulesWarnings(base: World, head: World, rules: Ports['sealer']['rules']): readonly string[] {
  if (base.sopsRules === head.sopsRules) return [];
  const named = (text: string | undefined) =>
    new Set((text === undefined ? [] : (rules.named(text) ?? [])).flatMap(({ recipients }) => recipients));
  const [before, after] = [named(base.sopsRules), named(head.sopsRules)];
  const added = [...after].filter((recipient) => !before.has(recipient));
  const removed = [...before].filter((recipient) => !after.has(recipient));
  return [
    `${SOPS_RULES_FILE} changes; this plan goes by the one of the base`,
    ...(added.length === 0
      ? []
      : [`${SOPS_RULES_FILE} adds ${added.join(', ')}: nothing is sealed to it until it is accepted`]),
    ...(removed.length === 0
      ? []
      : [
          `${SOPS_RULES_FILE} takes away ${removed.join(', ')}: every Certificate whose Secret it can open is reissued with a new key`,
        ]),
  ];
}
