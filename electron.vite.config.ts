import { resolve } from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'electron-vite';

const at = (...path: string[]): string => resolve(import.meta.dirname, ...path);

/** The desktop shell, its preload script and the window's page, for Electron 22 and later. */
export default defineConfig({
  main: {
    build: {
      outDir: at('out/main'),
      // The shell is one file: Electron's own Node finds no packages in a bundle.
      externalizeDeps: { exclude: ['valibot'] },
      target: 'node16.17',
      rollupOptions: {
        input: at('src/main/index.ts'),
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  preload: {
    build: {
      outDir: at('out/preload'),
      target: 'node16.17',
      rollupOptions: {
        input: at('src/preload/index.ts'),
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: at('src/renderer'),
    plugins: [vue()],
    worker: { format: 'es' },
    build: {
      outDir: at('out/renderer'),
      emptyOutDir: true,
      target: 'chrome108',
      cssMinify: 'lightningcss',
      rollupOptions: { input: at('src/renderer/index.html') },
    },
  },
});
