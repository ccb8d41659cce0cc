import { defineConfig } from 'vitest/config';

/** Files of one room that keep nothing in their modules: they share a worker, which saves each its start. */
const units = ['{events,functions,shared,cli}/**/*.test.ts'];

export default defineConfig({
  test: {
    // The bundles and the template are built once, before the files that run them.
    globalSetup: ['test/setup/build-once.ts'],
    // Two cores: more workers only fight over them, and the scenario files start whole platforms.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'units', include: units, isolate: false } },
      { extends: true, test: { name: 'together', include: ['{infra,local,test}/**/*.test.ts'] } },
    ],
  },
});
