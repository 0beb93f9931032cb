import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { type Plugin, defineConfig } from 'vite';

const dist = resolve(import.meta.dirname, 'dist');

/** Packs what is text, and puts back the file that keeps the folder in git. */
function finish(): Plugin {
  return {
    name: 'finish',
    apply: 'build',
    closeBundle() {
      for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(js|css|html|svg|webmanifest)$/.test(name)) continue;
        const file = join(dist, name);
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
      }
      const kept = '# What `npm run build` puts here is embedded into the server; nothing of it is committed.\n*\n!.gitignore\n';
      writeFileSync(join(dist, '.gitignore'), kept);
    },
  };
}

/** The server that `npm run dev` and `npm run preview` talk to. */
const server = process.env['PROSAAS_SERVER'] ?? 'http://127.0.0.1:5000';
const proxy = { '/api': { target: server, changeOrigin: true, headers: { origin: server } } };

export default defineConfig({
  plugins: [react(), finish()],
  resolve: { alias: { '@': resolve(import.meta.dirname, 'src') } },
  build: { outDir: dist, emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy },
  preview: { proxy },
});
