import { findCondition } from '../api/condition.ts';
import { formatIssuerRef, formatObjectName, type ObjectName } from '../api/names.ts';
import { readPlainYaml, writeYaml } from '../lib/yaml-write.ts';
import { parseRequestRecord } from '../status/request-document.ts';
import type { Console } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type OpenOptions, type OpenWorld, withWorld } from './open-world.ts';
import { parseResource, type Resource } from './resources.ts';
import { formatAge, renderTable } from './table.ts';

export interface GetOptions extends OpenOptions {
  readonly namespace?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
  readonly output?: 'text' | 'wide' | 'json' | 'yaml' | undefined;
}

interface Row {
  readonly name: ObjectName;
  readonly cells: readonly string[];
  readonly wide: readonly string[];
  readonly createdAt: Date | undefined;
  /** Path of the document that `-o json` shows; undefined while nothing is recorded. */
  readonly path: string | undefined;
}

interface Listing {
  readonly columns: readonly string[];
  readonly wideColumns: readonly string[];
  readonly rows: readonly Row[];
}

const STATUS_MAX_BYTES = 4 << 20;

/** `certops get`: lists what Git records, in kubectl's columns. */
export async function get(
  console: Console,
  resourceName: string,
  name: string | undefined,
  options: GetOptions,
  now: Date,
): Promise<ExitCode> {
  const resource = parseResource(resourceName);
  return withWorld(options, async (opened) => {
    const listing = await list(opened, resource);
    const namespace =
      options.allNamespaces || resource === 'clusterissuers' ? undefined : (options.namespace ?? 'default');
    const rows = listing.rows
      .filter((row) => namespace === undefined || row.name.namespace === namespace)
      .filter((row) => name === undefined || row.name.name === name)
      .sort((a, b) => (formatObjectName(a.name) < formatObjectName(b.name) ? -1 : 1));
    if (options.output === 'json' || options.output === 'yaml') {
      const items = await documents(opened, rows);
      const document = { apiVersion: 'v1', kind: 'List', items };
      console.out(
        options.output === 'json' ? JSON.stringify(document, null, 2) : writeYaml([document]).trimEnd(),
      );
      return name !== undefined && rows.length === 0 ? EXIT.finding : EXIT.ok;
    }
    if (rows.length === 0) {
      console.err(nothingFound(opened, resource, name, namespace, listing));
      return name === undefined ? EXIT.ok : EXIT.finding;
    }
    const isWide = options.output === 'wide';
    const showsNamespace = options.allNamespaces === true && resource !== 'clusterissuers';
    const head = [
      ...(showsNamespace ? ['NAMESPACE'] : []),
      'NAME',
      ...listing.columns,
      ...(isWide ? listing.wideColumns : []),
      'AGE',
    ];
    console.out(
      renderTable(
        head,
        rows.map((row) => [
          ...(showsNamespace ? [row.name.namespace] : []),
          row.name.name,
          ...row.cells,
          ...(isWide ? row.wide : []),
          row.createdAt === undefined ? '<unknown>' : formatAge(row.createdAt, now),
        ]),
      ),
    );
    return EXIT.ok;
  });
}

function list(opened: OpenWorld, resource: Resource): Promise<Listing> | Listing {
  switch (resource) {
    case 'certificates':
      return listCertificates(opened);
    case 'issuers':
      return listIssuers(opened, 'Issuer');
    case 'clusterissuers':
      return listIssuers(opened, 'ClusterIssuer');
    case 'requests':
      return listRequests(opened);
  }
}

function listCertificates({ world }: OpenWorld): Listing {
  const { desired, recorded, paths } = world;
  const keys = new Set([...desired.certificateKeys(), ...[...recorded.certificates()].map(([key]) => key)]);
  const rows = [...keys].map((key): Row => {
    const certificate = desired.certificates(key)[0]?.object;
    const status = recorded.certificate(key)?.status;
    const slash = key.indexOf('/');
    const name = { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
    const ready = status && findCondition(status.conditions, 'Ready');
    const secretName = certificate?.spec.secretName ?? status?.issued?.secretName ?? '';
    const issuer = certificate?.spec.issuerRef.name ?? status?.issued?.issuerRef.name ?? '';
    return {
      name,
      cells: [ready?.status ?? '', secretName],
      wide: [issuer, ready?.message ?? ''],
      createdAt: status?.createdAt,
      path: status && paths.certificateStatus(name),
    };
  });
  return { columns: ['READY', 'SECRET'], wideColumns: ['ISSUER', 'STATUS'], rows };
}

function listIssuers({ world }: OpenWorld, kind: 'Issuer' | 'ClusterIssuer'): Listing {
  const { desired, recorded, paths } = world;
  const keys = new Set([...desired.issuerKeys(), ...[...recorded.issuers()].map(([key]) => key)]);
  const rows = [...keys]
    .filter((key) => key.startsWith(`${kind}:`))
    .map((key): Row => {
      const status = recorded.issuer(key)?.status;
      const rest = key.slice(kind.length + 1);
      const slash = rest.indexOf('/');
      const name = { namespace: rest.slice(0, slash), name: rest.slice(slash + 1) };
      const ready = status && findCondition(status.conditions, 'Ready');
      return {
        name,
        cells: [ready?.status ?? ''],
        wide: [ready?.message ?? ''],
        createdAt: status?.createdAt,
        path: status && paths.issuerStatus(name),
      };
    });
  return { columns: ['READY'], wideColumns: ['STATUS'], rows };
}

async function listRequests({ world, repository }: OpenWorld): Promise<Listing> {
  const rows: Row[] = [];
  for (const request of world.recorded.allRequests()) {
    const path = world.paths.request(request.certificate, request.revision);
    const text = Buffer.from(await repository.readBlob(request.blob, STATUS_MAX_BYTES)).toString('utf8');
    const record = parseRequestRecord(text, path);
    const condition = (type: string) => findCondition(record.conditions, type);
    rows.push({
      name: {
        namespace: request.certificate.namespace,
        name: `${request.certificate.name}-${request.revision}`,
      },
      cells: [
        condition('Approved')?.status ?? '',
        condition('Denied')?.status ?? '',
        condition('Ready')?.status ?? '',
        formatIssuerRef(record.issuerRef),
      ],
      wide: [condition('Ready')?.message ?? ''],
      createdAt: record.createdAt,
      path,
    });
  }
  return { columns: ['APPROVED', 'DENIED', 'READY', 'ISSUER'], wideColumns: ['STATUS'], rows };
}

/** The status documents as they are written; an object without one is shown by its name alone. */
async function documents({ repository }: OpenWorld, rows: readonly Row[]): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  for (const { path, name } of rows) {
    const file = path === undefined ? null : await repository.readPath(repository.tip.commit, path);
    items.push(
      file === null
        ? { metadata: { ...name } }
        : readPlainYaml(Buffer.from(file.content).toString('utf8'))[0],
    );
  }
  return items;
}

function nothingFound(
  { world }: OpenWorld,
  resource: Resource,
  name: string | undefined,
  namespace: string | undefined,
  listing: Listing,
): string {
  const place = namespace === undefined ? '' : ` in ${namespace} namespace`;
  if (name !== undefined) return `No ${resource} "${name}" found${place}.`;
  const elsewhere = listing.rows.length;
  const clusterIssuers = [...world.desired.issuerKeys()].filter((key) =>
    key.startsWith('ClusterIssuer:'),
  ).length;
  const hint =
    elsewhere > 0
      ? ` There are ${elsewhere} in other namespaces: add -A.`
      : resource === 'issuers' && clusterIssuers > 0
        ? ` There are ClusterIssuers (${clusterIssuers}): certops get clusterissuers.`
        : '';
  return `No ${resource} found${place}.${hint}`;
}
