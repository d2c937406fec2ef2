import { PACKAGES, PURE_CORE_MODULES, PURE_EXCEPTIONS, PURE_NET_NAMES, PURE_ROOMS, ROOMS } from './rooms.ts';

export interface Import {
  /** As written: `../lib/clock.ts`, `zod`, `fs`. */
  readonly specifier: string;
  /** From the root of the package (`src/lib/clock.ts`) where it is a file of ours. */
  readonly resolved: string;
  readonly kind: 'own' | 'package' | 'core' | 'unresolved';
}

export interface SourceModule {
  /** From the root of the package, with forward slashes. */
  readonly file: string;
  readonly imports: readonly Import[];
  readonly source: string;
}

// A pure room gets time, randomness and the network passed in.
const AMBIENT = [
  { pattern: /\bDate\.now\(/, what: 'Date.now()' },
  { pattern: /\bnew Date\(\s*\)/, what: 'new Date()' },
  { pattern: /\bMath\.random\(/, what: 'Math.random()' },
  { pattern: /(?<![\w.])fetch\(/, what: 'fetch()' },
  { pattern: /\bperformance\.now\(/, what: 'performance.now()' },
  { pattern: /\bprocess\.(env|cwd|exit|stdout|stderr)\b/, what: 'process' },
];

/** Everything that points the wrong way, one sentence each. */
export function checkDirections(modules: readonly SourceModule[]): readonly string[] {
  const complaints: string[] = [];
  const roomsOfPackage = new Map<string, Set<string>>();
  for (const module of modules) {
    const room = roomOf(module.file);
    const below = ROOMS[room];
    if (below === undefined) {
      complaints.push(`${module.file} is in no room that test/house/rooms.ts knows`);
      continue;
    }
    for (const { specifier, resolved, kind } of module.imports) {
      if (kind === 'unresolved') complaints.push(`${module.file} imports ${specifier}, which is not there`);
      if (kind === 'own' && roomOf(resolved) !== room && !below.includes(roomOf(resolved))) {
        complaints.push(`${module.file} imports ${resolved}: ${room} must not know ${roomOf(resolved)}`);
      }
      if (kind === 'package') {
        const name = packageOf(specifier);
        const rooms = PACKAGES[name] ?? [];
        if (!rooms.includes(room)) {
          complaints.push(
            `${module.file} imports ${name}, which belongs to ${rooms.join(' or ') || 'no room yet'}`,
          );
        }
        roomsOfPackage.set(name, (roomsOfPackage.get(name) ?? new Set()).add(room));
      }
      if (kind === 'core' && PURE_ROOMS.includes(room) && !isPureImport(module, specifier)) {
        complaints.push(`${module.file} imports node:${specifier}, but ${room} is pure`);
      }
    }
    if (PURE_ROOMS.includes(room)) {
      const code = withoutComments(module.source);
      for (const { pattern, what } of AMBIENT) {
        if (pattern.test(code)) complaints.push(`${module.file} uses ${what}, but ${room} is pure`);
      }
    }
  }
  for (const [name, rooms] of roomsOfPackage) {
    if (rooms.size > 1)
      complaints.push(`${name} is imported in ${[...rooms].join(' and ')}: one room is enough`);
  }
  return complaints;
}

/** `src/lib/clock.ts` → `lib`; a file of `src` itself is its own room (`main`). */
function roomOf(file: string): string {
  const [, first = '', second] = file.split('/');
  return second === undefined ? first.replace(/\.ts$/, '') : first;
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function isPureImport(module: SourceModule, specifier: string): boolean {
  return (
    PURE_CORE_MODULES.includes(specifier) ||
    (specifier === 'net' && importsNamesOnly(module.source, specifier, PURE_NET_NAMES)) ||
    PURE_EXCEPTIONS.some(({ file, modules }) => file.test(module.file) && modules.includes(specifier))
  );
}

function importsNamesOnly(source: string, specifier: string, allowed: readonly string[]): boolean {
  const imports = source.matchAll(new RegExp(`import\\s+([^;]*?)\\s+from\\s+'node:${specifier}'`, 'g'));
  return [...imports].every(([, clause = '']) => {
    const names = /^(?:type\s+)?\{([^}]*)\}$/.exec(clause)?.[1]?.split(',') ?? ['everything'];
    return names.map((name) => name.trim()).every((name) => name === '' || allowed.includes(name));
  });
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
}
