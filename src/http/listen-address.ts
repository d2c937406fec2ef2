/** Where to listen. */
export interface ListenAddress {
  /** An IP address or name; undefined: every interface. */
  readonly host: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
}

/** Reads `127.0.0.1:9402`, `[::1]:9402`, `name:9402` or `:9402` (every interface); undefined for anything else. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[(?<six>[0-9a-f:.]+)\]|(?<name>[a-z0-9.-]*)):(?<port>\d{1,5})$/i.exec(text);
  const port = Number(match?.groups?.port ?? Number.NaN);
  if (match === null || !(port <= 65_535)) return undefined;
  const host = match.groups?.six ?? match.groups?.name ?? '';
  return { host: host === '' ? undefined : host, port };
}

/** As it is written in logs and errors. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host?.includes(':') ? `[${host}]:${port}` : `${host ?? ''}:${port}`;
}
