// Makes page/: the bundle, and what Grafana's components fetch while they are shown, at the places that they know.
import { buildSync } from 'esbuild';
import { cpSync } from 'node:fs';

buildSync({ entryPoints: ['dashboard.jsx'], bundle: true, minify: true, jsx: 'automatic', logLevel: 'warning', outdir: 'page' });
cpSync('index.html', 'page/index.html');
cpSync('node_modules/@grafana/ui/dist/public', 'page/public/build', { recursive: true });
for (const weight of ['Regular', 'Medium']) {
  cpSync('node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2', `page/public/fonts/inter/Inter-${weight}.woff2`);
}
