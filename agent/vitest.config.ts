import { defineConfig } from 'vitest/config';

/** The agent's own suite: root on Linux, with shellcheck, wireguard-tools, wireguard-go, iproute2 and iputils-ping. */
export default defineConfig({
  test: { include: ['agent/**/*.test.ts'], maxWorkers: 2, testTimeout: 120_000, hookTimeout: 60_000 },
});
