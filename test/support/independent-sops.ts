import { createDecipheriv, createHash } from 'node:crypto';
import { isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import { runSuccessfully } from './process.ts';

type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

interface SopsBlock {
  readonly age: readonly { readonly enc: string }[];
  readonly lastmodified: string;
  readonly mac: string;
  readonly encrypted_regex: string;
}

/**
 * Opens a SOPS document without a line of certops: the data key by the `age` program, values by AES-256-GCM,
 * and the MAC over every leaf in document order. Throws when the MAC is not what the values say.
 */
export async function openIndependently(
  text: string,
  identityFile: string,
): Promise<{ readonly [key: string]: Plain }> {
  const document = parseDocument(text);
  const { sops } = document.toJS() as { sops: SopsBlock };
  const dataKey = await decryptDataKey(sops, identityFile);
  const hash = createHash('sha512');
  const encrypted = new RegExp(sops.encrypted_regex);

  const open = (node: Node | null | undefined, path: readonly string[]): Plain => {
    if (isMap(node)) {
      const members = node.items.map((item): [string, Plain] => {
        const key = String((item.key as { readonly value: unknown }).value);
        return [key, open(item.value as Node | null, [...path, key])];
      });
      return Object.fromEntries(members);
    }
    if (isSeq(node)) return node.items.map((item) => open(item as Node, path));
    const value = isScalar(node) ? (node.value as string | number | boolean | null) : null;
    if (value === null) return null;
    const plain = path.some((part) => encrypted.test(part))
      ? decrypt(String(value), dataKey, `${path.join(':')}:`)
      : value;
    hash.update(typeof plain === 'boolean' ? (plain ? 'True' : 'False') : String(plain));
    return plain;
  };

  const root = document.contents;
  if (!isMap(root)) throw new Error('not a map');
  const members = root.items.flatMap((item): [string, Plain][] => {
    const key = String((item.key as { readonly value: unknown }).value);
    return key === 'sops' ? [] : [[key, open(item.value as Node, [key])]];
  });
  const mac = decrypt(sops.mac, dataKey, sops.lastmodified);
  if (mac !== hash.digest('hex').toUpperCase()) throw new Error('the MAC does not match');
  return Object.fromEntries(members);
}

async function decryptDataKey(sops: SopsBlock, identityFile: string): Promise<Buffer> {
  for (const { enc } of sops.age) {
    // The data key is 32 random bytes: base64 on the way, because processes are read as text here.
    const script = 'age -d -i "$1" | base64 -w0';
    const base64 = await runSuccessfully('sh', ['-c', script, 'sh', identityFile], { input: enc }).catch(
      () => '',
    );
    const key = Buffer.from(base64, 'base64');
    if (key.length === 32) return key;
  }
  throw new Error('no recipient fits the identity');
}

function decrypt(value: string, key: Buffer, aad: string): string {
  if (value === '') return '';
  const match = /^ENC\[AES256_GCM,data:(.*),iv:(.*),tag:(.*),type:str\]$/.exec(value);
  if (match === null) throw new Error('a value that should be encrypted is not');
  const [, data = '', iv = '', tag = ''] = match;
  const cipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64'), { authTagLength: 16 });
  cipher.setAAD(Buffer.from(aad));
  cipher.setAuthTag(Buffer.from(tag, 'base64'));
  return Buffer.concat([cipher.update(Buffer.from(data, 'base64')), cipher.final()]).toString('utf8');
}
