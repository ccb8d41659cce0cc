import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{events,functions,shared,infra,local,cli,test}/**/*.test.ts'],
    // The bundles and the template are built once, before the files that run them.
    globalSetup: ['test/setup/build-once.ts'],
    // Two cores: more workers only fight over them, and the scenario files start whole platforms.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
