import { keys } from './keys.ts';
import type { CoolOff, CoolOffStore } from './store.ts';
import { entityOf, epochSeconds, type Table } from './table.ts';

export const coolOffStore = (table: Table): CoolOffStore => ({
  async put(coolOff) {
    const { cloud, region, zone, instanceType, lifecycle, until } = coolOff;
    // Several nodes may find the same offering exhausted: the longest cool-off stays.
    await table.put(
      keys.coolOff(cloud, region, `${instanceType}#${zone}#${lifecycle}`),
      { ...coolOff, expiresAt: epochSeconds(until) },
      { when: 'attribute_not_exists(#pk) OR #until <= :until', values: { until } },
    );
  },

  list: async (cloud, region, now) =>
    (await table.query({ when: '#pk = :pk', values: { pk: keys.coolOff(cloud, region, '-').pk } }))
      .map((item) => entityOf<CoolOff>(item))
      .filter((coolOff) => coolOff.until > now),
});
