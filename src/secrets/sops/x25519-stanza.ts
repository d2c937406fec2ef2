import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { type Identity, type Recipient, Stanza } from 'age-encryption';
import { bech32Payload } from './bech32.ts';

// age's X25519 recipient type (age-encryption.org/v1, "The X25519 recipient type") through Node's own X25519: the
// library does it in JavaScript, at four times the CPU. The file format around it stays the library's.

const STANZA_TYPE = 'X25519';
const HKDF_LABEL = 'age-encryption.org/v1/X25519';
const KEY_BYTES = 32;
const FILE_KEY_BYTES = 16;
const TAG_BYTES = 16;
// DER up to the 32 bytes of the key (RFC 8410).
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** The recipient `age1…` for the library's Encrypter. The text must have been validated. */
export function x25519Recipient(recipient: string): Recipient {
  const publicBytes = bech32Payload(recipient);
  const publicKey = publicKeyOf(publicBytes);
  return {
    wrapFileKey: (fileKey) => {
      // Not generateKeyPairSync: in Node 20 its finalizer takes the key's lock, and a garbage collection while an
      // export to JWK holds that lock stops the process for ever.
      const ephemeral = privateKeyOf(randomBytes(KEY_BYTES));
      const share = publicBytesOf(createPublicKey(ephemeral));
      const wrapKey = deriveWrapKey(ephemeral, publicKey, share, publicBytes);
      const cipher = createCipheriv('chacha20-poly1305', wrapKey, Buffer.alloc(12), {
        authTagLength: TAG_BYTES,
      });
      const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
      return [new Stanza([STANZA_TYPE, share.toString('base64').replace(/=+$/, '')], new Uint8Array(body))];
    },
  };
}

/** The private key in `AGE-SECRET-KEY-1…`. The text must have been validated by the library. */
export function x25519PrivateKey(identity: string): KeyObject {
  return privateKeyOf(bech32Payload(identity.toLowerCase()));
}

/** An identity for the library's Decrypter. */
export function x25519Identity(privateKey: KeyObject): Identity {
  const publicBytes = publicBytesOf(createPublicKey(privateKey));
  return {
    unwrapFileKey: (stanzas) => {
      for (const stanza of stanzas) {
        if (stanza.args[0] !== STANZA_TYPE) continue;
        const shareText = stanza.args[1] ?? '';
        const share = Buffer.from(shareText, 'base64');
        const isCanonical = share.toString('base64').replace(/=+$/, '') === shareText;
        if (stanza.args.length !== 2 || share.length !== KEY_BYTES || !isCanonical) {
          throw new Error('invalid X25519 stanza');
        }
        if (stanza.body.length !== FILE_KEY_BYTES + TAG_BYTES) throw new Error('invalid X25519 stanza');
        const wrapKey = deriveWrapKey(privateKey, publicKeyOf(share), share, publicBytes);
        const decipher = createDecipheriv('chacha20-poly1305', wrapKey, Buffer.alloc(12), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAuthTag(stanza.body.subarray(FILE_KEY_BYTES));
        const fileKey = decipher.update(stanza.body.subarray(0, FILE_KEY_BYTES));
        try {
          decipher.final();
        } catch {
          // Meant for another recipient.
          continue;
        }
        return new Uint8Array(fileKey);
      }
      return null;
    },
  };
}

/** OpenSSL refuses an all-zero shared secret, as age's specification asks for. */
function deriveWrapKey(
  privateKey: KeyObject,
  publicKey: KeyObject,
  share: Buffer,
  recipient: Buffer,
): Buffer {
  const secret = diffieHellman({ privateKey, publicKey });
  return Buffer.from(hkdfSync('sha256', secret, Buffer.concat([share, recipient]), HKDF_LABEL, KEY_BYTES));
}

function privateKeyOf(scalar: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, scalar]), format: 'der', type: 'pkcs8' });
}

function publicKeyOf(bytes: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' });
}

function publicBytesOf(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
}
