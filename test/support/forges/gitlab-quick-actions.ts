/** What GitLab does with lines that begin with a slash, in descriptions and comments. */
export interface QuickActions {
  /** The text that is kept: without the actions, carriage returns and white space at its end. */
  readonly text: string;
  readonly actions: readonly { readonly name: string; readonly argument: string }[];
}

/** Those of a merge request (docs.gitlab.com, "GitLab quick actions") that a leak would most likely be. */
const NAMES = [
  'approve',
  'assign',
  'assign_reviewer',
  'cc',
  'close',
  'copy_metadata',
  'done',
  'draft',
  'estimate',
  'label',
  'lock',
  'merge',
  'milestone',
  'ready',
  'reassign',
  'rebase',
  'relabel',
  'remove_milestone',
  'reopen',
  'request_review',
  'shrug',
  'spend',
  'submit_review',
  'subscribe',
  'tableflip',
  'target_branch',
  'title',
  'todo',
  'unassign',
  'unlabel',
  'unlock',
  'unsubscribe',
];

/** Takes the actions out of a text, but for those in fenced code, as GitLab's extractor does. */
export function extractQuickActions(content: string): QuickActions {
  const actions: { readonly name: string; readonly argument: string }[] = [];
  const kept: string[] = [];
  let isCode = false;
  for (const line of content.replaceAll('\r', '').split('\n')) {
    if (/^ {0,3}(```|~~~)/.test(line)) isCode = !isCode;
    const [, name = '', argument = ''] = /^\/([a-z_]+)(?: (.*)|\s*)$/i.exec(line) ?? [];
    if (!isCode && NAMES.includes(name.toLowerCase())) actions.push({ name: name.toLowerCase(), argument });
    else kept.push(line);
  }
  return { text: kept.join('\n').trimEnd(), actions };
}
