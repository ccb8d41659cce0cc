/** What functions may know of a cloud: its contract and how it says no. The drivers themselves are their handlers' affair. */
export type * from '../clouds/contract.ts';
export { cloudErrorNames, CloudError, isCloudError, type CloudErrorName } from '../clouds/errors.ts';
