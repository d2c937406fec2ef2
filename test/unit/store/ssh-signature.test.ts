import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { initRepository } from '../../../src/store/repository.ts';
import { generateSigningKey, loadSigningKey } from '../../../src/store/signing-key.ts';
import { verifySshSignature } from '../../../src/store/ssh-signature.ts';
import { git, scratchFolder } from '../../support/git-repo.ts';

const execute = promisify(execFile);

describe('SSH signatures', () => {
  let folder: Awaited<ReturnType<typeof scratchFolder>>;

  before(async () => {
    folder = await scratchFolder();
  });

  after(async () => {
    await folder.remove();
  });

  async function keyFile(name: string): Promise<{ path: string; publicKey: string }> {
    const { privateOpenSsh, publicOpenSsh } = generateSigningKey('certops@localhost');
    const path = join(folder.path, name);
    await writeFile(path, privateOpenSsh.reveal(), { mode: 0o600 });
    return { path, publicKey: publicOpenSsh };
  }

  async function sshKeygen(name: string, ...args: string[]): Promise<string> {
    const path = join(folder.path, name);
    await execute('ssh-keygen', ['-q', '-C', 'by ssh-keygen', '-f', path, ...args]);
    return path;
  }

  it('writes key files that ssh-keygen reads', async () => {
    const { path, publicKey } = await keyFile('written');

    const { stdout } = await execute('ssh-keygen', ['-y', '-f', path]);

    assert.equal(stdout.trim(), publicKey);
  });

  it('makes the signature that ssh-keygen makes, and verifies it', async () => {
    const path = await sshKeygen('made', '-t', 'ed25519', '-N', '');
    const payload = join(folder.path, 'payload');
    await writeFile(payload, 'tree 1234\n');
    const signer = await loadSigningKey(path);
    await execute('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'git', '-f', path, payload]);

    const ours = signer.sign(Buffer.from('tree 1234\n'));
    const { stdout: theirs } = await execute('cat', [`${payload}.sig`]);

    assert.equal(ours, theirs);
    assert.equal(verifySshSignature(Buffer.from('tree 1234\n'), theirs, [signer.publicKey]), true);
  });

  it('verifies nothing that was changed, signed by others or malformed', async () => {
    const signer = await loadSigningKey((await keyFile('mine')).path);
    const other = await loadSigningKey((await keyFile('other')).path);
    const payload = Buffer.from('payload');
    const good = signer.sign(payload);
    const cases = [
      { name: 'another payload', payload: Buffer.from('payloae'), armored: good, keys: [signer.publicKey] },
      { name: 'another key', payload, armored: good, keys: [other.publicKey] },
      { name: 'no key', payload, armored: good, keys: [] },
      {
        name: 'cut',
        payload,
        armored: good.replace(/.{20}\n-----END/, '\n-----END'),
        keys: [signer.publicKey],
      },
      { name: 'empty', payload, armored: '', keys: [signer.publicKey] },
    ];

    const verdicts = cases.map((c) => [c.name, verifySshSignature(c.payload, c.armored, c.keys)]);

    assert.equal(verifySshSignature(payload, good, [signer.publicKey]), true);
    assert.deepEqual(
      verdicts,
      cases.map(({ name }) => [name, false]),
    );
  });

  const refused = [
    { name: 'an encrypted key', args: ['-t', 'ed25519', '-N', 'secret'], why: /passphrase/ },
    { name: 'an ECDSA key', args: ['-t', 'ecdsa', '-N', ''], why: /ecdsa-sha2-nistp256/ },
    { name: 'a PEM key', args: ['-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', ''], why: /OpenSSH format/ },
  ];
  for (const { name, args, why } of refused) {
    it(`refuses ${name} and says which`, async () => {
      const path = await sshKeygen(name.replaceAll(' ', '-'), ...args);

      await assert.rejects(loadSigningKey(path), (error: { code: string; explain(): string }) => {
        assert.equal(error.code, 'store.signing-key-unsupported');
        assert.match(error.explain(), why);
        return true;
      });
    });
  }

  it('refuses a key file that others can read', async () => {
    const { path } = await keyFile('open');
    await chmod(path, 0o640);

    await assert.rejects(loadSigningKey(path), { code: 'store.signing-key-exposed' });
  });

  it('signs the first commit of a new repository so that git verifies it', async () => {
    const { path, publicKey } = await keyFile('first');
    const dir = join(folder.path, 'new');
    await git(['init', '-q', join(folder.path, 'unused')]);
    await execute('mkdir', ['-p', join(dir, 'sub')]);
    await writeFile(join(dir, 'sub', 'file.yaml'), 'kind: Issuer\n');
    const allowed = join(folder.path, 'allowed');
    await writeFile(allowed, `certops@localhost ${publicKey}\n`);

    await initRepository({
      dir,
      files: ['sub/file.yaml'],
      message: 'First commit',
      author: { name: 'certops', email: 'certops@localhost' },
      signer: await loadSigningKey(path),
      when: new Date('2026-11-22T00:00:00Z'),
    });
    const verify = git(['-C', dir, '-c', `gpg.ssh.allowedSignersFile=${allowed}`, 'verify-commit', 'main']);

    await assert.doesNotReject(verify);
    assert.equal(await git(['-C', dir, 'status', '--porcelain']), '');
  });
});
