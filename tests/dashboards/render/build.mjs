// Bundles main.jsx with Grafana's components into out.js and out.css.
import * as esbuild from 'esbuild';

await esbuild.build({
  entryPoints: ['main.jsx'],
  bundle: true,
  outfile: 'out.js',
  format: 'iife',
  jsx: 'automatic',
  logLevel: 'error',
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: {
    '.ttf': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl',
    '.svg': 'dataurl', '.png': 'dataurl',
  },
});
