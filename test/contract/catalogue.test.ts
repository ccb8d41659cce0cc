import { expect, it } from 'vitest';
import { instanceType } from '../../local/clouds/catalogue.ts';
import { instanceTypes } from '../../shared/domain/catalogue.ts';

/** Two lists that must not import each other, since a shared one would share its misreadings. */
it.each(instanceTypes.map((type) => [type.cloud, type.name, type] as const))(
  '%s sells %s as the catalogue says',
  (cloud, name, type) => {
    const sold = instanceType(cloud, name);
    expect(sold).toMatchObject({
      vcpus: type.vcpus,
      memoryGib: type.memoryGib,
      architecture: type.architecture,
    });
    // The same lists read twice: a cent per hour is a misreading.
    expect(Math.abs((sold?.usdPerHour ?? 0) - type.usdPerHour)).toBeLessThan(0.01);
    expect(sold?.spot === true || type.usdPerHourSpot === undefined).toBe(true);
  },
);
