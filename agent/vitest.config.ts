import { defineConfig } from 'vitest/config';

/** The agent's own suite: root on Linux, with shellcheck, wireguard-tools, wireguard-go, iproute2 and iputils-ping. */
export default defineConfig({
  test: {
    include: ['agent/**/*.test.ts'],
    // One file at a time: pings that go out every 50 ms are counted, and beside another file one was lost whose cause is not known.
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
