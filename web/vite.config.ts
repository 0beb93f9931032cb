import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { type Plugin, defineConfig } from 'vite';

import { early } from './scripts/early';

const dist = resolve(import.meta.dirname, 'dist');

/** What the first paint runs nearly all of. */
const FIRST = /^assets\/(shared|index|Today|SignIn|AuthPage)-[^/]*\.js$/;
/**
 * Tells the browser to compile a file as a whole while it comes, beside the page: else it would read each function once
 * more when it is first called, which is a third of what a slow phone does before the first paint.
 * https://v8.dev/blog/explicit-compile-hints; a browser that knows nothing of it sees a comment.
 */
const AT_ONCE = '//# allFunctionsCalledOnLoad\n';

/** Packs what is text, and puts back the file that keeps the folder in git. */
function finish(): Plugin {
  return {
    name: 'finish',
    apply: 'build',
    closeBundle() {
      // The page loads the one that knows the files.
      rmSync(join(dist, 'boot.js'), { force: true });
      for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(js|css|html|svg|webmanifest)$/.test(name)) continue;
        const file = join(dist, name);
        // Only here is it the first line: what vite writes before a file comes after all its plugins.
        if (FIRST.test(name)) writeFileSync(file, AT_ONCE + readFileSync(file, 'utf8'));
        const plain = readFileSync(file);
        writeFileSync(`${file}.gz`, gzipSync(plain, { level: 9 }));
        writeFileSync(`${file}.br`, brotliCompressSync(plain));
      }
      const kept = '# What `npm run build` puts here is embedded into the server; nothing of it is committed.\n*\n!.gitignore\n';
      writeFileSync(join(dist, '.gitignore'), kept);
    },
  };
}

/** What only some screens need, and the texts, of which one language is loaded: chunks of their own. */
const LATER = /qrcode\.react|i18n\/(he|en)/;
/** What nobody sees before he has pressed something: windows and menus. */
const WINDOWS = /@floating-ui|react-remove-scroll|react-style-singleton|use-sidecar|use-callback-ref|get-nonce|@mantine\/core\/esm\/(components\/(Menu|Modal|ModalBase|Popover|ScrollArea|Accordion|Combobox|Transition|Overlay)|utils\/Floating)\/|shared\/ui\/(FormModal|MoneyFields)\./;
/** What forms are made of. */
const FIELDS = /@mantine\/core\/esm\/(components\/(Input|InputBase|TextInput|PasswordInput|Textarea|NativeSelect|Checkbox|Radio|Switch|SegmentedControl|FloatingIndicator|FileButton|Progress)|utils\/(InlineInput|InputsGroupFieldset))\/|shared\/ui\/(LeadPicker|MomentField|TaskLine|PromiseLine|MessageBody|MessageFile|AddButton)\./;

/**
 * One file of what every screen shares, where the bundler would make thirty small ones: a phone fetches six at a
 * time, and each round costs it as long as the server is away.
 */
function isShared(id: string): boolean {
  return /node_modules|src\/(api|shared|app\/shell)\//.test(id) && !/shell\/(AccountMenu|More)\./.test(id) && ![LATER, WINDOWS, FIELDS].some((later) => later.test(id)) && !id.endsWith('.css');
}

/** The files that several screens have in common: what the first paint needs, and what comes after it. */
const groups = [
  { name: 'shared', test: isShared, priority: 3 },
  { name: 'fields', test: (id: string) => FIELDS.test(id) && !id.endsWith('.css'), priority: 2 },
  { name: 'windows', test: (id: string) => WINDOWS.test(id) && !id.endsWith('.css'), priority: 1 },
];

/** The server that `npm run dev` and `npm run preview` talk to. */
const server = process.env['PROSAAS_SERVER'] ?? 'http://127.0.0.1:5000';
const proxy = { '/api': { target: server, changeOrigin: true, ws: true, headers: { origin: server } } };

export default defineConfig({
  plugins: [react(), early(), finish()],
  resolve: { alias: { '@': resolve(import.meta.dirname, 'src') } },
  build: { outDir: dist, emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 800, rolldownOptions: { output: { codeSplitting: { groups } } } },
  server: { proxy },
  preview: { proxy },
});
