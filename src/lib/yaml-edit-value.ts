import type { YamlEdit } from './yaml-edit.ts';
import type { YamlPath } from './yaml-problem.ts';

/** The edits of `editYaml` on what the document means. Members that cannot be found are left alone. */
export function editValue(value: unknown, edits: readonly YamlEdit[]): unknown {
  return edits.reduce((done, edit) => editOne(done, edit, edit.path), value);
}

type Members = Readonly<Record<string, unknown>>;

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function editOne(value: unknown, edit: YamlEdit, path: YamlPath): unknown {
  const [step, ...rest] = path;
  if (step === undefined) {
    return edit.do === 'append' && Array.isArray(value) ? [...(value as unknown[]), edit.value] : value;
  }
  if (Array.isArray(value)) return editItem(value, edit, path);
  if (edit.do === 'add' && (value === null || value === undefined)) return editOne({}, edit, path);
  if (!isMembers(value)) return value;
  if (!Object.hasOwn(value, String(step))) {
    return edit.do === 'add' ? { ...value, [step]: madeOf(edit.value, rest) } : value;
  }
  if (edit.do === 'append' || (edit.do === 'add' && rest.length > 0)) {
    return { ...value, [step]: editOne(value[step], edit, rest) };
  }
  if (rest.length > 0) return { ...value, [step]: editOne(value[step], edit, rest) };
  const { [step]: member, ...others } = value;
  switch (edit.do) {
    case 'set':
      return { ...value, [step]: edit.value };
    case 'add':
      return member === null ? { ...value, [step]: edit.value } : value;
    case 'remove':
      return others;
    case 'rename':
      return { ...others, [edit.key]: member };
    case 'replace':
      return { ...others, [edit.key]: edit.value };
    case 'move': {
      const [outer = '', key = ''] = edit.to.slice(-2).map(String);
      const target = others[outer];
      return { ...others, [outer]: { ...(isMembers(target) ? target : {}), [key]: member } };
    }
  }
}

function editItem(list: readonly unknown[], edit: YamlEdit, [step, ...rest]: YamlPath): unknown {
  if (rest.length === 0 && edit.do === 'remove') return list.filter((_, index) => index !== step);
  return list.map((item, index) => {
    if (index !== step) return item;
    return rest.length === 0 && edit.do === 'set' ? edit.value : editOne(item, edit, rest);
  });
}

/** A value within the maps that lead to it. */
function madeOf(value: unknown, path: YamlPath): unknown {
  return path.reduceRight<unknown>((below, step) => ({ [step]: below }), value);
}
