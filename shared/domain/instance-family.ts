import type { CloudName } from './cloud.ts';

/** A part of a name that says how much of something there is: `4`, `2vcpu`, `8gb`, `1g`. */
const isAmount = (part: string): boolean => /^\d+(?:vcpu|gb|g|t)?$/.test(part);
const withoutAmounts = (name: string): string =>
  name
    .split('-')
    .filter((part) => !isAmount(part))
    .join('-');

/**
 * What an instance type is one size of, in its cloud's own words: `c6i`, `n4-highcpu`, `Dalsv6`, `s-amd`. Only the name is
 * looked at, so that types which nobody knows yet have a family too; a name of no known form is its own.
 *
 * Forms: AWS "Naming conventions" in the EC2 instance types guide, Google Cloud "Machine families resource guide", Azure
 * "VM sizes naming conventions", DigitalOcean's slugs of /v2/sizes.
 */
export function familyOf(cloud: CloudName, instanceType: string): string {
  switch (cloud) {
    case 'aws':
      return instanceType.split('.')[0] ?? instanceType;
    case 'gcp':
      // The sizes of shared cores have names instead of numbers.
      return withoutAmounts(instanceType).replace(/^(e2|f1|g1)-(?:micro|small|medium)$/, '$1');
    case 'azure': {
      // Standard_E4-2ads_v5: the letters before the size, those behind it, and the version.
      const [, series, features = '', rest = ''] =
        /^(?:Standard|Basic)_([A-Z]+)\d+(?:-\d+)?([a-z]*)((?:_\w+)?)$/.exec(instanceType) ?? [];
      return series === undefined ? instanceType : `${series}${features}${rest.replaceAll('_', '')}`;
    }
    default:
      return withoutAmounts(instanceType);
  }
}
