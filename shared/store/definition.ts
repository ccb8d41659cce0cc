/**
 * The table as plain data, for tests and the local platform; the CDK stack says the same in its own words and a test
 * compares the two. Both indexes are sparse: an item without their key is not in them.
 */
export const tableDefinition = {
  partitionKey: 'pk',
  sortKey: 'sk',
  /** Epoch seconds. Readers check it themselves; the table only tidies, up to days later. */
  timeToLiveAttribute: 'expiresAt',
  indexes: [
    { name: 'due', partitionKey: 'duePk', sortKey: 'dueAt' },
    { name: 'provider', partitionKey: 'providerKey' },
  ],
} as const;
