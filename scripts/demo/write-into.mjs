import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A function that writes a file below `folder`, with the folders on its way, and returns its path. */
export function writeInto(folder) {
  return (relativePath, content) => {
    const file = path.join(folder, relativePath);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
}
