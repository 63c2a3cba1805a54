// `npm start -- ARGS`: installs and builds what is missing, then is `pilothouse up ARGS`.
process.argv.splice(2, 0, 'up');
await import('./pilothouse.mjs');
