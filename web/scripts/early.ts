import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Plugin } from 'vite';

const root = resolve(import.meta.dirname, '..');
const BOOT = 'boot.js';

interface Chunk {
  type: 'chunk' | 'asset';
  fileName: string;
  isEntry?: boolean;
  facadeModuleId?: string | null;
  imports?: string[];
  viteMetadata?: { importedCss: Set<string> };
}

/** The files of a module that is loaded later, and of what it imports, without those that are loaded anyway. */
function filesOf(bundle: Record<string, Chunk>, module: string): string[] {
  const chunks = Object.values(bundle).filter((chunk) => chunk.type === 'chunk');
  const entry = chunks.find((chunk) => chunk.isEntry);
  const found = chunks.find((chunk) => chunk.facadeModuleId?.replace(/\.tsx?$/, '') === resolve(root, 'src', module));
  if (!entry || !found) throw new Error(`no file was built of ${module}: does the router still import it?`);
  const anyway = new Set([entry.fileName, ...(entry.imports ?? [])]);
  const needed = [found, ...(found.imports ?? []).flatMap((name) => bundle[name] ?? [])].filter((chunk) => !anyway.has(chunk.fileName));
  return needed.flatMap((chunk) => [chunk.fileName, ...(chunk.viteMetadata?.importedCss ?? [])]).map((name) => `/${name}`);
}

/** Which module shows which path, as the router's source says it. */
export function screensOf(router: string): Map<string, string> {
  return new Map([...router.matchAll(/'(\/[^']*)', \(\) => import\('([^']+)'\)/g)].map(([, path = '', module = '']) => [path, module.replace('@/', '').replace('./', 'app/')]));
}

/**
 * Tells the page's first script which files each screen and each language needs, so that it asks for them at once
 * instead of after the main script has run, and puts it into a file whose name changes with it.
 */
export function early(): Plugin {
  return {
    name: 'early',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const page = bundle['index.html'];
      if (page?.type !== 'asset') throw new Error('index.html is not among what was built');
      const chunks = bundle as unknown as Record<string, Chunk>;
      const screens = screensOf(readFileSync(resolve(root, 'src/app/router.tsx'), 'utf8'));
      if (!screens.has('/') || !screens.has('/leads/$id')) throw new Error('the paths of the screens were not found in src/app/router.tsx');
      const files = {
        screens: Object.fromEntries([...screens].map(([path, module]) => [path, filesOf(chunks, module)])),
        languages: Object.fromEntries(['he', 'en'].map((language) => [language, filesOf(chunks, `shared/i18n/${language}`)])),
      };
      const source = `globalThis.prosaasFiles=${JSON.stringify(files)};\n${readFileSync(resolve(root, 'public', BOOT), 'utf8')}`;
      const fileName = `assets/boot-${createHash('sha256').update(source).digest('hex').slice(0, 8)}.js`;
      this.emitFile({ type: 'asset', fileName, source });
      const html = page.source.toString();
      if (!html.includes(`src="/${BOOT}"`)) throw new Error(`index.html does not load /${BOOT}`);
      page.source = html.replace(`src="/${BOOT}"`, `src="/${fileName}"`);
    },
  };
}
