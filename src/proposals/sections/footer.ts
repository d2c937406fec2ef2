import type { Cause } from '../../diagnosis/cause.ts';
import { quoteInline } from '../../lib/markdown-quote.ts';
import type { Section } from './section.ts';

/** What certops does with the pull request, and how people keep it from that. */
export function footerSection({ code }: Cause): Section {
  const text = [
    '<sub>certops keeps this up to date and closes it once the cause is gone.',
    'Closed by you, it stays closed for 14 days, unless the cause changes or the certificate in use is within 72 hours of its end.',
    `Commit to its branch, and certops leaves it to you. Cause: ${quoteInline(code)}.</sub>`,
  ].join(' ');
  return [{ text, worth: 35 }];
}
