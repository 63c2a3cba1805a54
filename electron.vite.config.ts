import { resolve } from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'electron-vite';

const root = import.meta.dirname;

/** The window's page alone for now: it is served to a browser by the headless app. */
export default defineConfig({
  renderer: {
    root: resolve(root, 'src/renderer'),
    plugins: [vue()],
    build: {
      outDir: resolve(root, 'out/renderer'),
      emptyOutDir: true,
      target: 'chrome108',
      cssMinify: 'lightningcss',
      rollupOptions: { input: resolve(root, 'src/renderer/index.html') },
    },
  },
});
