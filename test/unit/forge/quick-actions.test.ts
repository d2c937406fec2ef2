import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forbidQuickActions, withoutQuickActions } from '../../../src/forge/quick-actions.ts';
import { InternalError } from '../../../src/lib/errors.ts';

const CARRIED_OUT = [
  { name: 'an action alone', text: '/close' },
  { name: 'an action after text', text: 'What failed\n/merge\nmore' },
  { name: 'an action with an argument', text: '/label ~"of a stranger"' },
  { name: 'capitals', text: '/Close' },
  { name: 'an action that carriage returns hide', text: 'a\n/clo\rse\r\n' },
  { name: 'an action after a code block', text: '```\ncode\n```\n/close' },
  { name: 'a block that a longer fence does not open', text: '````\n```\n````\n/close' },
  { name: 'what only looks like a fence', text: '```a`b\n/close' },
  { name: 'a fence that is indented code', text: '    ```\n/close' },
  { name: 'a closing fence with words, and the real one', text: '```\n```words\n```\n/close' },
];

for (const { name, text } of CARRIED_OUT) {
  test(`a text that GitLab would carry out is not sent: ${name}`, () => {
    assert.throws(() => forbidQuickActions(text), InternalError);
  });

  test(`a person's text with ${name} is escaped, and can be sent`, () => {
    assert.doesNotThrow(() => forbidQuickActions(withoutQuickActions(text)));
  });
}

const HARMLESS = [
  { name: 'inside a line', text: 'See /close and then\nor `/close`' },
  { name: 'a path', text: '/etc/hosts\n/.well-known/acme-challenge/x' },
  { name: 'escaped', text: '\\/close' },
  { name: 'indented', text: ' /close' },
  { name: 'in a quote', text: '> /close' },
  { name: 'in a code block', text: '```text\n/close\n```\nend' },
  { name: 'in a code block of tildes', text: '~~~\n/close\n```\n/merge\n~~~' },
];

for (const { name, text } of HARMLESS) {
  test(`a slash that GitLab does not carry out is let through: ${name}`, () => {
    assert.doesNotThrow(() => forbidQuickActions(text));
    assert.equal(withoutQuickActions(text), text);
  });
}
