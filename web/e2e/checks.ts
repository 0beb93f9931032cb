import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds serious or critical in the page. */
export async function findings(page: Page): Promise<string[]> {
  // Evaluated by the test's own channel: the page's policy stays as it is.
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    interface Found {
      violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[];
    }
    const axe = (globalThis as unknown as { axe: { run: (what: object) => Promise<Found> } }).axe;
    const { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(' ')} (${node.failureSummary.split('\n').at(-1)?.trim()})`).slice(0, 3).join('; ')}`);
  });
  return found;
}

/** Whether something sticks out sideways, and what. */
export function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    return [...document.querySelectorAll('body *')]
      .filter((element) => {
        const { left, right } = element.getBoundingClientRect();
        return right > root.clientWidth + 1 || left < -1;
      })
      .slice(0, 5)
      .map((element) => `${element.tagName}.${element.className} ${root.scrollWidth}/${root.clientWidth}`);
  });
}

/** What of these a thumb would miss: less than 44 px high or wide. */
export function small(page: Page, targets: string): Promise<string[]> {
  return page.evaluate((selector) => {
    return [...document.querySelectorAll(selector)]
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.height < 43.5 || box.width < 43.5))
      .map(({ element, box }) => `${element.outerHTML.slice(0, 120)} ${Math.round(box.width)}x${Math.round(box.height)}`);
  }, targets);
}

/**
 * Numbers and addresses that stand in a text without walls of their own, so that the words around them could turn them
 * about; and numbers whose plus is not at their left. Words that people wrote are theirs, and are walled off as a whole.
 */
export function unwalled(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const LIKE_A_CODE = /\+\d[\d -]{6,}\d|\b0\d{1,2}-\d{3}-\d{4}\b|[\w.]+@[\w-]+\.[\w.]+|https?:\/\/\S+/;
    const wrong: string[] = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const holder = text.parentElement;
      const found = LIKE_A_CODE.exec(text.textContent ?? '');
      if (!found || !holder || holder.getClientRects().length === 0 || holder.closest('script, style, textarea, option, title')) continue;
      const { direction, unicodeBidi } = getComputedStyle(holder);
      const isAlone = found[0].length === text.textContent?.trim().length;
      // A code alone has to be read from the left; within a sentence of somebody's, the sentence has to be walled off.
      const isWalled = /isolate|plaintext/.test(unicodeBidi) || holder.closest('bdi, [dir]:not(html)') !== null;
      if (!isWalled || (isAlone && direction !== 'ltr' && holder.closest('bdi, [dir=auto]') === null)) wrong.push(`${holder.outerHTML.slice(0, 140)}`);
      if (found[0].startsWith('+')) {
        const part = (from: number, to: number) => {
          const range = document.createRange();
          range.setStart(text, from);
          range.setEnd(text, to);
          return range.getBoundingClientRect();
        };
        const plus = part(found.index, found.index + 1);
        const last = part(found.index + found[0].length - 1, found.index + found[0].length);
        if (plus.top === last.top && plus.left > last.left) wrong.push(`the plus is at the right: ${found[0]}`);
      }
    }
    return wrong;
  });
}

/** Where this name stands in a text that is not walled off from the words around it. */
export function loose(page: Page, name: string): Promise<string[]> {
  return page.evaluate((name) => {
    const wrong: string[] = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const holder = text.parentElement;
      if (!text.textContent?.includes(name) || !holder || holder.getClientRects().length === 0 || holder.closest('script, textarea, option')) continue;
      const isWalled = /isolate|plaintext/.test(getComputedStyle(holder).unicodeBidi) || holder.closest('bdi, [dir=auto]') !== null;
      if (!isWalled) wrong.push(holder.outerHTML.slice(0, 140));
    }
    return wrong;
  }, name);
}
