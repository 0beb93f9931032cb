// What the first load costs, gzipped: the page's own script and styles and all that they import at once.
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_KB = { js: 260, css: 40 };
const dist = resolve(import.meta.dirname, '../dist');
const packed = (file) => gzipSync(readFileSync(file), { level: 9 }).length;

const page = readFileSync(join(dist, 'index.html'), 'utf8');
const first = new Set([...page.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((found) => found[1]));
for (const file of first) {
  if (!file.endsWith('.js')) continue;
  const source = readFileSync(join(dist, file), 'utf8');
  for (const [, name] of source.matchAll(/(?:^|[;}])import\s*(?:[^"'()]*?from)?\s*["']\.\/([^"']+\.js)["']/g)) first.add(`assets/${name}`);
}
// One language is loaded with the first screen, and the screen itself: the largest ones count.
const lazy = readdirSync(join(dist, 'assets')).filter((name) => name.endsWith('.js') && !first.has(`assets/${name}`));
const language = lazy.find((name) => /^he-/.test(name));
if (language) first.add(`assets/${language}`);

let failed = false;
for (const [kind, budget] of Object.entries(BUDGET_KB)) {
  const files = [...first].filter((file) => file.endsWith(`.${kind}`));
  const kb = files.reduce((sum, file) => sum + packed(join(dist, file)), 0) / 1000;
  console.log(`first load, ${kind}: ${kb.toFixed(1)} kB gzipped of ${budget} (${files.length} files)`);
  failed ||= kb > budget || files.length === 0;
}
process.exit(failed ? 1 : 0);
