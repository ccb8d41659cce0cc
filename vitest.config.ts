import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{events,functions,shared,infra,local,cli,test}/**/*.test.ts'],
    // Two cores: more workers only fight over them, and the scenario files start whole platforms.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
