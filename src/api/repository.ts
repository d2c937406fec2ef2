import type { Tenancy } from './tenancy.ts';

/** `certops.yaml` (`certops.dev/v1alpha1` Repository) with every default applied. */
export interface RepositorySettings {
  readonly paths: readonly string[];
  readonly exclude: readonly string[];
  readonly clusterResourceNamespace: string;
  readonly output: {
    /** Folders relative to the root, without a trailing slash. */
    readonly secrets: string;
    readonly status: string;
    readonly prune: boolean;
  };
  /** Which files may declare what; empty: every file everything. */
  readonly tenancy: Tenancy;
  readonly commit: {
    readonly name: string;
    readonly email: string;
    /** Appended to every commit message of the daemon, for example `[skip ci]`; empty for none. */
    readonly trailer: string;
  };
  /** Ids of large plans that a person has confirmed. */
  readonly confirmed: readonly string[];
  /** Pull requests for failures. */
  readonly pullRequests: {
    readonly isEnabled: boolean;
    /** Open at one time. */
    readonly maxOpen: number;
    readonly labels: readonly string[];
    /** Login names, in the forge's own form. */
    readonly reviewers: readonly string[];
  };
}

export const DEFAULT_SETTINGS: RepositorySettings = {
  paths: ['.'],
  exclude: [],
  clusterResourceNamespace: 'cert-manager',
  output: { secrets: 'secrets', status: 'status', prune: false },
  tenancy: [],
  commit: { name: 'certops', email: 'certops@localhost', trailer: '' },
  confirmed: [],
  pullRequests: { isEnabled: true, maxOpen: 10, labels: ['certops'], reviewers: [] },
};
