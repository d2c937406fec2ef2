import { compileLinearRegex, RegexSyntaxError } from '../../lib/linear-regex.ts';
import { SopsError } from './sops-error.ts';

/** Whether the value at a path of map keys is encrypted, by the rule that a SOPS document carries. */
export type PathSelection = (path: readonly string[]) => boolean;

/** SOPS's rule where a document names none. */
const DEFAULT_UNENCRYPTED_SUFFIX = '_unencrypted';

const RULES = ['unencrypted_suffix', 'encrypted_suffix', 'unencrypted_regex', 'encrypted_regex'] as const;
const COMMENT_RULES = ['unencrypted_comment_regex', 'encrypted_comment_regex'] as const;

/**
 * The selection that the fields of a `sops` block describe (getsops/sops `shouldBeEncrypted`): suffixes and
 * unanchored expressions are tested against every key on the path; at most one rule is allowed.
 *
 * @param field reads a text field of the block.
 * @throws SopsError `sops.unsupported` for rules by comment, two rules, and expressions that are not RE2.
 */
export function pathSelection(field: (name: string) => string | undefined, where: string): PathSelection {
  if (COMMENT_RULES.some((name) => field(name))) throw unsupported(where, 'it is sealed by comments');
  const [first, second] = RULES.filter((name) => field(name));
  if (second !== undefined) throw unsupported(where, `it names both ${first} and ${second}`);
  const pattern = first === undefined ? '' : (field(first) ?? '');
  if (first === undefined) return (path) => !path.some((key) => key.endsWith(DEFAULT_UNENCRYPTED_SUFFIX));
  const matches = first.endsWith('_suffix')
    ? (key: string) => key.endsWith(pattern)
    : compiled(pattern, first, where);
  return first.startsWith('un') ? (path) => !path.some(matches) : (path) => path.some(matches);
}

function compiled(pattern: string, rule: string, where: string): (key: string) => boolean {
  try {
    const regex = compileLinearRegex(pattern);
    const known = new Map<string, boolean>();
    // The same few keys come by for every leaf.
    return (key) => {
      const answer = known.get(key) ?? regex.test(key);
      known.set(key, answer);
      return answer;
    };
  } catch (thrown) {
    if (!(thrown instanceof RegexSyntaxError)) throw thrown;
    throw unsupported(where, `its ${rule} cannot be read: ${thrown.message}`);
  }
}

function unsupported(where: string, why: string): SopsError {
  return new SopsError(
    'sops.unsupported',
    {
      what: `${where} cannot be opened: ${why}`,
      next: 'Seal it again with encrypted_regex: ^(data|stringData)$',
    },
    { where },
  );
}
