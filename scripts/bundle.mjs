// Bundles the command line and the store's worker for the project's own Node.
import { join } from 'node:path';
import { build } from 'vite';

const root = join(import.meta.dirname, '..');

/** A worker is started by its file's name: in the bundle it is a file of its own beside the others. */
const workerNames = {
  name: 'worker-names',
  enforce: 'pre',
  transform(code) {
    if (!code.includes('new Worker(')) return undefined;
    const named = code.replace(/new URL\('\.\/([\w-]+)\.ts', import/g, "new URL('./$1.js', import");
    return { code: named, map: null };
  },
};

await build({
  root,
  configFile: false,
  logLevel: 'warn',
  plugins: [workerNames],
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: 'out/cli',
    emptyOutDir: true,
    target: 'node24',
    minify: false,
    sourcemap: true,
    rollupOptions: {
      input: {
        cli: join(root, 'src/main/cli.ts'),
        worker: join(root, 'src/main/control-plane/etcd/journal/worker.ts'),
      },
      output: { format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
