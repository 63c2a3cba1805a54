// Bundles the command line, the cluster's process under the desktop shell, and their workers (`…worker.ts`, each started by its file's name) for the project's own Node.
import { globSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'vite';

const root = join(import.meta.dirname, '..');

const outDir = join(root, 'out/cli');

/** What a file finds by its own place, it finds from the bundle's place too; a worker is a file beside it. */
const ownPlaces = {
  name: 'own-places',
  enforce: 'pre',
  transform(code, id) {
    if (!code.includes('import.meta')) return undefined;
    const place = JSON.stringify(`/${relative(outDir, dirname(id))}`);
    const moved = code
      .replace(/new URL\('\.\/([\w-]+)\.ts', import/g, "new URL('./$1.js', import")
      .replaceAll('import.meta.dirname', `(import.meta.dirname + ${place})`);
    return { code: moved, map: null };
  },
};

/** Packages that could be faster with a native module do without: a bundle runs anywhere. */
const withoutNative = {
  name: 'without-native',
  enforce: 'pre',
  resolveId: (id) => (id.endsWith('.node') ? `\0${id}` : undefined),
  load: (id) =>
    id.startsWith('\0') && id.endsWith('.node')
      ? "throw new Error('Native modules are not bundled')"
      : undefined,
};

const workers = globSync(join(root, 'src/main/control-plane/**/*worker.ts'));

await build({
  root,
  configFile: false,
  logLevel: 'warn',
  plugins: [ownPlaces, withoutNative],
  // Where a packaged WebAssembly module looks for its file, which it carries within itself.
  define: { __dirname: '"."' },
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir,
    emptyOutDir: true,
    target: 'node24',
    minify: false,
    sourcemap: true,
    rollupOptions: {
      input: [join(root, 'src/main/cli.ts'), join(root, 'src/main/supervised.ts'), ...workers],
      output: { format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});

// What runs on nodes: scripts, since a module that imports `node:http` has Node load its `fetch` as well.
await build({
  root,
  configFile: false,
  logLevel: 'warn',
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: join(root, 'out/agent'),
    emptyOutDir: true,
    target: 'node24',
    // A node keeps the text in memory as long as the agent runs.
    minify: 'oxc',
    rollupOptions: {
      input: join(root, 'src/agent/main.ts'),
      output: { format: 'cjs', entryFileNames: 'agent.cjs', chunkFileNames: '[name].cjs' },
    },
  },
});
