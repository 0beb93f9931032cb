import { readFileSync, readdirSync } from 'node:fs';

import { expect, it } from 'vitest';

import { en } from './en';
import { he } from './he';

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ''): Map<string, string> {
  const entries = Object.entries(tree).flatMap(([key, value]): [string, string][] => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    return typeof value === 'string' ? [[path, value]] : [...flat(value, path)];
  });
  return new Map(entries);
}

const hebrew = flat(he);
const english = flat(en);
const forms = (key: string) => key.replace(/_(one|two|other)$/, '');

it('both languages say the same things', () => {
  const keys = (texts: Map<string, string>) => [...new Set([...texts.keys()].map(forms))].sort();
  expect(keys(hebrew)).toEqual(keys(english));
});

it('plurals are whole: Hebrew has a form for two', () => {
  const plural = [...hebrew.keys()].filter((key) => key.endsWith('_other')).map(forms);
  for (const key of plural) {
    expect(['one', 'two', 'other'].filter((form) => !hebrew.has(`${key}_${form}`))).toEqual([]);
    expect(['one', 'other'].filter((form) => !english.has(`${key}_${form}`))).toEqual([]);
  }
});

it('the same values are filled in', () => {
  const values = (text: string | undefined) => [...(text ?? '').matchAll(/\{\{(\w+)\}\}/g)].map((found) => found[1]).sort();
  for (const [key, text] of hebrew) {
    if (/_(one|two)$/.test(key)) continue;
    expect(values(text), key).toEqual(values(english.get(key)));
  }
});

it('every text that a screen names is there', () => {
  const root = new URL('../../', import.meta.url);
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts'));
  const named = sources.flatMap((name) => [...readFileSync(new URL(name, root), 'utf8').matchAll(/'((?:common|nav|shell|auth|profile|leads|timeline|import|calls|promises|today|tasks|calendar|deals|payments|users|agent|budget|connections|trash|audit|problem|merge|bulk|lists|holidays|blocks|consents|privacy|full|system|webhooks|secrets|scope|wa|inbox|rescue|storage)\.[\w.-]+)'/g)].map((found) => found[1] ?? ''));
  const known = new Set([...hebrew.keys()].map(forms));
  expect([...new Set(named)].filter((key) => !known.has(key))).toEqual([]);
});

it('nobody is spoken to as a man or as a woman, and there is no officialese', () => {
  // Commands to one man or one woman; what is asked for is said by the infinitive.
  const gendered = ['אתה', 'לחץ', 'לחצי', 'הקלד', 'הקלידי', 'הזן', 'הזיני', 'נסה', 'נסי', 'בדוק', 'בדקי', 'ודא', 'ודאי', 'עליך', 'תוכל', 'תוכלי', 'תרצה', 'תרצי', 'הקש', 'הקישי', 'גרור', 'המתן', 'המתיני', 'היכנס', 'היכנסי', 'הגדר', 'הגדירי'];
  const official = ['אנא', 'הינו', 'הינה', 'הנך', 'אינו', 'אינה', 'אינם', 'אינן'];
  const unwanted = new RegExp(`(?:^|[\\s״"'(])(?:${[...gendered, ...official].join('|')})(?=[\\s.,:;!?״"')]|$)`);
  expect([...hebrew].filter(([, text]) => unwanted.test(text))).toEqual([]);
});
